package control

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/store"
)

// An answer for people is a copy: what is shown to them must not change what a program decides by.
func TestCalledIsACopy(t *testing.T) {
	answer := func() Status {
		run := RunOf(&store.Run{
			ID: 3, Stack: "ghe", RequestedBy: "cli:root (logged in as jane)", Warnings: []string{"asked by slack:U01"}, Error: "denied by slack:U01",
			Decisions: []store.Decision{{Verdict: store.Deny, By: "slack:U01", Text: "said cli:jane"}},
			Plan:      &store.Plan{Changes: []store.Change{{Address: "a.b slack:U01", Actions: []string{"create"}}}},
		})
		run.Facts = map[string]string{"by": "slack:U01"}
		return Status{
			Stacks: []Stack{{Name: "ghe", Run: &run}, {Name: "net"}}, Unreviewed: []Run{run}, Problems: []Problem{},
			People: map[string]string{"slack:U01": "Joe", "cli:jane": "Jane"},
		}
	}
	one := answer()
	shown := one.Called()
	if diff := cmp.Diff(text(t, answer()), text(t, one)); diff != "" {
		t.Errorf("the answer itself has changed:\n%s", diff)
	}
	run := shown.Stacks[0].Run
	for what, is := range map[string][2]string{
		"the error":             {run.Error, "denied by Joe"},
		"a warning":             {run.Warnings[0], "asked by Joe"},
		"who asked":             {run.RequestedBy, "Jane"},
		"who had logged in":     {run.RequestedLogin, ""},
		"a decision":            {run.Decisions[0].By, "Joe"},
		"its words":             {run.Decisions[0].Text, "said Jane"},
		"an address":            {run.Plan.Changes[0].Address, "a.b slack:U01"},
		"a fact":                {run.Facts["by"], "slack:U01"},
		"a run that is a value": {shown.Unreviewed[0].Error, "denied by Joe"},
		"nothing":               {fmt.Sprint(shown.Stacks[1].Run), "<nil>"},
	} {
		if is[0] != is[1] {
			t.Errorf("%s is %q, want %q", what, is[0], is[1])
		}
	}
	shown.Stacks[0].Run.Facts["by"], shown.Stacks[0].Run.Warnings[0], shown.People["slack:U01"] = "x", "x", "x"
	if diff := cmp.Diff(text(t, answer()), text(t, one)); diff != "" {
		t.Errorf("the copy shares something with the answer:\n%s", diff)
	}
}

// What a plan changes is not copied: of ten thousand changes that took more than half of what a status costs.
func TestCalledIsCheap(t *testing.T) {
	run := Run{ID: 3, Plan: &Plan{Changes: make([]Change, 2000)}}
	for n := range run.Plan.Changes {
		run.Plan.Changes[n] = Change{Address: fmt.Sprintf("a.b[%d]", n), Actions: []string{"create"}}
	}
	if n := testing.AllocsPerRun(1, func() { run.Called() }); n > 1000 {
		t.Errorf("%v allocations", n)
	}
	if got := run.Called(); !reflect.DeepEqual(got.Plan, run.Plan) {
		t.Error("the plan is another one")
	}
}

func text(t *testing.T, answer any) string {
	t.Helper()
	b, err := json.MarshalIndent(answer, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
