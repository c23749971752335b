package operator

import (
	"errors"
	"fmt"
	"slices"

	"sallyport/agent/config"
	"sallyport/agent/journal"
	"sallyport/agent/lifecycle/votes"
	"sallyport/agent/phrase"
	"sallyport/agent/status"
	"sallyport/notify/words"
	"sallyport/store"
)

// Breaking the glass: one person, named in the configuration, approves alone when only one person is awake. That stands for
// all approvals and for nothing else: words, a deny, pauses, windows and the last checks are what they are for everybody. It
// stays marked until somebody else has reviewed it.

// breakGlass marks a run in the transaction that counts the vote, and tells everybody.
func (o *Operator) breakGlass(tx *store.Tx, run *store.Run, s *config.Stack, v votes.Vote, d store.Decision) (*store.Run, error) {
	run, err := tx.ChangeRun(run.ID, func(r *store.Run) error {
		r.BreakGlass = &store.BreakGlass{By: d.By, Person: d.Person, At: d.At, Reason: o.health.Redact(v.Reason)}
		return nil
	})
	if err != nil {
		return nil, err
	}
	waiting, _, err := status.UnreviewedSetting.Get(tx)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(waiting, run.ID) {
		waiting = append(waiting, run.ID)
	}
	text := fmt.Sprintf("BREAK GLASS: %s approved #%d %s alone, in the place of %s. Reason: %s. %s",
		d.By, run.ID, run.Stack, words.Count(s.Approvals, "approval"), run.BreakGlass.Reason, phrase.ReviewAdvice(run.ID))
	return run, errors.Join(status.UnreviewedSetting.Put(tx, waiting), o.ledger.Say(tx, run, store.MessageLoud, "glass", text),
		tx.AddEvent(store.Event{Type: "break_glass", Run: run.ID, Stack: run.Stack, By: d.By, Text: run.BreakGlass.Reason}))
}

// Review takes the mark off a run whose glass was broken, for somebody else than who broke it. also runs in the same
// transaction with the answer, as in decide.
func (o *Operator) Review(id int, by, text string, also func(*store.Tx, error) error) (*store.Run, error) {
	conf := o.active.Current.Load()
	var out *store.Run
	var refusal error
	err := o.journal.Update(func(tx *journal.Tx) error {
		run, err := tx.Run(id)
		if err != nil {
			return err
		}
		out, refusal = run, votes.MayReview(conf.Cfg.People, run, by)
		if refusal == nil {
			if out, err = o.reviewed(tx.Tx, run, by, text); err != nil {
				return err
			}
		}
		if also != nil {
			return also(tx.Tx, refusal)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, refusal
}

func (o *Operator) reviewed(tx *store.Tx, run *store.Run, by, text string) (*store.Run, error) {
	text = o.health.Redact(text)
	run, err := tx.ChangeRun(run.ID, func(r *store.Run) error {
		r.BreakGlass.ReviewedBy, r.BreakGlass.ReviewedAt, r.BreakGlass.Review = by, o.now().UTC(), text
		return nil
	})
	if err != nil {
		return nil, err
	}
	waiting, _, err := status.UnreviewedSetting.Get(tx)
	if err != nil {
		return nil, err
	}
	waiting = slices.DeleteFunc(waiting, func(id int) bool { return id == run.ID })
	said := fmt.Sprintf("%s reviewed the emergency approval of #%d %s.", by, run.ID, run.Stack)
	if text != "" {
		said += " " + text
	}
	return run, errors.Join(status.UnreviewedSetting.Put(tx, waiting), o.ledger.RefreshAnd(tx, run, "review", said),
		tx.AddEvent(store.Event{Type: "review", Run: run.ID, Stack: run.Stack, By: by, Text: text}))
}
