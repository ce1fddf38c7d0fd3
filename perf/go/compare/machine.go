// SPDX-License-Identifier: MIT

package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// machine is where the figures come from.
type machine struct {
	CPU      string `json:"cpu"`
	CPUs     int    `json:"cpus"`
	MemoryMB int    `json:"memory_mb"`
	Kernel   string `json:"kernel"`
	System   string `json:"system"`
	Compiler string `json:"compiler"`
	Go       string `json:"go"`
	Leat     string `json:"leat"`
	Date     string `json:"date"`
}

func thisMachine(compiler, leat string) machine {
	return machine{
		CPU:      field("/proc/cpuinfo", "model name", runtime.GOARCH),
		CPUs:     runtime.NumCPU(),
		MemoryMB: memoryMB("MemTotal"),
		Kernel:   output("uname", "-sr"),
		System:   strings.Trim(field("/etc/os-release", "PRETTY_NAME", "unknown"), `"`),
		Compiler: compiler,
		Go:       runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH,
		Leat:     leat,
		Date:     time.Now().UTC().Format("2006-01-02 15:04 MST"),
	}
}

func memoryMB(name string) int {
	kb, _ := strconv.Atoi(strings.Fields(field("/proc/meminfo", name, "0 kB"))[0])
	return kb / 1024
}

func availableMB() int {
	return memoryMB("MemAvailable")
}

func (m *machine) String() string {
	return fmt.Sprintf("%s, %d CPUs, %d MB, %s, %s\n%s; %s; leat %s; %s",
		m.CPU, m.CPUs, m.MemoryMB, m.System, m.Kernel, m.Go, m.Compiler, m.Leat, m.Date)
}

// newGo: the targets are against Go 1.26 or newer. A development version counts.
func newGo() bool {
	v := runtime.Version()
	if !strings.HasPrefix(v, "go1.") {
		return strings.HasPrefix(v, "devel")
	}
	minor := v[len("go1."):]
	for i, c := range minor {
		if c < '0' || c > '9' {
			minor = minor[:i]
			break
		}
	}
	n, err := strconv.Atoi(minor)
	return err == nil && n >= 26
}

func output(name string, args ...string) string {
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

// field finds "name : value" or "name=value" in a file.
func field(path, name, otherwise string) string {
	f, err := os.Open(path)
	if err != nil {
		return otherwise
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		t := lines.Text()
		if i := strings.IndexAny(t, ":="); i > 0 && strings.TrimSpace(t[:i]) == name {
			return strings.TrimSpace(t[i+1:])
		}
	}
	return otherwise
}

// pickCPUs lists the CPUs that this process may use, one of each core first.
func pickCPUs() []int {
	var first, rest []int
	for _, c := range parseList(field("/proc/self/status", "Cpus_allowed_list", "0")) {
		path := fmt.Sprintf("/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", c)
		siblings, err := os.ReadFile(path)
		if err == nil {
			if s := parseList(strings.TrimSpace(string(siblings))); len(s) > 0 && s[0] != c {
				rest = append(rest, c)
				continue
			}
		}
		first = append(first, c)
	}
	return append(first, rest...)
}

// parseList reads "0-2,5".
func parseList(s string) []int {
	var all []int
	for _, part := range strings.Split(s, ",") {
		ends := strings.SplitN(part, "-", 2)
		from, err := strconv.Atoi(ends[0])
		if err != nil {
			continue
		}
		to := from
		if len(ends) == 2 {
			to, _ = strconv.Atoi(ends[1])
		}
		for ; from <= to; from++ {
			all = append(all, from)
		}
	}
	return all
}
