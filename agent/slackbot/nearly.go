package slackbot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sallyport/agent/active"
	"sallyport/agent/journal"
	"sallyport/notify"
	"sallyport/notify/slack"
	"sallyport/notify/verbs"
	"sallyport/notify/words"
	"sallyport/store"
)

// mention is a reply without the bot's mention, and whether there was one.
type mention struct {
	said string
	made bool
}

// nearly answers a reply that looks like a decision and is none, once a person and run: whoever believes to have decided must not
// find out by nothing happening. It counts nothing, and talk is left alone.
func (sb *Slackbot) nearly(ctx context.Context, conf *active.Config, self slack.Identity, runID int, m slack.Message, r mention) error {
	near := notify.NearDecision(r.said)
	order, of, asked := verbs.Verb{}, []string(nil), false
	if r.made {
		order, of, asked = verbs.Find(strings.Fields(r.said))
	}
	if r.made && near == notify.Talk && !asked {
		near = notify.NearApprove // called, and nothing said that is known here
	}
	stops := wantsStop(r.said)
	if near == notify.Talk && !asked && !stops {
		return nil
	}
	if _, human := m.Human(self); !human {
		return nil
	}
	run, err := sb.ledger.RunOf(&store.Message{Run: runID})
	if err != nil || run == nil || conf.Stack(run.Stack) == nil {
		return err
	}
	meant := cancels(run, r.said)
	if near == notify.Talk && !asked {
		if !meant && !stoppable(run) {
			return nil // there is nothing to stop
		}
		near = notify.NearDeny
	}
	answer, often := nearAnswer(run, near, self.User), once
	switch {
	case meant && stoppable(run):
		return sb.stop(ctx, conf, self, run, m)
	case meant && run.Status.Terminal():
		answer, often = fmt.Sprintf("#%d has ended (%s), so there is nothing to cancel", run.ID, run.Status), always
	case asked && len(of) > 0: // it may be about something else
		answer, often = "that is told me in the channel: @"+self.User+" "+words.Cut(strings.TrimSpace(r.said), maxSaid), always
	case asked:
		answer, often = "that is told me in the channel: @"+self.User+" "+orderAbout(order, run), always
	case near == notify.NearDeny && run.Status == store.Applying:
		often = always // who wants to stop an apply must not find out by nothing happening
	}
	if answer == "" {
		return nil
	}
	err = sb.nudge(runID, m, often, "This did not count; "+answer)
	if errors.Is(err, store.ErrFull) {
		return nil // a comfort, and nobody is to be told that it counts later
	}
	return err
}

// maxSaid is how much of somebody's words an answer repeats, in characters.
const maxSaid = 80

// how often somebody is told something of a run.
type often int

const (
	once   often = iota // a person and run
	always              // each time that they say it
)

// nudge tells somebody, and nobody else where Slack can do that, unless they were told of this run before and once is enough.
func (sb *Slackbot) nudge(runID int, m slack.Message, how often, text string) error {
	return sb.journal.Update(func(tx *journal.Tx) error {
		t, err := tx.Thread(runID)
		if err != nil || slices.Contains(t.Handled, m.TS) {
			return err
		}
		t.Handled = append(t.Handled, m.TS)
		told := how == once && slices.Contains(t.Nudged, m.User)
		if how == once && !told {
			t.Nudged = append(t.Nudged, m.User)
		}
		if err := tx.PutThread(t); err != nil || told {
			return err
		}
		return tx.Enqueue(store.Message{
			Kind: store.MessageReply, Run: runID, Key: fmt.Sprintf("run/%d/nearly/%s", runID, m.TS), To: m.User,
			Text: sb.health.Redact(text),
		})
	})
}

// orderAbout is how a command is said of a run in the channel: "cancel 7", "plan wiki".
func orderAbout(v verbs.Verb, run *store.Run) string {
	if len(v.Args) == 0 || v.Args[0].Optional && v.Name != "pause" && v.Name != "resume" {
		return v.Name
	}
	switch v.Args[0].Kind {
	case verbs.Run:
		return fmt.Sprintf("%s %d", v.Name, run.ID)
	case verbs.Stack:
		return v.Name + " " + run.Stack
	}
	return v.Usage()
}

// nearAnswer says what to reply instead; empty where a run waits for nothing that could be meant.
func nearAnswer(run *store.Run, near notify.Near, bot string) string {
	again := fmt.Sprintf("to plan it again, tell me in the channel: @%s plan %s", bot, run.Stack)
	switch run.Status {
	case store.Pending, store.Planning, store.Applying:
		if near == notify.NearDeny {
			return fmt.Sprintf("to stop it, reply cancel (or tell me in the channel: @%s cancel %d)", bot, run.ID)
		}
	case store.Approved:
		if near == notify.NearDeny {
			return "to refuse the plan, reply deny"
		}
	case store.Planned:
		switch near {
		case notify.NearDeny:
			return "to refuse the plan, reply deny"
		case notify.NearPlan:
			return again
		}
		return fmt.Sprintf("to approve, reply %s; to refuse, reply deny", notify.Needed(run.Plan))
	case store.Errored, store.Interrupted, store.Canceled, store.Discarded, store.Expired, store.Stale:
		if near == notify.NearPlan && run.Kind != store.KindPullRequest {
			return again
		}
	}
	return ""
}
