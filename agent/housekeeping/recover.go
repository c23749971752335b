package housekeeping

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"sallyport/agent/datadir"
	"sallyport/agent/engine"
	"sallyport/agent/journal"
	"sallyport/agent/rundir"
	"sallyport/agent/terraform/keptstate"
	"sallyport/notify/words"
	"sallyport/store"
)

// Resume says what the last agent left, and puts right what only a running agent can hold. Runs themselves need
// nothing: the loop resumes each from its status.
func (h *Housekeeper) Resume() error {
	var err error
	if h.toAdopt, err = h.adopt(); err != nil {
		return err
	}
	var open []*store.Run
	var sending int
	err = h.store.View(func(tx *store.Tx) error {
		var err error
		if open, err = tx.OpenRuns(); err != nil {
			return err
		}
		outbox, err := tx.Outbox()
		for _, m := range outbox {
			if m.Sending {
				sending++
			}
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("reading what the last agent left: %w", err)
	}
	for _, run := range open {
		h.log.Info("resuming a run", "run", run.ID, "stack", run.Stack, "commit", words.Short(run.Commit), "status", run.Status)
	}
	if sending > 0 {
		h.log.Info("messages whose delivery is unknown are looked for before they are sent again", "count", sending)
	}
	if err := os.RemoveAll(datadir.Scratch(h.active.Cfg().DataDir)); err != nil {
		return fmt.Errorf("removing what repairs left: %w", err)
	}
	if err := engine.DropAsideDirs(h.active.Cfg().DataDir); err != nil {
		return err
	}
	if err := errors.Join(h.operator.UnlockAll(), h.operator.CutOff()); err != nil {
		return err
	}
	if err := errors.Join(h.settleStates(), h.ledger.NoteLooks()); err != nil {
		return err
	}
	return h.dropLeftovers(open)
}

// settleStates puts back what code that ran while a stack was planned did to its state, where the last agent died before it could
// look. What cannot be put back is told here, and again by whoever wants to work with that state.
func (h *Housekeeper) settleStates() error {
	dataDir := h.active.Cfg().DataDir
	left, err := os.ReadDir(datadir.StatesBefore(dataDir))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking for plans that were cut off: %w", err)
	}
	for _, e := range left {
		aside := datadir.ChangedState(dataDir, e.Name(), h.now())
		changed, err := keptstate.Settle(filepath.Join(datadir.States(dataDir), e.Name()), filepath.Join(datadir.StatesBefore(dataDir), e.Name()), aside)
		h.faults.Set("state of "+e.Name(), err)
		if err != nil {
			h.log.Error("settling a state", "dir", e.Name(), "err", err)
		}
		if len(changed) == 0 {
			continue
		}
		h.log.Warn("a state was put back that a plan had changed", "dir", e.Name(), "files", changed, "aside", aside)
		text := fmt.Sprintf("The agent died while %s was planned, and its state was not what it had been (%s). It was put back; what stood there lies in %s. "+
			"Find out which of the programs that its plan runs changed it.", e.Name(), words.List(changed, 5), aside)
		if err := h.journal.Update(func(tx *journal.Tx) error {
			return tx.Enqueue(h.ledger.Note(filepath.Base(aside), h.health.Redact(text)))
		}); err != nil {
			return err
		}
	}
	return nil
}

// dropLeftovers removes directories of plans that ended while nobody could tidy up. What belongs to an apply stays.
func (h *Housekeeper) dropLeftovers(open []*store.Run) error {
	needed := map[string]bool{}
	for _, run := range open {
		needed[fmt.Sprint(run.ID)] = true
	}
	entries, err := os.ReadDir(datadir.Runs(h.active.Cfg().DataDir))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("listing the runs' directories: %w", err)
	}
	for _, e := range entries {
		var id int
		if _, err := fmt.Sscanf(e.Name(), "%d", &id); err != nil || needed[e.Name()] || !e.IsDir() {
			continue
		}
		for _, left := range []string{rundir.PlanDir, "apply.jsonl"} {
			if _, err := os.Lstat(filepath.Join(datadir.Runs(h.active.Cfg().DataDir), e.Name(), left)); err == nil {
				h.ended.Add(id) // swept in the loop
			}
		}
	}
	return nil
}
