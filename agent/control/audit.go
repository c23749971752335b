package control

import (
	"slices"
	"strings"
	"time"

	"sallyport/notify/people"
	"sallyport/store"
)

// AuditQuery asks for a part of the history.
type AuditQuery struct {
	Stack string    // empty: of all stacks, and what is of none
	Since time.Time // zero: from the oldest entry that is kept
	Until time.Time // zero: to the newest
	// After is where an earlier part ended.
	After store.HistoryMark
	// Names asks for what the people are called of whom the part speaks, which takes as long as all the rest.
	Names bool
}

// auditPart is how many entries are looked at for one part: a part is read in one transaction, and crosses the socket at once.
const auditPart = 4000

// Audit is a part of the history, oldest first.
type Audit struct {
	Entries []AuditEntry `json:"entries"`
	Seq     uint64       `json:"seq"`  // of the last entry that was looked at
	Hash    string       `json:"hash"` // of that entry
	End     bool         `json:"end"`  // nothing follows
	// Broken is the first place of this part where the chain of hashes does not hold; empty if it does.
	Broken string            `json:"broken"`
	People map[string]string `json:"people,omitempty"` // what they are called, by account
}

// AuditEntry is one thing that happened. Without a run the number is 0; what is not known, or of no meaning for the event, is empty.
type AuditEntry struct {
	At    time.Time `json:"at"`
	Run   int       `json:"run"`
	Stack string    `json:"stack"`
	// Event is what kind of thing it was: transition, decision, request, cancel, pause, resume, ...
	Event string `json:"event"`
	By    string `json:"by"` // the account: slack:ID, cli:USER, policy:NAME
	// Commit is what the run is about. It is empty of runs whose records were trimmed.
	Commit string `json:"commit"`
	// Digest is the plan that was decided about, or moved to approved, applying and on.
	Digest string `json:"digest"`
	// Outcome is the status that a run came to, or the verdict of a decision.
	Outcome string `json:"outcome"`
	Text    string `json:"text"` // the words of whoever did it, or why
}

// AuditIn reads a part of the history of a store. Stacks that stand in the configuration alone have none, which is no error.
func AuditIn(s *store.Store, q AuditQuery, configured []string) (Audit, error) {
	out := Audit{Entries: []AuditEntry{}}
	err := s.View(func(tx *store.Tx) error {
		names, err := namesOf(tx, q.Stack)
		if err != nil {
			return err
		}
		if q.Stack != "" && len(names) == 1 && q.After.Seq == 0 {
			stacks, err := tx.Stacks()
			if err != nil {
				return err
			}
			if err := KnownStack(q.Stack, stacks, configured); err != nil {
				return err
			}
		}
		runs := map[int]*store.Run{}
		p, err := tx.ReadHistory(q.After, auditPart, func(e *store.Event) error {
			if !q.wants(e, names) {
				return nil
			}
			run, known := runs[e.Run]
			if !known && e.Run != 0 {
				// A record that is gone or cannot be read takes nothing from what the history says by itself.
				run, _ = tx.Run(e.Run)
				runs[e.Run] = run
			}
			out.Entries = append(out.Entries, auditEntryOf(e, run))
			return nil
		})
		if err != nil {
			return err
		}
		if out.Seq, out.Hash, out.End = p.Next.Seq, p.Next.Hash, p.End; p.Broken != nil {
			out.Broken = p.Broken.Error()
		}
		return nil
	})
	return out, err
}

// Name adds what the people are called of whom a part of the history speaks.
func (a *Audit) Name(names people.Names) (err error) {
	a.People, err = names.In(a.Entries)
	return err
}

func (q AuditQuery) wants(e *store.Event, names []string) bool {
	return (q.Stack == "" || slices.Contains(names, e.Stack)) &&
		(q.Since.IsZero() || !e.At.Before(q.Since)) && (q.Until.IsZero() || e.At.Before(q.Until))
}

// auditEntryOf joins an entry of the history with its run, nil if that is not kept.
func auditEntryOf(e *store.Event, run *store.Run) AuditEntry {
	out := AuditEntry{At: e.At.UTC(), Run: e.Run, Stack: e.Stack, Event: e.Type, By: e.By, Outcome: string(e.To), Text: e.Text}
	if run != nil {
		out.Commit = run.Commit
	}
	if e.Type == "decision" { // "approve DIGEST"
		out.Outcome, out.Digest, _ = strings.Cut(e.Text, " ")
		out.Text = voteAt(run, out)
	} else if run != nil && run.Plan != nil && withPlan(e) && !e.At.Before(run.PlannedAt) {
		out.Digest = run.Plan.Digest
	}
	return out
}

// voteAt are the words of a vote: of those by the same account about the same plan the one that was given last before it was counted.
func voteAt(run *store.Run, e AuditEntry) (text string) {
	if run == nil {
		return ""
	}
	for _, d := range run.Decisions {
		if d.By == e.By && d.Digest == e.Digest && string(d.Verdict) == e.Outcome && (text == "" || !d.At.After(e.At)) {
			text = d.Text
		}
	}
	return text
}

// withPlan reports whether a run had a plan when it moved.
func withPlan(e *store.Event) bool {
	switch e.From {
	case store.Planned, store.Approved, store.Applying:
		return true
	}
	return e.To == store.Planned || e.To == store.NoChanges || e.To == store.Previewed
}
