package agent

import (
	"testing"

	"sallyport/agent/journal"
	"sallyport/agent/operator"
	"sallyport/store"
)

// Whoever gave a value to a plan hears that it went with the plan: no commit run has it.
func TestSupersededSaysWhatGoesWithIt(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		options store.PlanOptions
		want    string
	}{
		{"nothing", store.PlanOptions{}, ""},
		{"a variable", store.PlanOptions{Vars: []string{"size"}}, "; --var size went with it: say it again with a new plan if it is still wanted: sallyport plan box --var size"},
		{
			"several and an image", store.PlanOptions{Vars: []string{"a", "b"}, Images: map[string]string{"node": "ami-1"}},
			"; --var a, --var b, --image node went with it: say it again with a new plan if it is still wanted: sallyport plan box --var a --var b --image node=ID",
		},
		{
			"some addresses", store.PlanOptions{Targets: []string{"a.b", "module.c"}},
			"; --target of 2 addresses went with it: say it again with a new plan if it is still wanted: sallyport plan box --target ADDRESS --target ADDRESS",
		},
		{"a replacement", store.PlanOptions{Replace: []string{"a.b"}}, "; --replace of 1 object went with it: say it again with a new plan if it is still wanted: sallyport plan box --replace ADDRESS"},
		{
			"a destruction of a stack that is pinned", store.PlanOptions{Destroy: true, Vars: []string{"size"}, Inherited: true},
			"; --destroy went with it: say it again with a new plan if it is still wanted: sallyport plan box --destroy",
		},
		{"what the stack is pinned with", store.PlanOptions{Vars: []string{"size"}, Inherited: true}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := newStanding(t)
			run := s.run("box", store.Planned)
			s.do(func(tx *store.Tx) error {
				if _, err := tx.ChangeRun(run.ID, func(r *store.Run) error { r.Options = tc.options; return nil }); err != nil {
					return err
				}
				st, err := tx.Stack("box")
				if err != nil {
					return err
				}
				return s.operator.MakeWay(&journal.Tx{Tx: tx}, s.w, st, operator.Request{By: "cli:jane", Stack: "box"})
			})
			if got, want := s.get(run.ID).Error, "superseded: cli:jane asked for another plan"+tc.want; got != want {
				t.Errorf("it says %q, not %q", got, want)
			}
		})
	}
}
