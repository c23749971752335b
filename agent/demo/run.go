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
	"sallyport/notify/words"
	"sallyport/store"
)

const (
	// patience bounds each wait for the agent, for the case that it hangs. The longest takes two seconds.
	patience  = 2 * time.Minute
	lookAgain = 50 * time.Millisecond
	longPoll  = 10 * time.Second
	// hearing is how long a person waits at least for an answer to words that may be talk.
	hearing = time.Second
)

// see takes a run from its plan to its end. A person who denies may have it planned again.
func (t *story) see(ctx context.Context, run control.Run) error {
	for {
		card, err := t.asked(ctx, run)
		if err != nil {
			return err
		}
		decided, err := t.decide(ctx, run.ID, card, "approve")
		if err != nil {
			return err
		}
		if decided.Status != store.Discarded {
			return t.applied(ctx, decided, card)
		}
		if run, err = t.again(ctx, decided); err != nil {
			return err
		}
	}
}

// asked waits for the message that asks and shows it.
func (t *story) asked(ctx context.Context, run control.Run) (slacktest.Message, error) {
	run, err := t.waiting(ctx, run)
	if err != nil {
		return slacktest.Message{}, err
	}
	card, err := t.stage.card(ctx, run.ID, string(store.Planned))
	if err != nil {
		return card, err
	}
	t.say("Sallyport asks, in Slack's #ops:")
	t.message(card.Visible())
	t.gap()
	return card, nil
}

// waiting follows a run until it waits for a decision.
func (t *story) waiting(ctx context.Context, run control.Run) (control.Run, error) {
	run, err := t.follow(ctx, run, func(r control.Run) bool { return r.Status != store.Pending && r.Status != store.Planning })
	if err == nil && run.Status != store.Planned {
		err = fmt.Errorf("run #%d should wait for a decision, and is %s: %s", run.ID, run.Status, run.Error)
	}
	return run, err
}

// decide has Kim answer in the thread of a run's message until an answer counts. script is what --yes answers, one after the other.
func (t *story) decide(ctx context.Context, id int, card slacktest.Message, script ...string) (control.Run, error) {
	question := "Kim, in the thread"
	if t.answers.paced() {
		question += " (approve, deny, or Enter to skip the scene)"
	}
	for n := 0; ; n++ {
		answer, err := t.ask(ctx, question, script[min(n, len(script)-1)])
		if err != nil {
			return control.Run{}, err
		}
		if answer == "" {
			return control.Run{}, errSkipped
		}
		var run control.Run
		reply, err := t.stage.answered(ctx, t.stage.says(card.TS, answer), !t.answers.yes, func() (bool, error) {
			run, err = t.client.Run(ctx, strconv.Itoa(id))
			return err == nil && run.Status != store.Planned, err
		})
		switch {
		case err != nil:
			return run, err
		case run.Status != store.Planned:
			return run, nil
		case reply.text == "":
			t.say("Nobody answers: to the agent these words are talk.")
			continue
		case reply.private:
			t.say("Sallyport, to Kim alone:")
		default:
			t.say("Sallyport, in the thread:")
		}
		t.message(reply.text)
	}
}

// ask reads one answer. At a terminal an empty one is whatever the caller makes of it.
func (t *story) ask(ctx context.Context, question, proposal string) (string, error) {
	t.write(question + "> ")
	answer, err := t.answers.next(ctx, proposal)
	switch {
	case errors.Is(err, errLeft):
		t.say("", "Nobody answers. With --yes the demo answers by itself.")
	case err == nil && t.answers.alone:
		t.say(t.paint(bold, answer) + "   (nobody is there, so the demo answers)")
	case err == nil && t.answers.yes:
		t.say(t.paint(bold, answer) + "   (by --yes)")
	case err == nil && t.answers.silent:
		t.say(answer)
	}
	return answer, err
}

// again offers a new plan after a deny.
func (t *story) again(ctx context.Context, denied control.Run) (control.Run, error) {
	t.say("Nothing was touched. Nobody is asked again until a commit changes the stack, or a",
		"person asks for a plan.")
	answer, err := t.ask(ctx, "plan, or Enter to skip the scene", "plan")
	if err != nil {
		return control.Run{}, err
	}
	if !strings.EqualFold(answer, "plan") {
		return control.Run{}, errSkipped
	}
	return t.start(ctx, control.StartRequest{Applied: denied.Kind == store.KindManual, Reason: "planned again after a deny"})
}

// applied waits for the end of the apply and tells it.
func (t *story) applied(ctx context.Context, run control.Run, card slacktest.Message) error {
	run, err := t.ended(ctx, run)
	if err != nil {
		return err
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
	return t.told(ctx, run, card)
}

// ended follows a run until it is applied.
func (t *story) ended(ctx context.Context, run control.Run) (control.Run, error) {
	run, err := t.follow(ctx, run, func(r control.Run) bool { return r.Status.Terminal() })
	if err == nil && run.Status != store.Applied {
		err = fmt.Errorf("run #%d should be applied, and is %s: %s", run.ID, run.Status, run.Error)
	}
	return run, err
}

// told shows what the agent says of a run's end in its thread.
func (t *story) told(ctx context.Context, run control.Run, card slacktest.Message) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("nothing is said of the end of #%d", run.ID))
	defer cancel()
	end, err := t.stage.slack.WaitReply(ctx, channel, card.TS, func(m slacktest.Message) bool {
		return m.BotID != "" && strings.HasPrefix(m.Visible(), fmt.Sprintf("#%d %s ", run.ID, run.Stack))
	})
	if err != nil {
		return errors.Join(context.Cause(ctx), err)
	}
	t.say("Sallyport, in the thread:")
	t.message(end.Visible())
	return nil
}

// nowReads shows what is new in a run's message, which the agent edits as the run moves on. status is how that names it.
func (t *story) nowReads(ctx context.Context, run control.Run, before slacktest.Message, status string) error {
	now, err := t.stage.card(ctx, run.ID, status)
	if err != nil {
		return err
	}
	old := strings.Split(before.Visible(), "\n")
	lines := slices.DeleteFunc(strings.Split(now.Visible(), "\n"), func(line string) bool {
		return slices.Contains(old, line) || strings.HasPrefix(line, "sallyport #") // which names the run for machines
	})
	t.say("New in its message in #ops:")
	t.message(strings.Join(lines, "\n"))
	return nil
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
	return t.newest(ctx, "of commit "+words.Short(commit), func(r control.Run) bool { return r.Commit == commit })
}

// newest waits until there is a run that is wanted, and takes the newest.
func (t *story) newest(ctx context.Context, what string, wanted func(control.Run) bool) (control.Run, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("the agent made no run %s", what))
	defer cancel()
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for {
		runs, err := t.client.Runs(ctx, control.RunsQuery{})
		if err != nil {
			return control.Run{}, err
		}
		if i := slices.IndexFunc(runs, wanted); i >= 0 {
			return runs[i], nil
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
