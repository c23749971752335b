package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"sallyport/agent/config"
	"sallyport/agent/datadir"
	"sallyport/agent/fault"
	"sallyport/agent/lifecycle"
	"sallyport/agent/runner"
	"sallyport/notify"
	"sallyport/store"
)

// recordReader reads what the rules of package lifecycle ask of the store, in one transaction. The first error stays; whoever
// asked looks at it at the end.
type recordReader struct {
	tx  *store.Tx
	out lifecycle.Records
	err error
}

func newRecordReader(tx *store.Tx) *recordReader {
	return &recordReader{tx: tx, out: lifecycle.Records{
		Repositories: map[string]*store.RepositoryState{}, Stacks: map[string]*store.StackState{}, Runs: map[int]*store.Run{},
	}}
}

// about reads what every rule about a run needs.
func (r *recordReader) about(run *store.Run) {
	if r.err == nil {
		r.out.Agent, r.err = r.tx.Agent()
	}
	r.stack(run.Stack)
	r.repository(run.Repository)
}

// stack reads the state of a stack or an image. It is never nil: after an error it is empty.
func (r *recordReader) stack(name string) *store.StackState {
	if st := r.out.Stacks[name]; st != nil {
		return st
	}
	if r.err == nil {
		var st *store.StackState
		if st, r.err = r.tx.Stack(name); r.err == nil {
			r.out.Stacks[name] = st
			return st
		}
	}
	return &store.StackState{}
}

func (r *recordReader) repository(name string) {
	if r.out.Repositories[name] != nil || r.err != nil {
		return
	}
	known, err := r.tx.Repository(name)
	if err != nil {
		r.err = err
		return
	}
	r.out.Repositories[name] = known
}

// run reads a run that a state names; 0 names none.
func (r *recordReader) run(id int) {
	if _, read := r.out.Runs[id]; read || id == 0 || r.err != nil {
		return
	}
	run, err := r.tx.Run(id)
	if errors.Is(err, store.ErrNotFound) {
		run, err = nil, nil // forgotten
	}
	if err != nil {
		r.err = err
		return
	}
	r.out.Runs[id] = run
}

// uses reads what says whether a stack is due for a run because something that it uses changed.
func (r *recordReader) uses(s *config.Stack) {
	if len(s.Uses()) == 0 {
		return
	}
	st := r.stack(s.Name)
	for _, name := range s.Uses() {
		r.stack(name)
	}
	r.repository(st.Repository)
	r.run(st.LastCommitRun)
}

// upstream reads what says whether a stack has to wait for those that it depends on, and returns these by name.
func (r *recordReader) upstream(s *config.Stack, all []*config.Stack) map[string]*config.Stack {
	found := map[string]*config.Stack{}
	for next := slices.Clone(s.DependsOn); len(next) > 0; next = next[1:] {
		name := next[0]
		if _, looked := found[name]; looked {
			continue
		}
		i := slices.IndexFunc(all, func(up *config.Stack) bool { return up.Name == name })
		if i < 0 {
			found[name] = nil
			continue
		}
		up := all[i]
		found[name] = up
		next = append(next, up.DependsOn...)
		st := r.stack(name)
		r.uses(up)
		r.run(st.NewestRun)
		r.run(st.OpenRun)
	}
	return found
}

// ready looks for a run that can be applied and could be planned or applied now: previews go after it.
func (r *recordReader) ready() {
	if r.err != nil {
		return
	}
	open, err := r.tx.OpenRuns()
	r.err = err
	for _, run := range open {
		r.out.Ready = r.out.Ready || lifecycle.ReadyToGo(run)
	}
}

// policy reads what a stack's policy decides on.
func (r *recordReader) policy(stack string) {
	st := r.stack(stack)
	r.run(st.AppliedRun)
	r.run(st.LastApply)
}

// dueChanges are the changes that a stack still gets a run for; see [lifecycle.DueChanges].
func (a *ledger) dueChanges(tx *store.Tx, s *config.Stack) (map[string]int, error) {
	r := newRecordReader(tx)
	r.uses(s)
	if r.err != nil {
		return nil, r.err
	}
	changed, _ := lifecycle.DueChanges(s, r.out)
	return changed, nil
}

// policyFacts are the facts that a policy decides on.
func (a *ledger) policyFacts(tx *store.Tx, run *store.Run, s *config.Stack) (lifecycle.Facts, error) {
	r := newRecordReader(tx)
	r.about(run)
	r.policy(run.Stack)
	return lifecycle.Facts{Now: a.reading(), Run: run, Config: lifecycle.Config{Stack: s}, Store: r.out}, r.err
}

