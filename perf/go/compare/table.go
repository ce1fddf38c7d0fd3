// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// number prints three or more significant digits.
func number(v float64) string {
	switch a := math.Abs(v); {
	case a >= 100:
		return fmt.Sprintf("%.0f", v)
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}

func (n *line) wanted() string {
	switch {
	case n.Target == 0:
		return "-"
	case n.kind == limit:
		return "<= " + number(n.Target)
	default:
		return number(n.Target)
	}
}

func (n *line) verdict() string {
	switch {
	case n.Target == 0:
		return "-"
	case !n.Claimed:
		return "." // an older Go: nothing is claimed
	case n.Reached:
		return "yes"
	default:
		return "NO"
	}
}

func (n *line) compared() string {
	if n.kind == limit || (n.kind == plain && n.Unit != "ns") {
		return "-"
	}
	return number(n.Ratio)
}

const columns = "%-38s %1s %9s %9s %-3s %6s %8s %3s %15s %11s\n"

// printTable is the end of a run.
func printTable(w io.Writer, rows []*outcome, newGo bool) {
	group := ""
	for _, o := range rows {
		if o.row.group != group {
			group = o.row.group
			fmt.Fprintf(w, "\n"+columns, strings.ToUpper(group), "W", "Go", "leat", "", "ratio",
				"target", "ok", "CPU s Go/leat", "spread %")
		}
		if o.err != nil {
			fmt.Fprintf(w, "%-38s %d FAILED: %v\n", o.row.name, o.row.workers, o.err)
			continue
		}
		for i, n := range o.lines(newGo) {
			printLine(w, &n, i == 0, o.foreign > noisy)
		}
	}
}

func printLine(w io.Writer, n *line, withCPU, marked bool) {
	cpu := ""
	if withCPU {
		cpu = fmt.Sprintf("%.3f/%.3f", n.GoCPU, n.LeatCPU)
	}
	mark := ""
	if marked {
		mark = " ~"
	}
	name := n.Name
	if n.kind == gain {
		name = fmt.Sprintf("%s (threads %.2f)", name, n.Threads)
	}
	fmt.Fprintf(w, columns, name, fmt.Sprint(n.Workers), number(n.Go.Median), number(n.Leat.Median), n.Unit,
		n.compared(), n.wanted(), n.verdict(), cpu,
		fmt.Sprintf("%.0f/%.0f", 100*n.Go.spread(), 100*n.Leat.spread())+mark)
}

const legend = `
W          workers = GOMAXPROCS = CPUs that the process may use, the same ones on both sides
Go, leat   medians; ratio = Go / leat. Gain: time on one plain thread / time on two CPUs, and
           ratio = leat's gain / the gain of two independent threads on the same work
CPU s      used by all threads of the process, for as many operations as Go did in a sample
spread     (slowest - fastest) / median of the samples; ~: other processes kept the CPUs busy
`

// printSummary counts the targets.
func printSummary(w io.Writer, rows []*outcome, newGo bool) {
	reached, claimed, failed := 0, 0, 0
	var missed []string
	for _, o := range rows {
		if o.err != nil {
			failed++
			continue
		}
		for _, n := range o.lines(newGo) {
			if n.Target == 0 || !n.Claimed {
				continue
			}
			claimed++
			if n.Reached {
				reached++
			} else {
				missed = append(missed, fmt.Sprintf("%s w%d: %s of %s", n.Name, n.Workers,
					number(n.Ratio), number(n.Target)))
			}
		}
	}
	fmt.Fprint(w, legend)
	if !newGo {
		fmt.Fprintf(w, "\nThe targets are against Go 1.26 or newer; against this one no ratio is claimed.\n")
	}
	if claimed > 0 {
		fmt.Fprintf(w, "\n%d of %d targets reached.\n", reached, claimed)
	}
	for _, m := range missed {
		fmt.Fprintf(w, "  missed  %s\n", m)
	}
	if failed > 0 {
		fmt.Fprintf(w, "%d rows FAILED.\n", failed)
	}
}
