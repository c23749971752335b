package agent

import (
	"errors"

	"sallyport/agent/config"
	"sallyport/agent/lifecycle"
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
	if st := r.out.Stacks[name]; st != nil || r.err != nil {
		return cmpOr(st, &store.StackState{})
	}
	st, err := r.tx.Stack(name)
	if err != nil {
		r.err = err
		return &store.StackState{}
	}
	r.out.Stacks[name] = st
	return st
}

func cmpOr[T any](p, otherwise *T) *T {
	if p != nil {
		return p
	}
	return otherwise
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

// policy reads what a stack's policy decides on.
func (r *recordReader) policy(stack string) {
	st := r.stack(stack)
	r.run(st.AppliedRun)
	r.run(st.LastApply)
}

// dueChanges are the changes that a stack still gets a run for; see [lifecycle.DueChanges].
func (a *Agent) dueChanges(tx *store.Tx, s *config.Stack) (map[string]int, error) {
	r := newRecordReader(tx)
	r.uses(s)
	if r.err != nil {
		return nil, r.err
	}
	changed, _ := lifecycle.DueChanges(s, r.out)
	return changed, nil
}

// policyFacts are the facts that a policy decides on.
func (a *Agent) policyFacts(tx *store.Tx, run *store.Run, s *config.Stack) (lifecycle.Facts, error) {
	r := newRecordReader(tx)
	r.about(run)
	r.policy(run.Stack)
	return lifecycle.Facts{Now: a.reading(), Run: run, Config: lifecycle.Config{Stack: s}, Store: r.out}, r.err
}
