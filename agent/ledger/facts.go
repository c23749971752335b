package ledger

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
	"sallyport/agent/locks"
	"sallyport/agent/runner"
	"sallyport/store"
)

// RecordReader reads what the rules of package lifecycle ask of the store, in one transaction. The first error stays; whoever
// asked looks at it at the end.
type RecordReader struct {
	tx  *store.Tx
	Out lifecycle.Records
	Err error
}

// NewRecordReader reads in a transaction, from nothing on.
func NewRecordReader(tx *store.Tx) *RecordReader {
	return &RecordReader{tx: tx, Out: lifecycle.Records{
		Repositories: map[string]*store.RepositoryState{}, Stacks: map[string]*store.StackState{}, Runs: map[int]*store.Run{},
	}}
}

// About reads what every rule about a run needs.
func (r *RecordReader) About(run *store.Run) {
	if r.Err == nil {
		r.Out.Agent, r.Err = r.tx.Agent()
	}
	r.Stack(run.Stack)
	r.repository(run.Repository)
}

// Stack reads the state of a stack or an image. It is never nil: after an error it is empty.
func (r *RecordReader) Stack(name string) *store.StackState {
	if st := r.Out.Stacks[name]; st != nil {
		return st
	}
	if r.Err == nil {
		var st *store.StackState
		if st, r.Err = r.tx.Stack(name); r.Err == nil {
			r.Out.Stacks[name] = st
			return st
		}
	}
	return &store.StackState{}
}

func (r *RecordReader) repository(name string) {
	if r.Out.Repositories[name] != nil || r.Err != nil {
		return
	}
	known, err := r.tx.Repository(name)
	if err != nil {
		r.Err = err
		return
	}
	r.Out.Repositories[name] = known
}

// run reads a run that a state names; 0 names none.
func (r *RecordReader) run(id int) {
	if _, read := r.Out.Runs[id]; read || id == 0 || r.Err != nil {
		return
	}
	run, err := r.tx.Run(id)
	if errors.Is(err, store.ErrNotFound) {
		run, err = nil, nil // forgotten
	}
	if err != nil {
		r.Err = err
		return
	}
	r.Out.Runs[id] = run
}

// Uses reads what says whether a stack is due for a run because something that it uses changed.
func (r *RecordReader) Uses(s *config.Stack) {
	if len(s.Uses()) == 0 {
		return
	}
	st := r.Stack(s.Name)
	for _, name := range s.Uses() {
		r.Stack(name)
	}
	if st.NewestRun == 0 {
		return // nothing of it was seen yet: its first run takes everything in, and it has no repository that could be read
	}
	r.repository(st.Repository)
	r.run(st.LastCommitRun)
}

// Upstream reads what says whether a stack has to wait for those that it depends on, and returns these by name.
func (r *RecordReader) Upstream(s *config.Stack, all []*config.Stack) map[string]*config.Stack {
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
		st := r.Stack(name)
		r.Uses(up)
		r.run(st.NewestRun)
		r.run(st.OpenRun)
	}
	return found
}

// Ready looks for a run that can be applied and could be planned or applied now: previews go after it.
func (r *RecordReader) Ready() {
	if r.Err != nil {
		return
	}
	open, err := r.tx.OpenRuns()
	r.Err = err
	for _, run := range open {
		r.Out.Ready = r.Out.Ready || lifecycle.ReadyToGo(run)
	}
}

// Policy reads what a stack's policy decides on.
func (r *RecordReader) Policy(stack string) {
	st := r.Stack(stack)
	r.run(st.AppliedRun)
	r.run(st.LastApply)
}

// DueChanges are the changes that a stack still gets a run for; see [lifecycle.DueChanges].
func (l *Ledger) DueChanges(tx *store.Tx, s *config.Stack) (map[string]int, error) {
	r := NewRecordReader(tx)
	r.Uses(s)
	if r.Err != nil {
		return nil, r.Err
	}
	changed, _ := lifecycle.DueChanges(s, r.Out)
	return changed, nil
}

// policyFacts are the facts that a policy decides on.
func (l *Ledger) policyFacts(tx *store.Tx, run *store.Run, s *config.Stack) (lifecycle.Facts, error) {
	r := NewRecordReader(tx)
	r.About(run)
	r.Policy(run.Stack)
	return lifecycle.Facts{Now: l.clocks.Reading(), Run: run, Config: lifecycle.Config{Stack: s}, Store: r.Out}, r.Err
}

// LeftOf is what earlier runs of a stack left beside the store.
func (l *Ledger) LeftOf(dataDir string, st *store.StackState) (left lifecycle.Left) {
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
		left.Unread = l.health.Redact(err.Error())
	case !state.StillHeld && state.Phase != runner.Running:
	case state.Result != nil && l.now().Sub(state.Result.EndedAt).Abs() < locks.RunnerExit:
		left.Alive, left.Ending = true, true
	default:
		left.Alive = true
		for _, h := range runner.Holders(dir) {
			left.Processes = append(left.Processes, fmt.Sprintf("%d (%s)", h.PID, h.Name))
		}
	}
	return left
}
