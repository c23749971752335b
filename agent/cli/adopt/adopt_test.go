package adopt_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/agent/cli/adopt"
	"sallyport/agent/control"
	"sallyport/agent/need"
	"sallyport/store"
)

func TestMain(m *testing.M) { os.Exit(need.Main(m)) }

func run(s store.Status, with func(*control.Run)) *control.Run {
	r := &control.Run{ID: 7, Status: s}
	if with != nil {
		with(r)
	}
	return r
}

func planned(p control.Plan) func(*control.Run) { return func(r *control.Run) { r.Plan = &p } }

func TestFound(t *testing.T) {
	tests := map[string]struct {
		stack control.Stack
		want  adopt.Found // empty: it is in no table
		text  string
	}{
		"it is applied as ever":       {control.Stack{Mode: "normal", Run: run(store.Applied, nil)}, "", ""},
		"nothing was planned":         {control.Stack{Mode: "observe"}, adopt.Waiting, "not planned yet"},
		"it is being planned":         {control.Stack{Mode: "observe", Run: run(store.Planning, nil)}, adopt.Waiting, "not planned yet"},
		"it waits":                    {control.Stack{Mode: "observe", Run: run(store.Pending, func(r *control.Run) { r.Held = "the disk is full" })}, adopt.Waiting, "the disk is full"},
		"somebody stopped it":         {control.Stack{Mode: "observe", Run: run(store.Canceled, nil)}, adopt.Waiting, "#7 is canceled"},
		"it has no changes":           {control.Stack{Mode: "observe", Run: run(store.Previewed, planned(control.Plan{}))}, adopt.Same, ""},
		"it adds":                     {control.Stack{Mode: "observe", Run: run(store.Previewed, planned(control.Plan{Add: 1}))}, adopt.Differs, ""},
		"it imports":                  {control.Stack{Mode: "observe", Run: run(store.Previewed, planned(control.Plan{Import: 1}))}, adopt.Differs, ""},
		"it moves":                    {control.Stack{Mode: "observe", Run: run(store.Previewed, planned(control.Plan{Changes: []control.Change{{Address: "a.b"}}}))}, adopt.Differs, ""},
		"an output changes":           {control.Stack{Mode: "observe", Run: run(store.Previewed, planned(control.Plan{Outputs: []control.Output{{Name: "ip"}}}))}, adopt.Differs, ""},
		"something is left":           {control.Stack{Mode: "observe", Run: run(store.Previewed, planned(control.Plan{Deferred: []control.Deferred{{Address: "a.b"}}}))}, adopt.Differs, ""},
		"it was previewed, no plan":   {control.Stack{Mode: "observe", Run: run(store.Previewed, nil)}, adopt.Waiting, "#7 is previewed"},
		"it has no changes, no agent": {control.Stack{Run: run(store.Previewed, planned(control.Plan{}))}, adopt.Same, ""},
		"it failed":                   {control.Stack{Mode: "observe", Run: run(store.Errored, func(r *control.Run) { r.Error = "no such key" })}, adopt.Errored, "no such key"},
		"its directory is gone":       {control.Stack{Mode: "observe", Error: "no directory", Run: run(store.Previewed, planned(control.Plan{}))}, adopt.Errored, "no directory"},
	}
	for name, c := range tests {
		r := adopt.Of(control.Status{Stacks: []control.Stack{c.stack}}, "the file")
		var got adopt.Stack
		if len(r.Stacks) > 0 {
			got = r.Stacks[0]
		}
		if got.Found != c.want || got.Text != c.text {
			t.Errorf("%s: %q %q, want %q %q", name, got.Found, got.Text, c.want, c.text)
		}
	}
}

func TestReport(t *testing.T) {
	var s control.Status
	s.Agent.Running = true
	for n := range 20 {
		r := run(store.Previewed, planned(control.Plan{}))
		if n >= 17 {
			r.Plan.Change = 1
		}
		s.Stacks = append(s.Stacks, control.Stack{Name: fmt.Sprint("s", n), Mode: "observe", Run: r})
	}
	r := adopt.Of(s, "/etc/sallyport/sallyport.hcl")
	if r.Same != 17 || r.Differ != 3 || r.Errored+r.Waiting != 0 || len(r.Differing()) != 3 || !r.Agent {
		t.Errorf("%+v", r)
	}
	want := []string{
		"what differs: sallyport show STACK --plan says how; mend the files, or bring in what is there and in no state by a commit with import blocks",
		`to switch on, all or one by one: take mode = "observe" out of /etc/sallyport/sallyport.hcl, then sallyport check and systemctl reload sallyport`,
		"then each stack is planned once more: without changes it is taken as it is, with changes people are asked; nothing is applied that nobody approved",
	}
	if diff := cmp.Diff(want, r.Next); diff != "" {
		t.Error(diff)
	}
}
