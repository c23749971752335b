package slackbot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sallyport/agent/active"
	"sallyport/agent/hint"
	"sallyport/agent/journal"
	"sallyport/agent/slackbot/commands"
	"sallyport/notify/slack"
	"sallyport/notify/verbs"
	"sallyport/notify/words"
	"sallyport/store"
)

// cancels reports whether a reply in a run's thread is the word that stops it, which may name the run although it need not.
func cancels(run *store.Run, said string) bool {
	fields := strings.Fields(strings.Trim(said, "`.! \n"))
	v, rest, ok := verbs.Find(fields)
	if !ok || v.Name != "cancel" || len(rest) > 1 {
		return false
	}
	own := []string{fmt.Sprint(run.ID), fmt.Sprintf("#%d", run.ID), run.Stack}
	return len(rest) == 0 || slices.Contains(own, rest[0])
}

// wantsStop reports whether a few words begin as somebody does who wants a run to stop: "cancel it", "stop the apply!".
func wantsStop(said string) bool {
	const few = 4
	fields := strings.Fields(strings.ToLower(strings.Trim(said, "`*_ \n")))
	return len(fields) > 0 && len(fields) <= few && slices.Contains([]string{"cancel", "stop", "abort"}, strings.TrimRight(fields[0], ".,:;!"))
}

// stoppable reports whether cancel is the word for a run: one that waits for people, or for its apply, is denied.
func stoppable(run *store.Run) bool {
	return run.Status == store.Pending || run.Status == store.Planning || run.Status == store.Applying
}

// stop cancels a run for who may, as the same word in the channel does, and answers in the thread. The run is canceled before the reply
// counts as handled: to ask twice does no harm, and who wants to stop an apply must not be forgotten.
func (sb *Slackbot) stop(ctx context.Context, conf *active.Config, self slack.Identity, run *store.Run, m slack.Message) error {
	s := conf.Stack(run.Stack)
	why, err := conf.Directory.MayDecide(ctx, m.User, active.Approvers(conf.Cfg, s))
	if err != nil {
		return fmt.Errorf("weighing who cancels #%d: %w", run.ID, err)
	}
	answer := ""
	if why != "" {
		answer = commands.MayNot(conf, m.User, commands.About{Verb: "cancel", Stack: s, Run: run}, why)
	} else {
		_, text, err := sb.operator.Cancel(run.ID, "slack:"+m.User)
		var refusal *hint.Refusal
		switch {
		case errors.As(err, &refusal):
			answer = notCounted(refusal, self.User)
		case err != nil:
			return err
		default:
			answer = words.Sentence(text)
		}
	}
	if err := sb.journal.Update(func(tx *journal.Tx) error { return sb.answer(tx.Tx, run.ID, m, answer) }); err != nil {
		return err
	}
	commands.Seen(ctx, sb.log, conf, m)
	return nil
}
