package errands_test

import (
	"path/filepath"
	"testing"

	"sallyport/agent/config"
	"sallyport/agent/engine"
	"sallyport/agent/operator/errands"
	"sallyport/agent/terraform"
	"sallyport/notify/redact"
	"sallyport/store"
)

// What only an apply gets is not lent to the files of a commit that nobody has approved: an init runs programs that a backend's
// configuration names.
func TestARepairLendsAnApplysSecretsToWhatWasApproved(t *testing.T) {
	t.Parallel()
	st, err := store.Open(store.Options{Path: filepath.Join(t.TempDir(), "store.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	made := func(stack, commit string, began bool) (id int) {
		t.Helper()
		if err := st.Update(func(tx *store.Tx) error {
			run := &store.Run{Stack: stack, Repository: "infra", Kind: store.KindPullRequest, Status: store.Pending, Commit: commit} // of which there may be many
			if began {
				run.Apply = &store.Apply{}
			}
			err := tx.CreateRun(run)
			id = run.ID
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return id
	}
	applied, failed, empty, former := made("box", "aaaa", true), made("box", "bbbb", true), made("box", "cccc", false), made("old", "aaaa", true)
	s := &config.Stack{
		Name: "box", AWS: &config.AWS{RoleARN: "apply", PlanRoleARN: "plan"},
		PlanEnv: map[string]redact.Secret{"WHO": redact.NewSecret("plan")}, ApplyEnv: map[string]redact.Secret{"WHO": redact.NewSecret("apply")},
	}
	for name, c := range map[string]struct {
		stack  store.StackState
		commit string
		want   string
	}{
		"the applied one":                         {store.StackState{AppliedCommit: "aaaa", AppliedRun: applied, LastApply: failed}, "aaaa", "apply"},
		"one whose apply was approved and failed": {store.StackState{AppliedCommit: "aaaa", AppliedRun: applied, LastApply: failed}, "bbbb", "apply"},
		"a newer one":                             {store.StackState{AppliedCommit: "aaaa", AppliedRun: applied, LastApply: failed}, "dddd", "plan"},
		"one with nothing to do, after an apply":  {store.StackState{AppliedCommit: "cccc", AppliedRun: empty, LastApply: applied}, "cccc", "plan"},
		"the one before that":                     {store.StackState{AppliedCommit: "cccc", AppliedRun: empty, LastApply: applied}, "aaaa", "apply"},
		"one that another name had applied":       {store.StackState{AppliedCommit: "aaaa", AppliedRun: former, LastApply: former}, "aaaa", "plan"},
		"one of before the state moved":           {store.StackState{AppliedCommit: "aaaa", AppliedRun: applied, LastApply: applied, Moved: former}, "aaaa", "plan"},
		"one that nobody remembers":               {store.StackState{AppliedCommit: "aaaa", AppliedRun: 99, LastApply: 99}, "aaaa", "plan"},
		"one of a stack that was never applied":   {store.StackState{}, "cccc", "plan"},
		"none":                                    {store.StackState{}, "", "plan"},
	} {
		c.stack.Name = "box"
		var has engine.Lent
		if err := st.View(func(tx *store.Tx) (err error) {
			has, err = errands.LentAt(tx, &c.stack, c.commit)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		var o terraform.PlanOptions
		has.Lend(s, &o)
		if got := o.PlanEnv["WHO"].Reveal(); got != c.want || o.AWS.RoleARN != c.want {
			t.Errorf("%s: it gets the environment of the %s and the role %s, want those of the %s", name, got, o.AWS.RoleARN, c.want)
		}
	}
}
