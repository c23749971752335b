package commands

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"sallyport/agent/active"
	"sallyport/agent/contain"
	"sallyport/agent/journal"
	"sallyport/agent/phrase"
	"sallyport/notify"
	"sallyport/notify/slack"
	"sallyport/notify/verbs"
	"sallyport/notify/words"
	"sallyport/store"
)

// What is said beside the places where it counts: a decision in the channel without the bot's mention, and whatever is said in a thread
// of the agent's that is no run's. Nothing of it decides or does anything; who believes it does is told where it does.

// besidesKey is the ts of the newest reply in such threads of a channel that was heard.
func besidesKey(channel string) store.Key[string] {
	return store.Key[string]("slack/besides/" + channel)
}

// Besides answers the replies of threads that are no run's: of what this agent said in the channel, and of what it was asked there.
func (cs *Commands) Besides(ctx context.Context, conf *active.Config, self slack.Identity, channel, cursor string, runs map[string]*store.Thread, messages []slack.Message) error {
	heard := ""
	if err := cs.store.View(func(tx *store.Tx) (err error) { heard, _, err = besidesKey(channel).Get(tx); return err }); err != nil {
		return err
	}
	first := heard == ""
	if first {
		heard = cursor // what was said before is not answered
	}
	newest := heard
	var grown []slack.Message
	for _, m := range messages {
		if runs[m.TS] == nil && m.ReplyCount > 0 && phrase.LaterTS(m.LatestReply, heard) && concerns(cs.id, self, m) {
			grown = append(grown, m)
			if phrase.LaterTS(m.LatestReply, newest) {
				newest = m.LatestReply
			}
		}
	}
	if newest == heard && !first {
		return nil
	}
	var answers []store.Message
	for _, parent := range grown {
		replies, err := conf.Slack.Replies(ctx, channel, parent.TS, parent.TS)
		if _, limited := slack.RetryAfter(err); limited || err != nil && slack.Unknown(err) {
			return err // all of them are read again
		}
		if err != nil { // a thread that cannot be read at all must not be in the way of the others
			cs.log.Warn("reading a thread that is no run's", "ts", parent.TS, "err", err)
			continue
		}
		for _, m := range replies {
			if m.TS == parent.TS || !phrase.LaterTS(m.TS, heard) || phrase.LaterTS(m.TS, newest) {
				continue // what came after the channel was read is heard at the next turn, in its order
			}
			r, err := cs.besidesAnswer(ctx, conf, self, channel, m)
			if err != nil {
				return err
			}
			if r.text != "" {
				n := cs.ledger.Note("command/"+channel+"/"+m.TS, r.text)
				n.Channel, n.Thread, n.Links = channel, parent.TS, linksTo(r.about)
				answers = append(answers, n)
			}
		}
	}
	return cs.journal.Update(func(tx *journal.Tx) error {
		err := besidesKey(channel).Put(tx, newest)
		for _, n := range answers {
			err = errors.Join(err, tx.Enqueue(n))
		}
		return err
	})
}

// concerns reports whether a thread of the channel is one of an agent's, and no run's. Those of another agent with the same bot are
// none of our business: what counts there is not known here.
func concerns(agent string, self slack.Identity, m slack.Message) bool {
	if _, by, ok := m.NoteKey(self); ok {
		return by == agent
	}
	_, asked := notify.CutMention(m.Text, self.UserID)
	return asked && m.User != self.UserID
}

// besidesAnswer answers one reply: looks are obeyed, everything else is told where it is heard; talk is left alone.
func (cs *Commands) besidesAnswer(ctx context.Context, conf *active.Config, self slack.Identity, channel string, m slack.Message) (r reply, err error) {
	if _, human := m.Human(self); !human {
		return r, nil
	}
	c, mentioned := notify.ParseCommand(m.Text, self.UserID)
	if !mentioned {
		return overheard(cs.store, m, channel)
	}
	if r, err = cs.misunderstood(conf, self, c); err != nil || r.text != "" {
		return r, err
	}
	if v, _, _ := verbs.Find(strings.Fields(c.Verb)); v.Who == verbs.Anybody {
		err = contain.Do("obeying "+c.Verb, func() error { r = cs.obey(ctx, conf, self, order{c, m, channel}); return nil })
		if cs.health.LogIfPanic(err); err != nil {
			r.text = cs.worded(self, "", err)
		}
		return r, nil
	}
	said, _ := notify.CutMention(m.Text, self.UserID)
	return reply{text: fmt.Sprintf("This did not count; that is told me in the channel, not in a thread: @%s %s", self.User, words.Cut(strings.TrimSpace(said), maxSaid))}, nil
}

// overheard answers a decision that nobody is told, where a run of this agent waits for one in the channel; empty for anything else.
func overheard(st *store.Store, m slack.Message, channel string) (r reply, err error) {
	decided, ok, _ := notify.ParseDecision(m.Text)
	if !ok || decided.Reason != "" {
		return r, nil // deny with more words may be talk
	}
	v, _, known := verbs.Find([]string{string(decided.Verdict)})
	if !known {
		return r, nil
	}
	waits := false
	err = st.View(func(tx *store.Tx) error {
		open, err := tx.OpenRuns()
		for _, run := range open {
			waits = waits || run.Status == store.Planned && run.Card != nil && run.Card.Channel == channel
		}
		return err
	})
	if err != nil || !waits {
		return r, err
	}
	return elsewhere(st, v, nil)
}

// overhear answers a message of the channel that is told nobody, once.
func (cs *Commands) overhear(self slack.Identity, channel, heard string, m slack.Message) error {
	if _, human := m.Human(self); !human || heard != "" && !phrase.LaterTS(m.TS, heard) {
		return nil
	}
	r, err := overheard(cs.store, m, channel)
	if err != nil || r.text == "" {
		return err
	}
	n := cs.ledger.Note("command/"+channel+"/"+m.TS, r.text)
	n.Channel, n.Thread, n.Links = channel, m.TS, linksTo(r.about)
	return cs.journal.Update(func(tx *journal.Tx) error {
		return errors.Join(obeyedKey(channel).Put(tx, m.TS), tx.Enqueue(n))
	})
}
