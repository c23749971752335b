package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sallyport/agent/hint"
	"sallyport/notify"
	"sallyport/notify/slack"
	"sallyport/store"
)

// Each card carries the head of our history of the moment when it was written, so that Slack remembers what our disk may
// forget: a volume that was put back to a snapshot, or a copy of the data directory that went on by itself. Then we do not
// know what was decided and applied meanwhile, and must not go on as if nothing had been.

const (
	astrayKey  = "history/astray"
	settledKey = "history/settled" // when a person last said that all is well
)

// astray is the proof that our store went back in time, or forked.
type astray struct {
	At      time.Time `json:"at"`
	Channel string    `json:"channel"`
	TS      string    `json:"ts"`
	Why     string    `json:"why"`
}

// sign writes on a card who wrote it, and the head of our history at this moment.
func (a *outbox) sign(w *world, run *store.Run, card *notify.Card) error {
	card.Epoch = a.epoch
	if s := w.stack(run.Stack); s != nil {
		card.State = stateMark(w.cfg, s)
	}
	return a.store.View(func(tx *store.Tx) (err error) {
		card.HistorySeq, card.HistoryHash, err = tx.HistoryHead()
		return err
	})
}

// compareHistory compares what a card of our own says about our history with the history. It must be called after the
// card was read, so that what it says was stored before.
func (a *slackbot) compareHistory(ctx context.Context, w *world, channel, ts string, mark slack.Mark) error {
	if mark.Seq == 0 {
		return nil // written by an older version
	}
	why := ""
	err := a.store.View(func(tx *store.Tx) error {
		var known astray
		if tripped, err := tx.Setting(astrayKey, &known); err != nil || tripped {
			return err // known, and told
		}
		head, _, err := tx.HistoryHead()
		if err != nil {
			return err
		}
		if mark.Seq > head {
			why = fmt.Sprintf("the message of #%d %s was written when the history had %d entries, and it has only %d now: the data directory was put back to an older state",
				mark.Run, mark.Stack, mark.Seq, head)
			return nil
		}
		hash, err := tx.HistoryAt(mark.Seq)
		if errors.Is(err, store.ErrNotFound) {
			return nil // trimmed: too old to be compared
		}
		if err == nil && hash != mark.Hash {
			why = fmt.Sprintf("the message of #%d %s was written after another entry %d of the history than the one in the data directory: "+
				"the directory was copied and both copies went on, or it was put back to an older state and went on from there", mark.Run, mark.Stack, mark.Seq)
		}
		return err
	})
	if err != nil || why == "" {
		return err
	}
	return a.goAstray(ctx, w, astray{Channel: channel, TS: ts, Why: why})
}

// goAstray pauses the agent and tells people once.
func (a *slackbot) goAstray(ctx context.Context, w *world, proof astray) error {
	link, _ := w.slack.Permalink(ctx, proof.Channel, proof.TS) // a comfort
	proof.At = a.now().UTC()
	return a.update(func(tx *Tx) error {
		if err := tx.PutSetting(astrayKey, proof); err != nil {
			return err
		}
		s, err := tx.Agent()
		if err != nil {
			return err
		}
		reason := "its data went astray: " + proof.Why
		if s.Paused != nil {
			reason += "; before that it was paused " + notify.Paused(s.Paused)
		}
		s.Paused = &store.Pause{By: "agent", At: proof.At, Reason: reason}
		if err := tx.PutAgent(s); err != nil {
			return err
		}
		if err := tx.AddEvent(store.Event{Type: "pause", By: "agent", Text: reason}); err != nil {
			return err
		}
		text := "The agent paused itself: " + proof.Why + "."
		if link != "" {
			text += " See " + link + "."
		}
		text += " What was decided and applied meanwhile is not known here; plans that wait may have been applied already. Nothing is planned or applied. " +
			"If another agent runs on a copy of the data directory, stop it. Then compare `sallyport runs` with the messages in this channel, and: sallyport resume"
		note := a.note("astray/"+proof.Channel+"/"+proof.TS, text)
		note.Mention = true
		a.log.Error("the store went back in time or forked; pausing", "why", proof.Why)
		return tx.Enqueue(note)
	})
}

// showAstray shows in status that the history is not what Slack remembers of it.
func (a *ledger) showAstray() error {
	var proof astray
	err := a.store.View(func(tx *store.Tx) error {
		_, err := tx.Setting(astrayKey, &proof)
		return err
	})
	if err != nil {
		return err
	}
	if proof.TS == "" {
		a.faults.set("history", nil)
		return nil
	}
	a.faults.set("history", hint.Refuse("compare `sallyport runs` with the messages in Slack, then: sallyport resume", "%s", proof.Why))
	return nil
}

// settle is a person's word that the agent may go on with the history that it has. What Slack remembers up to now is not
// compared again.
func (a *ledger) settle(tx *store.Tx) error {
	var proof astray
	if known, err := tx.Setting(astrayKey, &proof); err != nil || !known {
		return err
	}
	if err := tx.PutSetting(astrayKey, nil); err != nil {
		return err
	}
	return tx.PutSetting(settledKey, proof)
}