// gather is one look at a run: whatever the rules of package lifecycle decide on. The store is read once. What is at work is
// looked at before: when that has ended, what it wrote is there to be read. The files of earlier runs are read after it, since no
// transaction waits for a disk.
func (a *executor) gather(w *world, id int) (f lifecycle.Facts, err error) {
	busy, resting := a.work.busy(id) != "", a.work.resting(id)
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
	f.Process.Busy, f.Process.Resting, f.Process.Checking = busy, resting, a.work.checking(run.Stack)
	f.Process.Slots = slotsOf(a.work, w)
	f.Process.Full = a.tight.why
	f.Process.Deaf = w.slack != nil && !a.hasListened()
	if run.Status == store.Pending && run.Kind != store.KindPullRequest {
		f.Left = a.leftOf(w.cfg.DataDir, f.Store.Stacks[run.Stack])
	}
	return f, nil
}

// recorded is what the configuration and the store say of a run, read in one transaction, with what the loop remembers of
// comparisons. It is all that says whether the run may be applied.
func (a *executor) recorded(tx *store.Tx, w *world, run *store.Run) (lifecycle.Facts, error) {
	s := w.stack(run.Stack)
	f := lifecycle.Facts{Now: a.reading(), Run: run, Config: lifecycle.Config{
		Stack: s, Repository: w.cfg.Repository(run.Repository), Current: a.world.Load() == w,
	}}
	if s == nil && !w.globsKnown(run.Repository) {
		f.Config.Unsearched = true
		f.Config.WhyUnsearched.Why, f.Config.WhyUnsearched.Hint = a.notLookedUp(run.Repository)
	}
	r := newRecordReader(tx)
	r.about(run)
	switch {
	case s == nil:
	case run.Kind == store.KindPullRequest:
		r.ready()
	case run.Status == store.Pending:
		if len(s.DependsOn) > 0 {
			f.Config.Upstream = r.upstream(s, w.stacks(s.Repository))
		}
		for _, v := range s.Images {
			r.stack(v.Image)
		}
	case run.Status == store.Approved:
		r.uses(s)
		r.policy(run.Stack)
	}
	f.Store = r.out
	if known := f.Store.Repositories[run.Repository]; known != nil {
		f.Process.Compared = a.compared.with(run.Stack, known.Head)
		f.Process.Incomparable = a.incomparable(f.Store.Stacks[run.Stack], run.Repository)
	}
	if run.Status == store.Applying && r.err == nil && lifecycle.TakesLong(f) {
		f.Process.Usual, r.err = usualApply(tx, run)
	}
	return f, r.err
}

// incomparable says what is in the way of comparing a stack with its repository's newest commit; empty if nothing is.
func (a *executor) incomparable(st *store.StackState, repository string) string {
	if st != nil && st.Error != "" {
		return notify.Cause(st.Error)
	}
	return notify.Cause(a.redact(a.faults.of(lookingFault(repository)).Error))
}

// slotsOf are how much is at work, and how much may be.
func slotsOf(work *workers, w *world) lifecycle.Slots {
	return lifecycle.Slots{
		Terraform: work.count(), TerraformLimit: w.cfg.Terraform.Parallel,
		Builds: work.builds(), BuildLimit: w.cfg.Packer.Parallel, Previews: work.previews(),
		Users: w.pool.Size(), UserFree: w.pool.Room(false), AloneFree: w.pool.Room(true), UsersShared: w.pool.Shared(), UsersStuck: usersKeptBack(w.pool),
	}
}

// leftOf is what earlier runs of a stack left beside the store.
func (a *ledger) leftOf(dataDir string, st *store.StackState) (left lifecycle.Left) {
	if st.LeftState != "" {
		_, err := os.Stat(st.LeftState)
		left.StateGone = errors.Is(err, fs.ErrNotExist)
	}
	if st.LastApply == 0 || st.OpenRun == st.LastApply || fault.Without("orphans") {
		return left
	}
	dir := datadir.Run(dataDir, st.LastApply)
	state, err := runner.Attach(dir)
	switch {
	case err != nil:
		left.Unread = a.redact(err.Error())
	case !state.StillHeld && state.Phase != runner.Running:
	case state.Result != nil && a.now().Sub(state.Result.EndedAt).Abs() < runnerExit:
		left.Alive, left.Ending = true, true
	default:
		left.Alive = true
		for _, h := range runner.Holders(dir) {
			left.Processes = append(left.Processes, fmt.Sprintf("%d (%s)", h.PID, h.Name))
		}
	}
	return left
}
