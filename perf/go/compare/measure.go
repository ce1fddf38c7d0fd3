// SPDX-License-Identifier: MIT

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// sample is one line that a scenario program printed.
type sample struct {
	Count   int                `json:"count"`
	Reps    int                `json:"reps"`
	Ops     int                `json:"ops"`
	Wall    float64            `json:"wall_s"`
	CPU     float64            `json:"cpu_s"`
	NsPerOp float64            `json:"ns_per_op"`
	Check   uint64             `json:"check"`
	Extra   map[string]float64 `json:"extra,omitempty"`
}

func (s *sample) value(key string) float64 {
	if key == usualNS {
		return s.NsPerOp
	}
	if key == "bytes" { // of a channel: what it asked for or what the process grew by
		if s.Extra["counted"] > s.Extra["rss"] {
			return s.Extra["counted"]
		}
		return s.Extra["rss"]
	}
	return s.Extra[key]
}

// sampleLimit ends a process that hangs.
const sampleLimit = 60 * time.Second

// lab runs the scenario programs.
type lab struct {
	goProg, leatProg string
	cpus             []int
	iterations       float64 // of burn, in one ns
	minMS            int
	spare            time.Duration // for rounds taken again
	fewer            bool          // the quickCount of rows that have one
}

// process is a scenario program that gives one sample for each ask.
type process struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Scanner
	errors bytes.Buffer
	serve  bool
}

// start runs a program on as many CPUs as the scenario has workers.
func (l *lab) start(prog, name string, workers int, r *row) (*process, error) {
	minMS := l.minMS
	if r.minMS > 0 {
		minMS = r.minMS
	}
	warm := r.warm
	if warm > l.count(r) {
		warm = l.count(r)
	}
	args := []string{"-c", l.cpuList(workers), prog, name, strconv.Itoa(workers),
		strconv.Itoa(l.count(r)), strconv.Itoa(warm), strconv.Itoa(minMS),
		strconv.Itoa(int(l.iterations * float64(r.workNS)))}
	if r.serve {
		args = append(args, "serve")
	}
	p := &process{cmd: exec.Command("taskset", args...), serve: r.serve}
	p.cmd.Env = cleanEnvironment()
	p.cmd.Stderr = &p.errors
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewScanner(out)
	return p, p.cmd.Start()
}

// count is how many operations one repetition has.
func (l *lab) count(r *row) int {
	if l.fewer && r.quickCount > 0 {
		return r.quickCount
	}
	return r.count
}

func (l *lab) cpuList(workers int) string {
	var list []string
	for i := 0; i < workers && i < len(l.cpus); i++ {
		list = append(list, strconv.Itoa(l.cpus[i]))
	}
	return strings.Join(list, ",")
}

// cleanEnvironment leaves out what would change either runtime.
func cleanEnvironment() []string {
	var keep []string
	for _, e := range os.Environ() {
		if strings.HasPrefix(e, "LEAT_") || strings.HasPrefix(e, "GO") {
			continue
		}
		keep = append(keep, e)
	}
	return keep
}

// ask takes one sample.
func (p *process) ask() (*sample, error) {
	timer := time.AfterFunc(sampleLimit, func() { p.cmd.Process.Kill() })
	defer timer.Stop()
	if p.serve {
		if _, err := io.WriteString(p.in, "go\n"); err != nil {
			return nil, p.trouble(err)
		}
	}
	if !p.out.Scan() {
		return nil, p.trouble(p.out.Err())
	}
	s := &sample{}
	if err := json.Unmarshal(p.out.Bytes(), s); err != nil {
		return nil, p.trouble(err)
	}
	return s, nil
}

// trouble makes an error of what the process said and how it ended.
func (p *process) trouble(err error) error {
	said := strings.TrimSpace(p.errors.String())
	if i := strings.IndexByte(said, '\n'); i >= 0 {
		said = said[:i]
	}
	end := p.cmd.Wait()
	if said == "" && end != nil {
		said = end.Error()
	}
	if said == "" && err != nil {
		said = err.Error()
	}
	return fmt.Errorf("%s", said)
}

// stop lets the process end; it fails when it does not end well, or not at all.
func (p *process) stop() error {
	timer := time.AfterFunc(sampleLimit, func() { p.cmd.Process.Kill() })
	defer timer.Stop()
	p.in.Close()
	for p.out.Scan() {
	}
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("after the sample: %s %v", strings.TrimSpace(p.errors.String()), err)
	}
	return nil
}

// once is a process with one sample.
func (l *lab) once(prog, name string, workers int, r *row) (*sample, error) {
	p, err := l.start(prog, name, workers, r)
	if err != nil {
		return nil, err
	}
	s, err := p.ask()
	if err != nil {
		return nil, err
	}
	return s, p.stop()
}

// calibrate finds how many iterations of burn take a nanosecond.
func (l *lab) calibrate() error {
	best := 0.0
	for i := 0; i < 3; i++ {
		s, err := l.once(l.leatProg, "calibrate", 1, &row{count: 20000000, minMS: 50})
		if err != nil {
			return err
		}
		if best == 0 || s.NsPerOp < best {
			best = s.NsPerOp
		}
	}
	l.iterations = 1 / best
	return nil
}
