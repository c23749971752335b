package execute

import (
	"sallyport/agent/active"
	"sallyport/agent/execute/remind"
	"sallyport/agent/ledger"
	"sallyport/agent/lifecycle"
	"sallyport/agent/triggers"
	"sallyport/agent/workers"
	"sallyport/notify"
	"sallyport/store"
)

// Gather is one look at a run: whatever the rules of package lifecycle decide on. The store is read once. What is at work is
// looked at before: when that has ended, what it wrote is there to be read. The files of earlier runs are read after it, since no
// transaction waits for a disk.
func (e *Executor) Gather(conf *active.Config, id int) (f lifecycle.Facts, err error) {
	f, _, err = gather(e, conf, id)
	return f, err
}

// gather is [Executor.Gather], and says what of the store was read.
func gather(e *Executor, conf *active.Config, id int) (f lifecycle.Facts, reads store.Reads, err error) {
	busy, resting := e.work.Busy(id) != "", e.work.Resting(id)
	if err := e.store.View(func(tx *store.Tx) (err error) {
		reads, err = tx.Watch(func() error {
			run, err := tx.Run(id)
			if err != nil {
				return err
			}
			f, err = e.recorded(tx, conf, run)
			return err
		})
		return err
	}); err != nil {
		return f, reads, err
	}
	run := f.Run
	f.Process.Busy, f.Process.Resting, f.Process.Checking = busy, resting, e.work.Checking(run.Stack)
	f.Process.Slots = slotsOf(e.work, conf)
	f.Process.Full = e.tight.Why
	f.Process.Deaf = conf.Slack != nil && !e.active.HasListened()
	if run.Status == store.Pending && run.Kind != store.KindPullRequest {
		f.Left = e.ledger.LeftOf(conf.Cfg.DataDir, f.Store.Stacks[run.Stack])
	}
	return f, reads, nil
}

// recorded is what the configuration and the store say of a run, read in one transaction, with what the loop remembers of
// comparisons. It is all that says whether the run may be applied.
func (e *Executor) recorded(tx *store.Tx, conf *active.Config, run *store.Run) (lifecycle.Facts, error) {
	s := conf.Stack(run.Stack)
	f := lifecycle.Facts{Now: e.clocks.Reading(), Run: run, Config: lifecycle.Config{
		Stack: s, Repository: conf.Cfg.Repository(run.Repository), Current: e.active.Current.Load() == conf,
	}}
	if s == nil && !conf.GlobsKnown(run.Repository) {
		f.Config.Unsearched = true
		f.Config.WhyUnsearched.Why, f.Config.WhyUnsearched.Hint = e.notLookedUp(run.Repository)
	}
	r := ledger.NewRecordReader(tx)
	r.About(run)
	switch {
	case s == nil:
	case run.Kind == store.KindPullRequest:
		r.Ready()
	case run.Status == store.Pending:
		if len(s.DependsOn) > 0 {
			f.Config.Upstream = r.Upstream(s, conf.Stacks(s.Repository))
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
		f.Process.Compared = e.compared.With(run.Stack, known.Head)
		f.Process.Incomparable = e.incomparable(f.Store.Stacks[run.Stack], run.Repository)
	}
	if run.Status == store.Applying && r.Err == nil && lifecycle.TakesLong(f) {
		f.Process.Usual, r.Err = remind.UsualApply(tx, run)
	}
	return f, r.Err
}

// incomparable says what is in the way of comparing a stack with its repository's newest commit; empty if nothing is.
func (e *Executor) incomparable(st *store.StackState, repository string) string {
	if st != nil && st.Error != "" {
		return notify.Cause(st.Error)
	}
	return notify.Cause(e.health.Redact(e.faults.Of(triggers.LookingFault(repository)).Error))
}

// slotsOf are how much is at work, and how much may be.
func slotsOf(work *workers.Pool, conf *active.Config) lifecycle.Slots {
	return lifecycle.Slots{
		Terraform: work.Count(), TerraformLimit: conf.Cfg.Terraform.Parallel,
		Builds: work.Builds(), BuildLimit: conf.Cfg.Packer.Parallel, Previews: work.Previews(),
		Users: conf.Pool.Size(), UserFree: conf.Pool.Room(false), AloneFree: conf.Pool.Room(true), UsersShared: conf.Pool.Shared(), UsersStuck: usersKeptBack(conf.Pool),
	}
}
