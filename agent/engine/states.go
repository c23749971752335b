package engine

import (
	"archive/zip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"sallyport/agent/archive"
	"sallyport/agent/asuser"
	"sallyport/agent/config"
	"sallyport/agent/datadir"
	"sallyport/agent/hint"
	"sallyport/agent/ledger"
	"sallyport/agent/lifecycle"
	"sallyport/agent/lifecycle/again"
	"sallyport/agent/rundir"
	"sallyport/agent/terraform"
	"sallyport/agent/terraform/keptstate"
	"sallyport/store"
)

// maxState bounds what a copy may take; a state is text, and one of this size has other troubles.
const maxState = 512 << 20

// KeepState keeps a copy of the state as it is before an apply. The plan file holds it (terraform puts the state that it
// planned against inside, and refuses the plan if the state was moved since), so this asks no backend and costs
// no process. A stack without a state yet has nothing to keep.
func (e *Engines) KeepState(dataDir string, run *store.Run) error {
	pulled, err := os.ReadFile(filepath.Join(rundir.PlanBase(dataDir, run), rundir.PlanDir, terraform.PulledStateFile))
	if err == nil { // of an encrypted plan
		return archive.KeepState(dataDir, run.Stack, archive.BeforeApply(run.ID), pulled)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("reading the state of before the plan: %w", err)
	}
	plan, err := zip.OpenReader(filepath.Join(rundir.PlanBase(dataDir, run), rundir.PlanDir, "plan.tfplan"))
	if err != nil {
		return fmt.Errorf("opening the plan: %w", err)
	}
	defer func() { _ = plan.Close() }() // read only
	state, err := stateBefore(&plan.Reader)
	if err != nil {
		return fmt.Errorf("reading the state in the plan: %w", err)
	}
	return archive.KeepState(dataDir, run.Stack, archive.BeforeApply(run.ID), state)
}

// stateBefore is the state that the plan was made on. Terraform leaves lineage and serial out of that member and has
// them in the refreshed one; without them the copy could not be pushed back.
func stateBefore(plan *zip.Reader) ([]byte, error) {
	before, err := stateMember(plan, "tfstate-prev")
	if err != nil {
		return nil, err
	}
	refreshed, err := stateMember(plan, "tfstate")
	if err != nil {
		return nil, err
	}
	for _, key := range []string{"lineage", "serial"} {
		before[key] = refreshed[key]
	}
	return json.MarshalIndent(before, "", "  ")
}

func stateMember(plan *zip.Reader, name string) (map[string]json.RawMessage, error) {
	file, err := plan.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	var state map[string]json.RawMessage
	if err := json.NewDecoder(io.LimitReader(file, maxState)).Decode(&state); err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return state, nil
}

// stateWish says what is expected of the state that a plan was made on.
type stateWish struct {
	Another bool // a person says that it is the stack's from now on
	Preview bool // nothing of the plan can be applied, so people are only told
}

// ownState refuses a plan that was made on another state than the one that the stack was applied with, unless that is meant.
func (e *Engines) ownState(s *config.Stack, result *terraform.PlanResult, wish stateWish) error {
	var st *store.StackState
	var made []string
	err := e.store.View(func(tx *store.Tx) (err error) {
		if st, err = tx.Stack(s.Name); err == nil && st.Lineage == "" {
			made, err = firstMade(tx, st)
		}
		return err
	})
	if err != nil {
		return err
	}
	if wish.Another || result.Resources == 0 && st.Resources > 0 {
		lifecycle.MadeAgain(&result.Plan)
	}
	again.Mark(&result.Plan, st, again.State{Resources: result.Resources, Addresses: result.Addresses})
	now := lifecycle.PlannedOn{Lineage: result.Plan.Lineage, Resources: result.Resources, Addresses: result.Addresses}
	strange := lifecycle.Stranger(st, now, made)
	switch {
	case !strange.Any() || wish.Another:
		return nil
	case wish.Preview:
		result.Warnings = append(result.Warnings, strange.Why+"; once it is merged, its plan is refused until the state was moved")
		return nil
	}
	return hint.Refuse(strange.Hint, "%s", strange.Why)
}

// firstMade are the addresses that a stack's first apply has made, if no plan since then has shown in which state; nil if that is not
// known any more.
func firstMade(tx *store.Tx, st *store.StackState) ([]string, error) {
	run, err := store.Found(tx.Run(st.AppliedRun))
	if err != nil || run == nil || run.Plan == nil || !run.Plan.NewState {
		return nil, err
	}
	var made []string
	for _, c := range run.Plan.Changes {
		made = append(made, c.Address)
	}
	return made, nil
}

// learnState notes in which state a stack's first apply has made what it made, where the agent keeps it and so can look: terraform
// names a state only when it writes it. Of others the next plan tells.
func learnState(dataDir string, st *store.StackState, run *store.Run, s *config.Stack) error {
	if run.Plan == nil || run.Plan.Lineage != "" || !run.Plan.Kept || s == nil {
		return nil
	}
	state, err := keptstate.Identity(datadir.State(dataDir, st.Name), s.Workspace)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it came to nothing
	}
	if err == nil {
		st.Lineage = state.Lineage
	}
	return err
}

// CheckLineage refuses two stacks on one state: they would undo each other's work for ever.
func (e *Engines) CheckLineage(tx *store.Tx, s *config.Stack, result *ledger.PlanResult) error {
	if result.Plan.Lineage == "" || result.Plan.NewState {
		return nil
	}
	stacks, err := tx.Stacks()
	if err != nil {
		return err
	}
	for _, other := range stacks {
		if other.Name != s.Name && other.Lineage == result.Plan.Lineage && e.active.Current.Load().Stack(other.Name) != nil {
			return hint.Refuse("give each its own workspace or backend_config; a renamed stack keeps its state if the old name leaves the configuration",
				"stacks %s and %s have the same state (lineage %s)", s.Name, other.Name, other.Lineage)
		}
	}
	return nil
}

// settleStates holds the states that the agent keeps for stacks until let is called, which it may be in any case, and puts back what
// a plan has changed of them which nobody saw the end of. The note of what a state was goes by the name of the stack: what is moved to
// where one lies would be taken for changed, and what is moved away from one would never be put back.
func (e *Engines) settleStates(ctx context.Context, names ...string) (let func(), err error) {
	var held []func()
	let = func() {
		for _, one := range held {
			one()
		}
	}
	for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
		one, err := e.states.hold(ctx, name)
		if err != nil {
			return let, err
		}
		held = append(held, one)
		if err := e.settleState(name); err != nil {
			return let, err
		}
	}
	return let, nil
}

func (e *Engines) settleState(name string) error {
	data := e.active.Cfg().DataDir
	state := datadir.State(data, name)
	if owner, err := asuser.Owner(state); err == nil && owner != os.Geteuid() {
		if err := asuser.Reclaim(state, e.active.Current.Load().Pool.Owners()...); err != nil {
			return err
		}
	}
	return e.putBack(data, name)
}

// putBack gives a stack's state back what a plan noted that nobody saw the end of. The state is the agent's own to read by now.
func (e *Engines) putBack(data, name string) error {
	state := datadir.State(data, name)
	aside := datadir.ChangedState(data, filepath.Base(state), e.now())
	changed, err := keptstate.Settle(state, datadir.StateBefore(data, name), aside)
	if len(changed) > 0 {
		e.log.Warn("a state was put back that a plan had changed", "stack", name, "files", changed, "aside", aside)
	}
	return err
}
