package errands

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/agent/config"
	"sallyport/agent/engine"
	"sallyport/agent/hint"
	"sallyport/notify/redact"
	"sallyport/store"
)

// A command that changes the state runs what the files name: of a stack that was never applied they get what only applies have
// when somebody names the commit, having looked at it.
func TestWhatACommandIsLent(t *testing.T) {
	t.Parallel()
	const commit = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	st, err := store.Open(store.Options{Path: filepath.Join(t.TempDir(), "store.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	secret := &config.Stack{Name: "box", ApplyEnv: map[string]redact.Secret{"WHO": redact.NewSecret("apply")}}
	role := &config.Stack{Name: "box", AWS: &config.AWS{RoleARN: "apply", PlanRoleARN: "plan"}}
	oneRole := &config.Stack{Name: "box", AWS: &config.AWS{RoleARN: "both"}}
	run := &store.Run{Stack: "box", Repository: "infra", Kind: store.KindCommit, Status: store.Pending, Commit: commit, Apply: &store.Apply{}}
	if err := st.Update(func(tx *store.Tx) error { return tx.CreateRun(run) }); err != nil {
		t.Fatal(err)
	}
	applied := store.StackState{Name: "box", AppliedCommit: commit, AppliedRun: run.ID}
	empty := store.StackState{Name: "box", AppliedCommit: commit}
	never := store.StackState{Name: "box"}
	for name, c := range map[string]struct {
		e     execution
		stack store.StackState
		want  engine.Lent
		why   string
	}{
		"a change of what was applied":                  {execution{stack: secret, changes: true}, applied, engine.LentForApply, ""},
		"a look at it":                                  {execution{stack: secret}, applied, engine.LentForApply, ""},
		"a change of what had nothing to do":            {execution{stack: secret, changes: true}, empty, 0, "no apply of box at commit aaaaaaaaaa was approved, so that nobody has approved the files"},
		"and of a commit that was looked at":            {execution{stack: secret, changes: true, seen: commit}, empty, engine.LentForApply, ""},
		"a look at what was never applied":              {execution{stack: secret}, never, engine.LentForPlan, ""},
		"a change of what was never applied":            {execution{stack: secret, changes: true}, never, 0, "nobody has approved the files"},
		"with a role of applies":                        {execution{stack: role, changes: true}, never, 0, "nobody has approved the files"},
		"where applies get no more than plans":          {execution{stack: oneRole, changes: true}, never, engine.LentForPlan, ""},
		"at the commit that was looked at":              {execution{stack: secret, changes: true, seen: commit}, never, engine.LentForApply, ""},
		"at its beginning":                              {execution{stack: secret, changes: true, seen: commit[:7]}, never, engine.LentForApply, ""},
		"too little of it":                              {execution{stack: secret, changes: true, seen: commit[:6]}, never, 0, "not at"},
		"at another one":                                {execution{stack: secret, changes: true, seen: "bbbbbbbb"}, never, 0, "not at"},
		"a look, at another one than was applied":       {execution{stack: secret, seen: "bbbbbbbb"}, applied, 0, "not at"},
		"a look at what was never applied, at a commit": {execution{stack: secret, seen: commit}, never, engine.LentForPlan, ""},
	} {
		var has engine.Lent
		err := st.View(func(tx *store.Tx) (err error) {
			has, err = c.e.lent(tx, &c.stack, commit)
			return err
		})
		refused := errors.As(err, new(*hint.Refusal))
		if c.why != "" && (!refused || !strings.Contains(err.Error(), c.why)) || c.why == "" && err != nil {
			t.Errorf("%s: %v, want %q", name, err, c.why)
		}
		if err == nil && has != c.want {
			t.Errorf("%s: it is lent %d", name, has)
		}
	}
}
