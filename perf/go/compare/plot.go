// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"html"
	"math"
	"os"
	"strings"
)

// The plot: one bar for each ratio, on a logarithmic axis, with a tick at its target.
const (
	plotLeft  = 270.0 // of the axis
	plotRight = 860.0
	plotTop   = 96.0
	barHeight = 11.0
	barStep   = 15.0
	lowest    = 0.5
	highest   = 256.0
)

func axis(v float64) float64 {
	v = math.Max(lowest, math.Min(highest, v))
	return plotLeft + (plotRight-plotLeft)*math.Log2(v/lowest)/math.Log2(highest/lowest)
}

type plot struct {
	text strings.Builder
	y    float64
}

func (p *plot) words(x, y float64, anchor, class, s string) {
	fmt.Fprintf(&p.text, `<text x="%.1f" y="%.1f" text-anchor="%s" class="%s">%s</text>`+"\n",
		x, y, anchor, class, html.EscapeString(s))
}

func (p *plot) bar(n *line, label string) {
	from, to := axis(1), axis(n.Ratio)
	if to < from {
		from, to = to, from
	}
	p.words(plotLeft-8, p.y+barHeight-2, "end", "name", label)
	fmt.Fprintf(&p.text, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.0f" class="w%d"/>`+"\n",
		from, p.y, math.Max(to-from, 1), barHeight, n.Workers)
	p.words(math.Max(axis(n.Ratio), axis(1))+4, p.y+barHeight-2, "start", "value", number(n.Ratio))
	if n.Target > 0 {
		fmt.Fprintf(&p.text, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="target"/>`+"\n",
			axis(n.Target), p.y-1, axis(n.Target), p.y+barHeight+1)
	}
	p.y += barStep
}

func (p *plot) grid(bottom float64) {
	for v := lowest; v <= highest; v *= 2 {
		class := "grid"
		if v == 1 {
			class = "one"
		}
		fmt.Fprintf(&p.text, `<line x1="%.1f" y1="%.0f" x2="%.1f" y2="%.0f" class="%s"/>`+"\n",
			axis(v), plotTop-14, axis(v), bottom, class)
		p.words(axis(v), plotTop-18, "middle", "value", fmt.Sprintf("%gx", v))
	}
}

const plotHead = `<svg xmlns="http://www.w3.org/2000/svg" width="900" height="%.0f" viewBox="0 0 900 %.0f" font-family="sans-serif">
<style>
.title{font-size:17px;font-weight:bold}.note{font-size:11px;fill:#555}.group{font-size:12px;font-weight:bold}
.name{font-size:11px}.value{font-size:10px;fill:#444}.w1{fill:#7fa6c9}.w2{fill:#2f6690}
.grid{stroke:#e4e4e4}.one{stroke:#888}.target{stroke:#d1495b;stroke-width:2}
</style>
<rect width="900" height="%.0f" fill="white"/>
`

// writePlot draws the ratios of a run.
func writePlot(path string, m *machine, rows []*outcome, newGo bool) error {
	body := &plot{y: plotTop}
	group := ""
	for _, o := range rows {
		if o.err != nil {
			continue
		}
		for _, n := range o.lines(newGo) {
			if n.kind != ratio {
				continue
			}
			if n.Group != group {
				group = n.Group
				body.y += 8
				body.words(12, body.y+barHeight-2, "start", "group", group)
				body.y += barStep
			}
			body.bar(&n, fmt.Sprintf("%s, %d", n.Name, n.Workers))
		}
	}
	bottom := body.y + 8
	head := &plot{}
	fmt.Fprintf(&head.text, plotHead, bottom+12, bottom+12, bottom+12)
	head.words(12, 24, "start", "title", "leat and Go: time of Go / time of leat")
	head.words(12, 42, "start", "note", "Right of 1: leat is faster. Light: 1 worker, dark: 2 workers. Red: target. "+m.Date)
	head.words(12, 58, "start", "note", fmt.Sprintf("%s, %d CPUs; %s; %s", m.CPU, m.CPUs, m.Go, m.Compiler))
	head.grid(bottom)
	return os.WriteFile(path, []byte(head.text.String()+body.text.String()+"</svg>\n"), 0o644)
}
