package agent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"sallyport/agent/config"
	"sallyport/agent/control"
	"sallyport/agent/hint"
	"sallyport/agent/status"
	"sallyport/notify/slack"
	"sallyport/store"
)

// Breaking the glass: one person, named in the configuration, approves alone when only one person is awake. That stands for
// all approvals and for nothing else: words, a deny, pauses, windows and the last checks are what they are for everybody. It
// stays marked until somebody else has reviewed it.

// glassKey is where it is kept which runs wait for a review.
const glassKey = status.UnreviewedSetting

// mayBreakGlass refuses whoever is not named, and a reason that is none.
func mayBreakGlass(s *config.Stack, v vote) error {
	switch {
	case !strings.HasPrefix(v.By, "cli:"):
		return hint.Refuse("on the host: sallyport approve RUN --break-glass --reason TEXT", "the glass is broken on the command line only")
	case !namedForGlass(s, v.By):
		next := "add the person's login on this machine to break_glass"
		if account, _ := store.Account(v.By); account == "cli:root" {
			next = "without sudo you are yourself; or name root in break_glass"
		}
		return hint.Refuse(next, "%s is not named in break_glass of stack %s", v.By, s.Name)
	case strings.TrimSpace(v.Reason) == "":
		return hint.Refuse("--reason TEXT", "who breaks the glass says why")
	}
	return nil
}

// namedForGlass reports whether somebody on the command line is one of the stack's break_glass.
func namedForGlass(s *config.Stack, by string) bool {
	by, _ = store.Account(by)
	name, cli := strings.CutPrefix(by, "cli:")
	return cli && slices.Contains(s.BreakGlass, name)
}

// glassBroken reports whether a vote that counts stands for all approvals. The name is looked up again: who was taken out of
// the configuration since has approved like anybody else.
func glassBroken(s *config.Stack, d store.Decision) bool {
	return d.BreakGlass && d.Verdict == store.Approve && namedForGlass(s, d.By)
}

// breakGlass marks a run in the transaction that counts the vote, and tells everybody.
func (a *Agent) breakGlass(tx *store.Tx, run *store.Run, s *config.Stack, v vote, d store.Decision) (*store.Run, error) {
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

// unreviewed reports whether a run waits for a review.
func unreviewed(run *store.Run) bool { return run.BreakGlass != nil && run.BreakGlass.ReviewedBy == "" }

// review takes the mark off a run whose glass was broken, for somebody else than who broke it. also runs in the same
// transaction with the answer, as in decide.
func (a *Agent) review(id int, by, text string, also func(*store.Tx, error) error) (*store.Run, error) {
	w := a.world.Load()
	var out *store.Run
	var refusal error
	err := a.update(func(tx *store.Tx) error {
		run, err := tx.Run(id)
		if err != nil {
			return err
		}
		out, refusal = run, w.mayReview(run, by)
		if refusal == nil {
			if out, err = a.reviewed(tx, run, by, text); err != nil {
				return err
			}
		}
		if also != nil {
			return also(tx, refusal)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, refusal
}

func (w *world) mayReview(run *store.Run, by string) error {
	g := run.BreakGlass
	switch {
	case g == nil:
		return hint.Refuse("", "nobody broke the glass of #%d", run.ID)
	case g.ReviewedBy != "":
		return hint.Refuse("", "#%d was reviewed by %s already", run.ID, g.ReviewedBy)
	case by == g.By || samePerson(w.personOf(by), g.Person):
		return hint.Refuse("in Slack, or with person blocks that tell people on this machine apart", "somebody else than %s has to review #%d", g.By, run.ID)
	}
	return nil
}

func (a *Agent) reviewed(tx *store.Tx, run *store.Run, by, text string) (*store.Run, error) {
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
