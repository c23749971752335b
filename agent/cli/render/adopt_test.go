package render

import (
	"path/filepath"
	"testing"

	"sallyport/agent/cli/adopt"
	"sallyport/agent/control"
	"sallyport/notify/golden"
	"sallyport/store"
)

func TestAdoptInColour(t *testing.T) {
	observed := func(name string, id int, s store.Status, p *control.Plan) control.Stack {
		return control.Stack{Name: name, Mode: control.ModeObserve, Run: &control.Run{ID: id, Stack: name, Status: s, Plan: p, Error: "no such key\nline 3", Hint: "mend it"}}
	}
	var s control.Status
	s.Agent.Running = true
	many := &control.Plan{Add: 12}
	for range 12 {
		many.Changes = append(many.Changes, control.Change{Address: "aws_x.\x1b[31my", Actions: []string{"create"}})
	}
	s.Stacks = []control.Stack{
		observed("net", 1, store.Previewed, &control.Plan{}),
		observed("ghe", 2, store.Previewed, &control.Plan{Change: 1, Import: 1, Outputs: []control.Output{{Name: "ip", Actions: []string{"update"}}}, Changes: []control.Change{
			{Address: "aws_ebs_volume.data", Actions: []string{"import"}, Importing: true},
			{Address: "aws_instance.ghe", Actions: []string{"update"}, Attributes: []string{"tags"}, Protected: true, MustName: true},
		}}),
		observed("wiki", 3, store.Previewed, many),
		observed("old", 4, store.Errored, nil),
		{Name: "new", Mode: control.ModeObserve},
		{Name: "other", Mode: control.ModeNormal},
	}
	golden.Is(t, filepath.Join("testdata", "adopt.ansi"), Width(0).Adopt(adopt.Of(s, "/etc/sallyport/sallyport.hcl")))
}
