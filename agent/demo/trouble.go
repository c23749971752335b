package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"sallyport/agent/control"
	"sallyport/notify/slack/slacktest"
	"sallyport/store"
)

// moment is the middle of an apply.
type moment struct {
	run     control.Run
	card    slacktest.Message
	release func() error // lets the cloud go on; it may be called again
	changes int          // how often the cloud had been told to change before
}

// decider takes a run to Kim's decision.
type decider func(context.Context, control.Run) (control.Run, slacktest.Message, error)

// amid has Jane make the node bigger and Kim decide, and tells then in the middle of the apply.
func (t *story) amid(ctx context.Context, decide decider, then func(context.Context, moment) error) (err error) {
	if err := t.standing(ctx); err != nil {
		return err
	}
	before, err := t.stage.cloud.Type()
	if err != nil {
		return err
	}
	types := []string{"m5.large", "m5.xlarge", "m5.2xlarge", "m5.4xlarge"}
	after := types[slices.Index(types, before)+1]
	t.say("The node is too small. Jane pushes a bigger type: " + before + " becomes " + after + ".")
	commit, err := t.stage.edit("Give the node more memory", before, after)
	if err != nil {
		return err
	}
	var at moment
	if at.changes, err = t.stage.cloud.Changes(); err != nil {
		return err
	}
	if at.run, err = t.runFor(ctx, commit); err != nil {
		return err
	}
	at.release, err = t.stage.cloud.Hold()
	defer func() { err = errors.Join(err, at.release()) }()
	if err != nil {
		return err
	}
	if at.run, at.card, err = decide(ctx, at.run); err != nil {
		return err
	}
	if at.run.Status == store.Discarded {
		t.say("Then there is no apply to die in.")
		return nil
	}
	if err := t.restarting(ctx); err != nil {
		return err
	}
	if err := then(ctx, at); err != nil {
		return err
	}
	now, err := t.stage.cloud.Changes()
	if err != nil {
		return err
	}
	if now != at.changes+1 {
		return fmt.Errorf("the cloud was told to change %d times", now-at.changes)
	}
	t.say("The cloud was told once.")
	return t.settle()
}

// shownAndDecided shows the message that asks, and has Kim answer it.
func (t *story) shownAndDecided(ctx context.Context, run control.Run) (control.Run, slacktest.Message, error) {
	card, err := t.asked(ctx, run)
	if err != nil {
		return run, card, err
	}
	run, err = t.decide(ctx, run.ID, card, "approve")
	return run, card, err
}

// approvedUnseen has Kim approve what was seen in the scene before.
func (t *story) approvedUnseen(ctx context.Context, run control.Run) (control.Run, slacktest.Message, error) {
	t.say("Kim approves the plan, and the node restarts.")
	run, err := t.waiting(ctx, run)
	if err != nil {
		return run, slacktest.Message{}, err
	}
	card, err := t.stage.card(ctx, run.ID, string(store.Planned))
	if err != nil {
		return run, card, err
	}
	t.stage.says(card.TS, "approve")
	run, err = t.follow(ctx, run, func(r control.Run) bool { return r.Status != store.Planned })
	return run, card, err
}

// killed ends the agent at the worst moment.
func (t *story) killed(ctx context.Context) error {
	return t.amid(ctx, t.shownAndDecided, func(ctx context.Context, at moment) error {
		pid, err := t.agent.kill()
		if err != nil {
			return err
		}
		t.say("The node restarts, which takes seconds. In the middle of that the agent dies:", "")
		t.command("kill -9 " + strconv.Itoa(pid))
		if err := t.types(ctx, "repositories", "status"); err != nil {
			return err
		}
		t.say("Terraform goes on: an apply has a process of its own. The agent starts again, as",
			"systemd would start it, finds that process and follows it to its end:")
		t.command("sallyport agent")
		if err := t.agent.start(ctx); err != nil {
			return err
		}
		resumed, err := t.stage.logged("resuming a run")
		if err != nil {
			return err
		}
		t.quote(resumed, asItIs)
		if err := at.release(); err != nil {
			return err
		}
		run, err := t.ended(ctx, at.run)
		if err != nil {
			return err
		}
		return t.told(ctx, run, at.card)
	})
}

