package agent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sallyport/agent/config"
	"sallyport/agent/control"
	"sallyport/agent/lifecycle"
	"sallyport/agent/status"
	"sallyport/notify/slack"
	"sallyport/store"
)

// Breaking the glass: one person, named in the configuration, approves alone when only one person is awake. That stands for
// all approvals and for nothing else: words, a deny, pauses, windows and the last checks are what they are for everybody. It
// stays marked until somebody else has reviewed it.

// glassKey is where it is kept which runs wait for a review.
const glassKey = status.UnreviewedSetting

// breakGlass marks a run in the transaction that counts the vote, and tells everybody.
func (a *operator) breakGlass(tx *store.Tx, run *store.Run, s *config.Stack, v lifecycle.Vote, d store.Decision) (*store.Run, error) {
	run, err := tx.ChangeRun(run.ID, func(r *store.Run) error {
		r.BreakGlass = &store.BreakGlass{By: d.By, Person: d.Person, At: d.At, Reason: a.redact(v.Reason)}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var waiting []int
	if _, err := tx.Setting(glassKey, &waiting); err != nil {
		return nil, err
	}
	if !slices.Contains(waiting, run.ID) {
		waiting = append(waiting, run.ID)
	}
	text := fmt.Sprintf("BREAK GLASS: %s approved #%d %s alone, in the place of %s. Reason: %s. %s",
		d.By, run.ID, run.Stack, count(s.Approvals, "approval"), run.BreakGlass.Reason, reviewAdvice(run.ID))
	return run, errors.Join(tx.PutSetting(glassKey, waiting), a.say(tx, run, store.MessageLoud, "glass", text),
		tx.AddEvent(store.Event{Type: "break_glass", Run: run.ID, Stack: run.Stack, By: d.By, Text: run.BreakGlass.Reason}))
}

func reviewAdvice(run int) string {
	return fmt.Sprintf("It stays marked until somebody else has reviewed it: reply review in this thread, or sallyport review %d", run)
}

// glassText is what a card says of a run whose glass was broken; empty of any other.
func glassText(g *store.BreakGlass) string {
	if g == nil {
		return ""
	}
	text := fmt.Sprintf("BREAK GLASS by %s: %s", g.By, g.Reason)
	if g.ReviewedBy != "" {
		return text + fmt.Sprintf(" (reviewed by %s on %s)", g.ReviewedBy, g.ReviewedAt.UTC().Format("2006-01-02 15:04 MST"))
	}
	return text + " (nobody else has reviewed it yet)"
}

// reviewable reports whether a review can mean this run: before somebody breaks the glass, the word is talk.
func reviewable(run *store.Run, m slack.Message) bool {
	return run.BreakGlass != nil && !timeOf(m.TS).Before(run.BreakGlass.At.Add(time.Millisecond)) // At was cut to milliseconds
}

// review takes the mark off a run whose glass was broken, for somebody else than who broke it. also runs in the same
// transaction with the answer, as in decide.
func (a *operator) review(id int, by, text string, also func(*store.Tx, error) error) (*store.Run, error) {
	w := a.world.Load()
	var out *store.Run
	var refusal error
	err := a.update(func(tx *Tx) error {
		run, err := tx.Run(id)
		if err != nil {
			return err
		}
		out, refusal = run, lifecycle.MayReview(w.cfg.People, run, by)
		if refusal == nil {
			if out, err = a.reviewed(tx.Tx, run, by, text); err != nil {
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

func (a *operator) reviewed(tx *store.Tx, run *store.Run, by, text string) (*store.Run, error) {
	text = a.redact(text)
	run, err := tx.ChangeRun(run.ID, func(r *store.Run) error {
		r.BreakGlass.ReviewedBy, r.BreakGlass.ReviewedAt, r.BreakGlass.Review = by, a.now().UTC(), text
		return nil
	})
	if err != nil {
		return nil, err
	}
	var waiting []int
	if _, err := tx.Setting(glassKey, &waiting); err != nil {
		return nil, err
	}
	waiting = slices.DeleteFunc(waiting, func(id int) bool { return id == run.ID })
	said := fmt.Sprintf("%s has reviewed that the glass was broken for #%d %s.", by, run.ID, run.Stack)
	if text != "" {
		said += " " + text
	}
	return run, errors.Join(tx.PutSetting(glassKey, waiting), a.refreshAnd(tx, run, "review", said),
		tx.AddEvent(store.Event{Type: "review", Run: run.ID, Stack: run.Stack, By: by, Text: text}))
}

// Review implements control.Operator.
func (d desktop) Review(_ context.Context, r control.ReviewRequest) (control.DecideResponse, error) {
	if err := d.lookOnly(); err != nil {
		return control.DecideResponse{}, err
	}
	run, err := d.find(r.Ref)
	if err != nil {
		return control.DecideResponse{}, err
	}
	run, err = d.review(run.ID, r.By.By(), r.Reason, nil)
	if err != nil {
		return control.DecideResponse{}, crossing(err)
	}
	return control.DecideResponse{Run: control.RunOf(run), Message: fmt.Sprintf("#%d %s is reviewed.", run.ID, run.Stack)}, nil
}
