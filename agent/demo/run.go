package demo

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"sallyport/agent/control"
	"sallyport/notify/words"
	"sallyport/store"
)

const (
	// patience bounds each wait for the agent. The longest takes two seconds.
	patience  = time.Minute
	lookAgain = 50 * time.Millisecond
	longPoll  = 10 * time.Second
)

// see takes a run from its plan to its end. A person who denies may have it planned again.
func (t *story) see(ctx context.Context, run control.Run) error {
	for {
		planned, err := t.planned(ctx, run)
		if err != nil {
			return err
		}
		decided, err := t.decide(ctx, planned)
		if err != nil {
			return err
		}
		if decided.Status != store.Discarded {
			return t.applied(ctx, decided)
		}
		if run, err = t.again(ctx, decided); err != nil {
			return err
		}
	}
}

// planned waits for the plan and shows it.
func (t *story) planned(ctx context.Context, run control.Run) (control.Run, error) {
	run, err := t.follow(ctx, run, func(r control.Run) bool { return r.Status != store.Pending && r.Status != store.Planning })
	if err != nil {
		return run, err
	}
	if run.Status != store.Planned {
		return run, fmt.Errorf("run #%d should wait for a decision, and is %s: %s", run.ID, run.Status, run.Error)
	}
	notice, err := t.agent.notices.take(ctx, fmt.Sprintf("DEMO %s #%d: planned", run.Stack, run.ID))
	if err != nil {
		return run, err
	}
	t.say("", "This is the message that asks, in Slack:")
	t.quote(notice, inNotice)
	text, err := t.client.PlanText(ctx, strconv.Itoa(run.ID))
	if err != nil {
		return run, fmt.Errorf("reading the plan: %w", err)
	}
	t.say(fmt.Sprintf("And the plan in terraform's own words (sallyport show %d --plan):", run.ID))
	t.quote(text, inPlan)
	return run, nil
}

// decide asks until an answer counts.
func (t *story) decide(ctx context.Context, run control.Run) (control.Run, error) {
	words := strings.TrimPrefix(run.Decisive(), fmt.Sprintf("sallyport approve %d", run.ID))
	words = "approve" + words
	for {
		t.say(fmt.Sprintf("Your decision: %s, or deny?", words))
		answer, err := t.ask(ctx, words)
		if err != nil {
			return run, err
		}
		res, err := t.client.Decide(ctx, control.DecideRequest{Ref: strconv.Itoa(run.ID), Words: answer, Digest: run.Plan.Digest})
		var refused *control.Error
		if errors.As(err, &refused) && refused.Kind != control.Internal && !t.answers.yes {
			t.say("That does not count: " + refused.Message)
			if refused.Hint != "" {
				t.say("hint: " + refused.Hint)
			}
			continue
		}
		if err != nil {
			return run, fmt.Errorf("deciding: %w", err)
		}
		t.say(res.Message)
		return res.Run, nil
	}
}

// ask reads one answer.
func (t *story) ask(ctx context.Context, proposal string) (string, error) {
	t.write("> ")
	answer, err := t.answers.next(ctx, proposal)
	switch {
	case errors.Is(err, errLeft):
		t.say("", "Nobody answers. With --yes the demo answers by itself.")
	case err == nil && t.answers.yes:
		t.say(t.paint(bold, answer) + "   (answered by --yes)")
	case err == nil && t.answers.silent:
		t.say(answer)
	}
	return answer, err
}

// again offers a new plan after a deny.
func (t *story) again(ctx context.Context, denied control.Run) (control.Run, error) {
	t.say("", "Nothing was touched. Nobody is asked again until a commit changes the stack, or",
		"a person asks for a plan. Type plan to do so, or Enter to end the demo.")
	answer, err := t.ask(ctx, "plan")
	if err != nil {
		return control.Run{}, err
	}
	if !strings.EqualFold(answer, "plan") {
		return control.Run{}, errLeft
	}
	return t.start(ctx, control.StartRequest{Applied: denied.Kind == store.KindManual, Reason: "planned again after a deny"})
}

// applied waits for the end of the apply and tells it.
func (t *story) applied(ctx context.Context, run control.Run) error {
	run, err := t.follow(ctx, run, func(r control.Run) bool { return r.Status.Terminal() })
	if err != nil {
		return err
	}
	if run.Status != store.Applied {
		return fmt.Errorf("run #%d should be applied, and is %s: %s", run.ID, run.Status, run.Error)
	}
	log, err := t.client.Log(ctx, strconv.Itoa(run.ID))
	if err != nil {
		return fmt.Errorf("reading the log: %w", err)
	}
	var done []string
	for line := range strings.Lines(log) {
		if line, _, _ = strings.Cut(line, " [id="); strings.Contains(line, " complete after ") || strings.HasPrefix(line, "Apply complete") {
			done = append(done, strings.TrimRight(line, "\n"))
		}
	}
	t.say(fmt.Sprintf("Terraform applies that very plan (all its words: sallyport show %d --log):", run.ID))
	t.quote(strings.Join(done, "\n"), inLog)
	t.say(fmt.Sprintf("#%d %s is %s.%s", run.ID, run.Stack, run.Status, approvedBy(run)))
	return nil
}

func approvedBy(run control.Run) string {
	for _, d := range run.Decisions {
		if d.Verdict == store.Approve {
			return fmt.Sprintf(" It was approved by %s, for the plan %s only.", d.By, words.Short(run.Plan.Digest))
		}
	}
	return ""
}

// start asks for a manual run, as sallyport plan and sallyport recover do.
func (t *story) start(ctx context.Context, r control.StartRequest) (control.Run, error) {
	r.Stack = stackName
	res, err := t.client.Start(ctx, r)
	if err != nil {
		return control.Run{}, fmt.Errorf("asking for a plan: %w", err)
	}
	return t.client.Run(ctx, strconv.Itoa(res.Run))
}

// runFor waits until the agent has made the run of a commit.
func (t *story) runFor(ctx context.Context, commit string) (control.Run, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("the agent made no run of commit %s", words.Short(commit)))
	defer cancel()
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for {
		status, err := t.client.Status(ctx)
		if err != nil {
			return control.Run{}, err
		}
		for _, s := range status.Stacks {
			if s.Run != nil && s.Run.Commit == commit {
				return *s.Run, nil
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return control.Run{}, context.Cause(ctx)
		}
	}
}

// follow waits until a run is as far as wanted.
func (t *story) follow(ctx context.Context, run control.Run, far func(control.Run) bool) (control.Run, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("run #%d does not move on: it is %s", run.ID, run.Status))
	defer cancel()
	for !far(run) {
		var since time.Time
		if run.UpdatedAt != nil {
			since = *run.UpdatedAt
		}
		now, err := t.client.Wait(ctx, run.ID, since, longPoll)
		if err != nil {
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			return run, err
		}
		run = now
	}
	return run, nil
}
