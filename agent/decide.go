package agent

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"sallyport/agent/config"
	"sallyport/agent/control"
	"sallyport/agent/fault"
	"sallyport/agent/hint"
	"sallyport/notify"
	"sallyport/store"
)

// vote is one person's decision on its way into the store, from Slack or from a shell.
type vote struct {
	Run     int
	Words   notify.Words
	By      string // slack:ID or cli:USER
	Text    string // as typed
	At      time.Time
	Channel string // of a vote in Slack
	TS      string

	Digest string // of the plan that was read, or its beginning; empty where the thread says which

	BreakGlass bool   // it is to stand for all approvals
	Reason     string // why the glass is broken
}

// counted is what became of a vote.
type counted struct {
	Run     *store.Run
	Message string // for the person
}

// decide is the one way in which people's decisions come in. A vote that does not count comes back as a [hint.Refusal] and
// changes nothing. also runs in the same transaction as the answer, counted or refused (Slack marks the message as
// handled there); it may be nil.
func (a *Agent) decide(v vote, also func(*store.Tx, error) error) (counted, error) {
	w := a.world.Load()
	var out counted
	var refusal error
	err := a.update(func(tx *store.Tx) error {
		out, refusal = counted{}, nil
		run, err := tx.Run(v.Run)
		if err != nil {
			return err
		}
		out, err = a.count(tx, w, run, v)
		if _, ok := err.(*hint.Refusal); ok {
			refusal, err = err, nil
		}
		if err != nil {
			return err
		}
		if also != nil {
			return also(tx, refusal)
		}
		return nil
	})
	if err != nil {
		return counted{}, err
	}
	return out, refusal
}

func (a *Agent) count(tx *store.Tx, w *world, run *store.Run, v vote) (counted, error) {
	s := w.stack(run.Stack)
	if err := a.decidable(run, s, v); err != nil {
		return counted{}, err
	}
	person := w.personOf(v.By)
	if v.Words.Verdict == store.Approve {
		if err := a.mayApprove(tx, w, run, s, v, person); err != nil {
			return counted{}, err
		}
	}
	d := store.Decision{
		Verdict: v.Words.Verdict, By: v.By, Person: person, At: v.At.UTC(), Text: a.redact(v.Text),
		Digest: run.Plan.Shown(), Channel: v.Channel, TS: v.TS, BreakGlass: v.BreakGlass,
	}
	add := func(r *store.Run) error {
		r.Decisions = append(r.Decisions, d)
		return nil
	}
	if err := tx.AddEvent(store.Event{Type: "decision", Run: run.ID, Stack: run.Stack, By: v.By, Text: string(d.Verdict) + " " + d.Digest}); err != nil {
		return counted{}, err
	}
	if v.Words.Verdict == store.Deny {
		why := "denied by " + v.By
		if v.Words.Reason != "" {
			why += ": " + a.redact(v.Words.Reason)
		}
		run, err := a.move(tx, w, run, store.Move{From: run.Status, To: store.Discarded, By: v.By, Text: why}, func(r *store.Run) error {
			r.Error = why
			return add(r)
		})
		a.work.stop(v.Run)
		return counted{run, fmt.Sprintf("#%d %s is discarded.", v.Run, s.Name)}, err
	}
	run, err := tx.ChangeRun(run.ID, add)
	if err == nil && d.BreakGlass {
		run, err = a.breakGlass(tx, run, s, v, d)
	}
	if err != nil {
		return counted{}, err
	}
	return a.afterApproval(tx, w, run, s, v)
}

// afterApproval moves the run on when that was the last approval that it needed.
func (a *Agent) afterApproval(tx *store.Tx, w *world, run *store.Run, s *config.Stack, v vote) (counted, error) {
	enough, got := weigh(run, s)
	switch {
	case run.Status == store.Approved:
		return counted{run, fmt.Sprintf("#%d %s is approved already; noted.", run.ID, s.Name)}, a.refreshCard(tx, run)
	case !enough:
		return counted{run, fmt.Sprintf("counted: %d of %d approvals of #%d %s.%s", got, s.Approvals, run.ID, s.Name, addsNothing(run))}, errors.Join(a.refreshCard(tx, run), a.publish(tx, run))
	case run.Plan.Empty:
		// A recovery run without changes after an interrupted apply: a person looked at what was left half done.
		run, err := a.move(tx, w, run, store.Move{From: run.Status, To: store.NoChanges, By: v.By}, nil)
		return counted{run, fmt.Sprintf("#%d %s is settled.", v.Run, s.Name)}, err
	}
	run, err := a.move(tx, w, run, store.Move{From: run.Status, To: store.Approved, By: v.By}, nil)
	if err != nil {
		return counted{}, err
	}
	waits, err := a.waitsForWindow(tx, run, s)
	return counted{run, fmt.Sprintf("#%d %s is approved.%s", v.Run, s.Name, waits)}, err
}

