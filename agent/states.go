package agent

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"

	"sallyport/agent/config"
	"sallyport/agent/control"
	"sallyport/agent/datadir"
	"sallyport/agent/fault"
	"sallyport/agent/hint"
	"sallyport/store"
	"sallyport/store/disk"
)

const (
	keptStates = 20 // copies of a stack's state, one from before each of its last applies
	// maxState bounds what a copy may take; a state is text, and one of this size has other troubles.
	maxState = 512 << 20
)

// keepState keeps a copy of the state as it is before an apply. The plan file holds it (terraform puts the state that it
// planned against inside, and refuses the plan if the state was moved since), so this asks no backend and costs
// no process. A stack without a state yet has nothing to keep.
func (a *Agent) keepState(dataDir string, run *store.Run) error {
	plan, err := zip.OpenReader(filepath.Join(planBase(dataDir, run), planDir, "plan.tfplan"))
	if err != nil {
		return fmt.Errorf("opening the plan: %w", err)
	}
	defer func() { _ = plan.Close() }() // read only
	state, err := stateBefore(&plan.Reader)
	if err != nil {
		return fmt.Errorf("reading the state in the plan: %w", err)
	}
	return keepCopy(datadir.StateCopies(dataDir, run.Stack), fmt.Sprintf("%08d", run.ID), state)
}

// keepCopy writes a durable copy of a state under a name that sorts by age, and drops the oldest ones: what replaces the state
// begins when it returns.
func keepCopy(dir, name string, state []byte) error {
	if err := disk.MkdirAll(dir); err != nil {
		return fmt.Errorf("making the directory of states: %w", err)
	}
	write := func(to io.Writer) error { return compress(to, bytes.NewReader(state)) }
	if err := disk.Write(filepath.Join(dir, name+control.StateCopySuffix), write); err != nil {
		return fmt.Errorf("keeping the state: %w", err)
	}
	fault.Point("state copied")
	return trimStates(dir)
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

func compress(to io.Writer, from io.Reader) error {
	w, err := zstd.NewWriter(to, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, from); err != nil {
		return err
	}
	return w.Close()
}

// trimStates removes all but the newest copies: their names sort by run.
func trimStates(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("listing the kept states: %w", err)
	}
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), control.StateCopySuffix) {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	for len(names) > keptStates {
		if err := os.Remove(filepath.Join(dir, names[0])); err != nil {
			return fmt.Errorf("removing an old copy of the state: %w", err)
		}
		names = names[1:]
	}
	return nil
}

// checkLineage refuses two stacks on one state: they would undo each other's work for ever.
func (a *Agent) checkLineage(tx *store.Tx, s *config.Stack, result *planResult) error {
	if result.Plan.Lineage == "" || result.Plan.NewState {
		return nil
	}
	stacks, err := tx.Stacks()
	if err != nil {
		return err
	}
	for _, other := range stacks {
		if other.Name != s.Name && other.Lineage == result.Plan.Lineage && a.world.Load().stack(other.Name) != nil {
			return hint.Refuse("give each its own workspace or backend_config; a renamed stack keeps its state if the old name leaves the configuration",
				"stacks %s and %s have the same state (lineage %s)", s.Name, other.Name, other.Lineage)
		}
	}
	return nil
}
