package housekeeping

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"sallyport/agent/announce"
	"sallyport/agent/datadir"
	"sallyport/agent/journal"
	"sallyport/agent/phrase"
	"sallyport/agent/rescue"
	"sallyport/agent/rundir"
	"sallyport/notify/words"
	"sallyport/store"
)

// What was applied is written down twice: in the store, and beside each run. After the store was replaced by an older copy,
// by this program or by a person's hand, the second memory knows more. Whatever was claimed there is never applied again: it is
// followed if it still runs, and its end is recorded if not, by the same code as ever.

// adopt makes the store know every apply that was claimed in a run's directory. It says which runs it could not take in now.
func (h *Housekeeper) adopt() (later []int, err error) {
	unknown, err := h.unknownClaims()
	if err != nil {
		return nil, err
	}
	for _, id := range unknown {
		err := h.adoptOne(id)
		var open *store.OpenRunError
		switch {
		case errors.As(err, &open):
			later = append(later, id)
		case errors.Is(err, errNoRecord):
			h.log.Warn("an apply was started that the store does not know, and there is no record of it", "run", id, "dir", datadir.Run(h.active.Cfg().DataDir, id))
		case err != nil:
			// Not a reason not to start: nothing can apply it again, and it is tried again.
			h.journal.StoreFault(fmt.Errorf("taking in the apply of run #%d: %w", id, err))
			later = append(later, id)
		}
	}
	return later, nil
}