// decidable refuses decisions about a run that is not waiting for any.
func (a *Agent) decidable(run *store.Run, s *config.Stack, v vote) error {
	verb := string(v.Words.Verdict)
	switch run.Status {
	case store.Pending, store.Planning:
		return hint.Refuse("wait for its plan", "#%d is not planned yet (%s)", run.ID, run.Status)
	case store.Applying:
		if v.Words.Verdict == store.Deny {
			return hint.Refuse(fmt.Sprintf("sallyport cancel %d", run.ID), "#%d is already applying; `cancel` is the word that stops it", run.ID)
		}
		return hint.Refuse("", "#%d is already applying", run.ID)
	case store.Planned, store.Approved:
	default:
		return hint.Refuse(fmt.Sprintf("sallyport plan %s", run.Stack), "#%d has ended: %s", run.ID, run.Status)
	}
	if v.Words.Verdict == store.Approve && !about(run, v.TS) {
		return hint.Refuse("look at the changes and decide again", "what you approved was the plan of #%d, and #%d has taken its place", run.After, run.ID)
	}
	if v.Digest != "" && !names(v.Digest, run.Plan) {
		return hint.Refuse(fmt.Sprintf("look again: sallyport show %d", run.ID), "the plan of #%d that waits now is %s, and you decided about another one (%s)", run.ID, run.Plan.Shown(), v.Digest)
	}
	if s == nil {
		return hint.Refuse("", "stack %s is not in the configuration any more", run.Stack)
	}
	if why, doubt := a.overdue(run); doubt {
		return hint.Refuse("wait for the next plan", "%s", why)
	} else if why != "" {
		return hint.Refuse("sallyport plan "+run.Stack, "the plan of #%d expired at %s", run.ID, run.ExpiresAt.UTC().Format(time.RFC3339))
	}
	if v.Words.Verdict == store.Approve && s.Mode == config.ModeObserve {
		return hint.Refuse("", "stack %s is only observed; its plans are never applied", run.Stack)
	}
	if verb == "" {
		return hint.Refuse("write approve or deny", "nothing was decided")
	}
	return nil
}

// names reports whether a digest, or enough of its beginning, is that of a plan: of the one that people were shown, or of the
// same changes planned again.
func names(digest string, p *store.Plan) bool {
	digest = strings.ToLower(digest)
	for _, shown := range []string{p.Shown(), p.Digest} {
		if digest == shown || len(digest) >= control.MinDigest && strings.HasPrefix(shown, digest) {
			return true
		}
	}
	return false
}

// mayApprove refuses an approval that does not name what it must, of a person who may not, or given twice.
func (a *Agent) mayApprove(tx *store.Tx, w *world, run *store.Run, s *config.Stack, v vote, person string) error {
	if missing, ok := v.Words.Covers(run.Plan); !ok && !fault.Without("words") {
		return hint.Refuse("", "%s", missing)
	}
	if v.BreakGlass {
		if err := mayBreakGlass(s, v); err != nil {
			return err
		}
	} else if !s.AllowSelfApproval {
		if err := w.notOwn(run, v.By, person); err != nil {
			return err
		}
	}
	for _, d := range run.Decisions {
		if counts(run, d) && d.Verdict == store.Approve && d.Person == person && (d.BreakGlass || !v.BreakGlass) && !fault.Without("different people") {
			return hint.Refuse("", "your approval of #%d counts already; %d different people are needed", run.ID, s.Approvals)
		}
	}
	return nil
}

// counts reports whether a recorded decision is about the plan that the run has now and was not withdrawn.
func counts(run *store.Run, d store.Decision) bool {
	return d.Withdrawn == "" && run.Plan != nil && d.Digest == run.Plan.Shown()
}

// authorIs compares a commit's author with a person; git's author text can be forged, so it only ever forbids.
func authorIs(author string, p config.Person) bool {
	for _, id := range []string{p.Name, p.GitHub, p.OS} {
		if id == "" {
			continue
		}
		for _, word := range strings.FieldsFunc(author, func(r rune) bool { return strings.ContainsRune(" <>@+", r) }) {
			if word == strings.ToLower(id) {
				return true
			}
		}
	}
	return false
}
