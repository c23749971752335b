package engine

import (
	"path/filepath"
	"strings"
	"testing"

	"sallyport/agent/config"
	"sallyport/agent/hint"
	"sallyport/agent/terraform"
	"sallyport/store"
)

// TestOwnState: what plans without being applied looks at the state as well, and says what it found.
func TestOwnState(t *testing.T) {
	t.Parallel()
	st, err := store.Open(store.Options{Path: filepath.Join(t.TempDir(), "store.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = st.Close() }()
	if err := st.Update(func(tx *store.Tx) error {
		return tx.PutStack(&store.StackState{Name: "box", Lineage: "l1", Resources: 2, Guarded: &store.Guarded{Since: []string{"*"}}})
	}); err != nil {
		t.Fatal(err)
	}
	e, s := &Engines{store: st}, &config.Stack{Name: "box"}
	for _, c := range []struct {
		name    string
		plan    terraform.PlanResult
		wish    stateWish
		refused string
		warns   string
		again   bool // a protected object counts as made again
	}{
		{name: "its own", plan: terraform.PlanResult{Plan: store.Plan{Lineage: "l1"}, Resources: 2}},
		{name: "its own, emptied", plan: terraform.PlanResult{Plan: store.Plan{Lineage: "l1"}}, again: true},
		{name: "none, of a drift check", plan: terraform.PlanResult{Plan: store.Plan{NewState: true}}, refused: "there is no state", again: true},
		{name: "none, of a preview", plan: terraform.PlanResult{Plan: store.Plan{NewState: true}}, wish: stateWish{Preview: true}, warns: "its plan is refused", again: true},
		{name: "another, which is meant", plan: terraform.PlanResult{Plan: store.Plan{Lineage: "l2"}, Resources: 2}, wish: stateWish{Another: true}, again: true},
		{name: "another", plan: terraform.PlanResult{Plan: store.Plan{Lineage: "l2"}, Resources: 2}, refused: "lineage l2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.plan.Plan.Changes = []store.Change{{Address: "a.db", Actions: []string{"create"}, Class: store.ClassConfig, Protected: true}}
			err := e.ownState(s, &c.plan, c.wish)
			if c.refused == "" && err != nil || c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused) || hint.Of(err) == "") {
				t.Errorf("refused: %v, hint %q", err, hint.Of(err))
			}
			if warns := strings.Join(c.plan.Warnings, " "); !strings.Contains(warns, c.warns) || c.warns == "" && warns != "" {
				t.Errorf("warns %q", warns)
			}
			if again := len(c.plan.Plan.MustName()) == 1; again != c.again {
				t.Errorf("made again: %v", again)
			}
		})
	}
}