// unknownClaims are the runs in whose directories an apply was claimed and of which the store says otherwise, lowest first.
func (h *Housekeeper) unknownClaims() ([]int, error) {
	entries, err := os.ReadDir(datadir.Runs(h.active.Cfg().DataDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("listing the runs' directories: %w", err)
	}
	var out []int
	err = h.store.View(func(tx *store.Tx) error {
		open, err := tx.OpenRuns()
		if err != nil {
			return err
		}
		waiting := map[int]bool{}
		for _, r := range open {
			waiting[r.ID] = r.Status != store.Applying
		}
		for _, e := range entries {
			id, err := strconv.Atoi(e.Name())
			if err != nil || !e.IsDir() {
				continue
			}
			if known, err := tx.HasRun(id); err != nil || known && !waiting[id] {
				if err != nil {
					return err
				}
				continue // known and applying, or ended: nothing to learn
			}
			if rundir.Claimed(datadir.Run(h.active.Cfg().DataDir, id)) {
				out = append(out, id)
			}
		}
		return nil
	})
	slices.Sort(out)
	return out, err
}

// errNoRecord: an older version of this program wrote none.
var errNoRecord = errors.New("there is no record of the run")

// adoptOne takes in one apply.
func (h *Housekeeper) adoptOne(id int) error {
	dir := datadir.Run(h.active.Cfg().DataDir, id)
	record, err := rundir.ReadRecord(dir, id)
	if err != nil {
		h.log.Error("the record of an apply cannot be read", "run", id, "err", err)
		return errNoRecord
	}
	if record == nil {
		return errNoRecord
	}
	return h.journal.Update(func(tx *journal.Tx) error {
		have, err := tx.Run(id)
		if errors.Is(err, store.ErrNotFound) {
			return h.importRun(tx, dir, record)
		}
		if err != nil || have.Status.Terminal() || have.Status == store.Applying {
			return err
		}
		return h.catchUp(tx.Tx, have, record)
	})
}

// catchUp moves a run that the store believes to be waiting to where it was when its apply began. The loop does the rest.
func (h *Housekeeper) catchUp(tx *store.Tx, run, record *store.Run) error {
	const why = "its apply had begun: read back from the run's own record"
	ways := []store.Status{store.Pending, store.Planning, store.Planned, store.Approved, store.Applying}
	for i := slices.Index(ways, run.Status); i < len(ways)-1; i++ {
		_, err := tx.Transition(run.ID, store.Move{From: ways[i], To: ways[i+1], Text: why}, func(r *store.Run) error {
			r.Plan, r.Decisions, r.Inputs, r.PlannedAt, r.ExpiresAt = record.Plan, record.Decisions, record.Inputs, record.PlannedAt, record.ExpiresAt
			if ways[i+1] == store.Applying {
				r.Apply, r.Held, r.Hint = begun(record), "", ""
			}
			if r.Card == nil {
				r.Card = record.Card
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	h.log.Warn("an apply had begun that the store did not know of", "run", run.ID, "stack", run.Stack, "commit", words.Short(run.Commit))
	if err := tx.AddEvent(store.Event{Type: "import", Run: run.ID, Stack: run.Stack, To: store.Applying, By: "agent", Text: why}); err != nil {
		return err
	}
	return rescue.DoubtKey(run.ID).Put(tx, true)
}

// begun is an apply as it was when it began: how it ended is found out anew.
func begun(record *store.Run) *store.Apply {
	return &store.Apply{StartedAt: record.Apply.StartedAt, Total: record.Apply.Total}
}

// importRun takes in a run that the store does not know at all.
func (h *Housekeeper) importRun(tx *journal.Tx, dir string, record *store.Run) error {
	const why = "read back from the run's own record"
	h.log.Warn("an apply was made that the store does not know", "run", record.ID, "stack", record.Stack, "commit", words.Short(record.Commit), "status", record.Status)
	if err := headOf(tx.Tx, record); err != nil {
		return err
	}
	if !record.Status.Terminal() {
		if err := h.makeRoom(tx, record); err != nil {
			return err
		}
		record.Apply = begun(record)
		if err := tx.ImportRun(record, "agent", why); err != nil {
			return err
		}
		return rescue.DoubtKey(record.ID).Put(tx, true) // the loop finishes it
	}
	if err := tx.ImportRun(record, "agent", why); err != nil {
		return err
	}
	tx.After(func() { h.ended.Add(record.ID) })
	if err := h.rememberImport(tx, dir, record); err != nil {
		return err
	}
	if record.Card == nil && h.active.Cfg().Slack != nil {
		return nil
	}
	if err := h.ledger.RefreshCard(tx.Tx, record); err != nil {
		return err
	}
	// Whether its end was told is not known either: the message is looked for before it is sent.
	return tx.Enqueue(store.Message{
		Kind: store.MessageReply, Run: record.ID, Key: announce.EndKey(record.ID), Text: h.health.Redact(phrase.Outcome(record)), Sending: true,
	})
}

// headOf makes the store know the branch as far as the run knew it. A store that does not know the run is older than it,
// and with its older head the agent would take the way back for a change and ask people about it.
func headOf(tx *store.Tx, record *store.Run) error {
	s, err := tx.Repository(record.Repository)
	if err != nil || record.Head == "" || s.Head == record.Head {
		return err
	}
	s.Head = record.Head
	return tx.PutRepository(s)
}

// makeRoom ends a run that waits while another one of its stack is at work: the copy of the store is older than that.
func (h *Housekeeper) makeRoom(tx *journal.Tx, record *store.Run) error {
	st, err := tx.Stack(record.Stack)
	if err != nil || st.OpenRun == 0 {
		return err
	}
	open, err := tx.Run(st.OpenRun)
	if err != nil {
		return err
	}
	if open.Status == store.Applying || rundir.Claimed(datadir.Run(h.active.Cfg().DataDir, open.ID)) {
		return &store.OpenRunError{Stack: record.Stack, ID: open.ID} // first one, then the other
	}
	why := fmt.Sprintf("#%d of the same stack was applied after this one, and the store had lost that", record.ID)
	_, err = h.ledger.Move(tx, h.active.Current.Load(), open, store.Move{From: open.Status, To: store.Superseded, By: "agent", Text: why}, phrase.Because(why))
	return err
}

// rememberImport writes down what an ended run means for its stack, unless a newer one is known.
func (h *Housekeeper) rememberImport(tx *journal.Tx, dir string, run *store.Run) error {
	st, err := tx.Stack(run.Stack)
	if err != nil {
		return err
	}
	if run.ID > st.AppliedRun {
		if err := h.ledger.Remember(tx.Tx, run); err != nil {
			return err
		}
	}
	if st, err = tx.Stack(run.Stack); err != nil {
		return err
	}
	if st.AppliedRun == run.ID && !run.Apply.EndedAt.IsZero() {
		st.AppliedAt = run.Apply.EndedAt
	}
	if left := filepath.Join(dir, rundir.SavedStateFile); st.NewestRun == run.ID && fileExists(left) {
		st.LeftState = left
	}
	if err := tx.PutStack(st); err != nil {
		return err
	}
	if st.OpenRun != 0 || st.NewestRun != run.ID {
		return nil
	}
	switch run.Status {
	case store.Interrupted, store.Stale:
		return h.ledger.CreateSuccessor(tx, h.active.Current.Load(), run, fmt.Sprintf("planned again after #%d, which ended %s", run.ID, run.Status))
	}
	return nil
}

func fileExists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// AdoptLater takes in what had to wait for another run of its stack to end; see adopt.
func (h *Housekeeper) AdoptLater() {
	if len(h.toAdopt) == 0 {
		return
	}
	later, err := h.adopt()
	if err != nil {
		h.journal.StoreFault(err)
		return
	}
	h.toAdopt = later
}
