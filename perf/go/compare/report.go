// SPDX-License-Identifier: MIT

package main

import (
	"encoding/json"
	"os"
)

// report is the file that a run leaves behind.
type report struct {
	Machine machine     `json:"machine"`
	Quick   bool        `json:"quick"`
	Rounds  int         `json:"rounds"`
	MinMS   int         `json:"min_ms"`
	Seconds float64     `json:"seconds"`
	Rows    []reportRow `json:"rows"`
}

type reportRow struct {
	Name    string               `json:"name"`
	Group   string               `json:"group"`
	Workers int                  `json:"workers"`
	Error   string               `json:"error,omitempty"`
	Foreign float64              `json:"foreign_cpus"`
	Again   int                  `json:"rounds_again,omitempty"`
	Lines   []line               `json:"lines,omitempty"`
	Samples map[string][]*sample `json:"samples"`
}

func (r *report) add(o *outcome, newGo bool) {
	row := reportRow{Name: o.row.name, Group: o.row.group, Workers: o.row.workers, Foreign: o.foreign, Again: o.again,
		Samples: map[string][]*sample{"go": o.goSide, "leat": o.leat}}
	if o.row.threadsName != "" {
		row.Samples["two threads"], row.Samples["one thread"] = o.pairs, o.serial
	}
	if o.err != nil {
		row.Error = o.err.Error()
	} else {
		row.Lines = o.lines(newGo)
	}
	r.Rows = append(r.Rows, row)
}

func (r *report) write(path string) error {
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}
