package execute

import (
	"sallyport/agent/active"
	"sallyport/agent/execute/remind"
	"sallyport/agent/ledger"
	"sallyport/agent/lifecycle"
	"sallyport/agent/workers"
	"sallyport/notify"
	"sallyport/store"
)

// Gather is one look at a run: whatever the rules of package lifecycle decide on. The store is read once. What is at work is
// looked at before: when that has ended, what it wrote is there to be read. The files of earlier runs are read after it, since no
// transaction waits for a disk.
func (a *Executor) Gather(w *active.Config, id int) (f lifecycle.Facts, err error) {
	busy, resting := a.work.Busy(id) != "", a.work.Resting(id)
	if err := a.store.View(func(tx *store.Tx) error {
		run, err := tx.Run(id)
		if err != nil {
			return err
		}
		f, err = a.recorded(tx, w, run)
		return err
	}); err != nil {
		return f, err
	}
	run := f.Run
	f.Process.Busy, f.Process.Resting, f.Process.Checking = busy, resting, a.work.Checking(run.Stack)
	f.Process.Slots = slotsOf(a.work, w)
	f.Process.Full = a.tight.Why
	f.Process.Deaf = w.Slack != nil && !a.active.HasListened()
	if run.Status == store.Pending && run.Kind != store.KindPullRequest {
		f.Left = a.ledger.LeftOf(w.Cfg.DataDir, f.Store.Stacks[run.Stack])
	}
	return f, nil
}

// recorded is what the configuration and the store say of a run, read in one transaction, with what the loop remembers of
// comparisons. It is all that says whether the run may be applied.
func (a *Executor) recorded(tx *store.Tx, w *active.Config, run *store.Run) (lifecycle.Facts, error) {
	s := w.Stack(run.Stack)
	f := lifecycle.Facts{Now: a.clocks.Reading(), Run: run, Config: lifecycle.Config{
		Stack: s, Repository: w.Cfg.Repository(run.Repository), Current: a.active.Current.Load() == w,
	}}
	if s == nil && !w.GlobsKnown(run.Repository) {
		f.Config.Unsearched = true
		f.Config.WhyUnsearched.Why, f.Config.WhyUnsearched.Hint = a.notLookedUp(run.Repository)
	}
	r := ledger.NewRecordReader(tx)
	r.About(run)
	switch {
	case s == nil:
	case run.Kind == store.KindPullRequest:
		r.Ready()
	case run.Status == store.Pending:
		if len(s.DependsOn) > 0 {
			f.Config.Upstream = r.Upstream(s, w.Stacks(s.Repository))
		}
		for _, v := range s.Images {
			r.Stack(v.Image)
		}
	case run.Status == store.Approved:
		r.Uses(s)
		r.Policy(run.Stack)
	}
	f.Store = r.Out
	if known := f.Store.Repositories[run.Repository]; known != nil {
		f.Process.Compared = a.compared.With(run.Stack, known.Head)
		f.Process.Incomparable = a.incomparable(f.Store.Stacks[run.Stack], run.Repository)
	}
	if run.Status == store.Applying && r.Err == nil && lifecycle.TakesLong(f) {
		f.Process.Usual, r.Err = remind.UsualApply(tx, run)
	}
	return f, r.Err
}

// incomparable says what is in the way of comparing a stack with its repository's newest commit; empty if nothing is.
func (a *Executor) incomparable(st *store.StackState, repository string) string {
	if st != nil && st.Error != "" {
		return notify.Cause(st.Error)
	}
	return notify.Cause(a.health.Redact(a.faults.Of(LookingFault(repository)).Error))
}

// slotsOf are how much is at work, and how much may be.
func slotsOf(work *workers.Pool, w *active.Config) lifecycle.Slots {
	return lifecycle.Slots{
		Terraform: work.Count(), TerraformLimit: w.Cfg.Terraform.Parallel,
		Builds: work.Builds(), BuildLimit: w.Cfg.Packer.Parallel, Previews: work.Previews(),
		Users: w.Pool.Size(), UserFree: w.Pool.Room(false), AloneFree: w.Pool.Room(true), UsersShared: w.Pool.Shared(), UsersStuck: usersKeptBack(w.Pool),
	}
}