// powerFails ends everything at the worst moment: nobody sees the end of the apply.
func (t *story) powerFails(ctx context.Context) error {
	if err := t.agent.canKillAll(); err != nil {
		t.say("This scene cannot be told on this machine:", "  "+err.Error())
		return nil
	}
	return t.amid(ctx, t.approvedUnseen, func(ctx context.Context, at moment) error {
		if err := t.agent.killAll(); err != nil {
			return err
		}
		if err := errors.Join(at.release(), t.stage.cloud.EndRestart()); err != nil {
			return err
		}
		t.say("In the middle of that the power fails: kill -9 for the agent, for the process of",
			"the apply and for terraform. Then the agent starts again.", "")
		if err := t.agent.start(ctx); err != nil {
			return err
		}
		run, err := t.follow(ctx, at.run, func(r control.Run) bool { return r.Status.Terminal() })
		if err != nil {
			return err
		}
		if run.Status != store.Interrupted {
			return fmt.Errorf("run #%d should be interrupted, and is %s", run.ID, run.Status)
		}
		if err := t.told(ctx, run, at.card); err != nil {
			return err
		}
		if err := t.settle(); err != nil { // the cloud has done it, whatever Kim says now
			return err
		}
		next, err := t.newest(ctx, "after the apply whose end nobody saw", func(r control.Run) bool { return r.ID > run.ID })
		if err != nil {
			return err
		}
		next, card, err := t.shownAndDecided(ctx, next)
		if err != nil || next.Status == store.Discarded {
			return err
		}
		if next, err = t.follow(ctx, next, func(r control.Run) bool { return r.Status.Terminal() }); err != nil {
			return err
		}
		if next.Status != store.NoChanges {
			return fmt.Errorf("run #%d should have nothing to do, and is %s", next.ID, next.Status)
		}
		return t.nowReads(ctx, next, card, "no changes")
	})
}

// restarting waits until the cloud is in the middle of it.
func (t *story) restarting(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("the node does not restart"))
	defer cancel()
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for {
		if busy, err := t.stage.cloud.Restarting(); busy || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// protected is a change that looks harmless and is not.
func (t *story) protected(ctx context.Context) error {
	if err := t.standing(ctx); err != nil {
		return err
	}
	t.say("Jane means well: she encrypts the volume. In this cloud only a new one can be",
		"encrypted, and a new one is empty. Its address is protected.")
	commit, err := t.stage.edit("Encrypt the volume", `encrypted = "no"`, `encrypted = "yes"`)
	if err != nil {
		return err
	}
	run, err := t.runFor(ctx, commit)
	if err != nil {
		return err
	}
	card, err := t.asked(ctx, run)
	if err != nil {
		return err
	}
	if run, err = t.decide(ctx, run.ID, card, "approve", "approve destroy", "deny not without a copy"); err != nil {
		return err
	}
	if run.Status == store.Discarded {
		if err := t.nowReads(ctx, run, card, "discarded"); err != nil {
			return err
		}
		stored, err := t.stage.cloud.Stored()
		t.say("The volume still holds " + stored + ".")
		return err
	}
	if err := t.applied(ctx, run, card); err != nil {
		return err
	}
	t.say("You named it, so it was replaced: the new volume is empty.")
	return t.settle()
}

// preview is what people see of a change before they merge it.
func (t *story) preview(ctx context.Context) error {
	if err := t.standing(ctx); err != nil {
		return err
	}
	t.say("Jane opens a pull request: a bigger volume. Sallyport plans it, without a lock,",
		"and writes one comment. Nobody can approve it: what is merged is planned again.")
	number, err := t.stage.propose("Grow the volume", "200 GB", "500 GB")
	if err != nil {
		return fmt.Errorf("opening a pull request: %w", err)
	}
	comment, err := t.stage.comment(ctx, number, "cloud_volume")
	if err != nil {
		return err
	}
	t.say("The comment, on GitHub:")
	t.quote(shown(comment), inPlan)
	run, err := t.newest(ctx, "of the pull request", func(r control.Run) bool { return r.Kind == store.KindPullRequest })
	if err != nil {
		return err
	}
	status, err := t.stage.status(ctx, run.Commit)
	if err != nil {
		return err
	}
	t.say("And the status of its commit:")
	t.quote(status, asItIs)
	return nil
}

// shown is a comment as GitHub shows it, but for its letters: what is hidden there is left out.
func shown(markdown string) string {
	for {
		before, rest, found := strings.Cut(markdown, "<!--")
		if !found {
			return markdown
		}
		_, after, _ := strings.Cut(rest, "-->")
		markdown = before + strings.TrimPrefix(after, "\n")
	}
}
