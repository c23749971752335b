package operator

import (
	"errors"
	"fmt"

	"sallyport/agent/active"
	"sallyport/agent/config"
	"sallyport/agent/control"
	"sallyport/agent/hint"
	"sallyport/agent/journal"
	"sallyport/agent/lifecycle/votes"
	"sallyport/notify/words"
	"sallyport/store"
)

// counted is what became of a vote.
type counted struct {
	Run     *store.Run
	Message string // for the person
}

// Decide is the one way in which people's decisions come in. A vote that does not count comes back as a [hint.Refusal] and
// changes nothing. also runs in the same transaction as the answer, counted or refused (Slack marks the message as
// handled there); it may be nil.
func (o *Operator) Decide(v votes.Vote, also func(*store.Tx, error) error) (counted, error) {
	conf := o.active.Current.Load()
	var out counted
	var refusal error
	err := o.journal.Update(func(tx *journal.Tx) error {
		out, refusal = counted{}, nil
		run, err := tx.Run(v.Run)
		if err != nil {
			return err
		}
		out, err = o.count(tx, conf, run, v)
		if refused := (*hint.Refusal)(nil); errors.As(err, &refused) {
			refusal, err = err, nil
		}
		if err != nil {
			return err
		}
		if also != nil {
			return also(tx.Tx, refusal)
		}
		return nil
	})
	if err != nil {
		return counted{}, err
	}
	return out, refusal
}

func (o *Operator) count(tx *journal.Tx, conf *active.Config, run *store.Run, v votes.Vote) (counted, error) {
	s := conf.Stack(run.Stack)
	v.Early = !votes.About(run, v.TS)
	if err := votes.Decidable(run, s, v, o.clocks.Reading()); err != nil {
		return counted{}, control.Late(tx.Tx, run, err)
	}
	person := votes.PersonOf(conf.Cfg.People, v.By)
	if v.Words.Verdict == store.Approve {
		if err := votes.MayApprove(conf.Cfg.People, run, s, v, person); err != nil {
			return counted{}, err
		}
	}
	d := store.Decision{
		Verdict: v.Words.Verdict, By: v.By, Person: person, At: v.At.UTC(), Text: o.health.Redact(v.Text),
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
			why += ": " + o.health.Redact(v.Words.Reason)
		}
		run, err := o.ledger.Move(tx, conf, run, store.Move{From: run.Status, To: store.Discarded, By: v.By, Text: why}, func(r *store.Run) error {
			r.Error = why
			return add(r)
		})
		o.work.Stop(v.Run)
		return counted{run, fmt.Sprintf("#%d %s is discarded.", v.Run, s.Name)}, err
	}
	run, err := tx.ChangeRun(run.ID, add)
	if err == nil && d.BreakGlass {
		run, err = o.breakGlass(tx.Tx, run, s, v, d)
	}
	if err != nil {
		return counted{}, err
	}
	return o.afterApproval(tx, conf, run, s, v)
}

// afterApproval moves the run on when that was the last approval that it needed.
func (o *Operator) afterApproval(tx *journal.Tx, conf *active.Config, run *store.Run, s *config.Stack, v votes.Vote) (counted, error) {
	enough, got := votes.Weigh(run, s)
	switch {
	case run.Status == store.Approved:
		return counted{run, fmt.Sprintf("#%d %s is approved already; noted.", run.ID, s.Name)}, o.ledger.RefreshCard(tx.Tx, run)
	case !enough:
		return counted{run, fmt.Sprintf("counted: %s of #%d %s.%s", words.Of(got, s.Approvals, "approval"), run.ID, s.Name, votes.AddsNothing(run))}, errors.Join(o.ledger.RefreshCard(tx.Tx, run), o.ledger.Publish(tx.Tx, run))
	case run.Plan.Empty:
		// A recovery run without changes after an interrupted apply: a person looked at what was left half done.
		run, err := o.ledger.Move(tx, conf, run, store.Move{From: run.Status, To: store.NoChanges, By: v.By}, nil)
		return counted{run, fmt.Sprintf("#%d %s is settled.", v.Run, s.Name)}, err
	}
	run, err := o.ledger.Move(tx, conf, run, store.Move{From: run.Status, To: store.Approved, By: v.By}, nil)
	if err != nil {
		return counted{}, err
	}
	waits, err := o.ledger.WaitsForWindow(tx.Tx, run, s)
	return counted{run, fmt.Sprintf("#%d %s is approved.%s", v.Run, s.Name, waits)}, err
}
