package engine

import (
	"archive/zip"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"

	"sallyport/agent/archive"
	"sallyport/agent/config"
	"sallyport/agent/hint"
	"sallyport/agent/ledger"
	"sallyport/agent/rundir"
	"sallyport/store"
)

// maxState bounds what a copy may take; a state is text, and one of this size has other troubles.
const maxState = 512 << 20

// KeepState keeps a copy of the state as it is before an apply. The plan file holds it (terraform puts the state that it
// planned against inside, and refuses the plan if the state was moved since), so this asks no backend and costs
// no process. A stack without a state yet has nothing to keep.
func (a *Engines) KeepState(dataDir string, run *store.Run) error {
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

// CheckLineage refuses two stacks on one state: they would undo each other's work for ever.
func (a *Engines) CheckLineage(tx *store.Tx, s *config.Stack, result *ledger.PlanResult) error {
	if result.Plan.Lineage == "" || result.Plan.NewState {
		return nil
	}
	stacks, err := tx.Stacks()
	if err != nil {
		return err
	}
	for _, other := range stacks {
		if other.Name != s.Name && other.Lineage == result.Plan.Lineage && a.active.Current.Load().Stack(other.Name) != nil {
			return hint.Refuse("give each its own workspace or backend_config; a renamed stack keeps its state if the old name leaves the configuration",
				"stacks %s and %s have the same state (lineage %s)", s.Name, other.Name, other.Lineage)
		}
	}
	return nil
}
