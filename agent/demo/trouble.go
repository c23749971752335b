package demo

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"sallyport/agent/control"
	"sallyport/store"
)

// killed ends the agent at the worst moment.
func (t *story) killed(ctx context.Context) (err error) {
	if err := t.standing(ctx); err != nil {
		return err
	}
	before, err := t.stage.cloud.Type()
	if err != nil {
		return err
	}
	after := map[string]string{"m5.large": "m5.xlarge", "m5.xlarge": "m5.2xlarge"}[before]
	changes, err := t.stage.cloud.Changes()
	if err != nil {
		return err
	}
	t.say("The node is too small. Jane pushes a bigger type: " + before + " becomes " + after + ".")
	commit, err := t.stage.edit("Give the node more memory", before, after)
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
	release, err := t.stage.cloud.Hold()
	defer func() { err = errors.Join(err, release()) }()
	if err != nil {
		return err
	}
	if run, err = t.decide(ctx, run.ID, card, "approve"); err != nil {
		return err
	}
	if run.Status == store.Discarded {
		t.say("Then there is no apply to kill the agent in.")
		return nil
	}
	if err := t.restarting(ctx); err != nil {
		return err
	}
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
	if err := release(); err != nil {
		return err
	}
	if run, err = t.ended(ctx, run); err != nil {
		return err
	}
	if err := t.nowReads(ctx, run, card); err != nil {
		return err
	}
	now, err := t.stage.cloud.Changes()
	if err != nil {
		return err
	}
	if now != changes+1 {
		return fmt.Errorf("the cloud was told to change %d times", now-changes)
	}
	t.say("The cloud was told once.")
	return t.settle()
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
		if err := t.nowReads(ctx, run, card); err != nil {
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
