package ledger

import (
	"fmt"
	"sort"

	"sallyport/agent/active"
	"sallyport/agent/health"
	"sallyport/agent/phrase"
	"sallyport/notify"
	"sallyport/notify/words"
	"sallyport/store"
)

// Keys of outbox messages. One key is one message, however often it is written or sent.
func CardKey(run int) string { return fmt.Sprintf("card/%d", run) }

// Messages is what a change of the records causes to be said. Each is written into the outbox in the change's own transaction.
type Messages struct {
	health *health.Health
	active *active.Active
}

// RefreshCard has the run's message posted or edited; what it shows is read when it is sent, so that many changes in
// a row are one edit.
func (a *Messages) RefreshCard(tx *store.Tx, run *store.Run) error {
	if told, err := spoken(tx, run); err != nil || !told {
		return err // nothing was said yet; announce decides when it is
	}
	return tx.Enqueue(store.Message{Kind: store.MessageCard, Run: run.ID, Key: CardKey(run.ID)})
}

// Say writes into the run's thread.
func (a *Messages) Say(tx *store.Tx, run *store.Run, kind store.MessageKind, key, text string) error {
	return tx.Enqueue(store.Message{
		Kind: kind, Run: run.ID, Key: fmt.Sprintf("run/%d/%s", run.ID, key), Text: a.health.Redact(text), Mention: kind == store.MessageLoud,
	})
}

// Note is a message of its own in the channel.
func (a *Messages) Note(key, text string) store.Message {
	return store.Message{Kind: store.MessageNote, Key: key, Text: a.health.Redact(text)}
}

// announce writes the messages that a transition causes. A fresh message, or a reply also sent to the channel, is
// for when a person must act or something ended badly: edits ring no phone. What ends quietly (no_changes, superseded)
// edits a message that exists and posts nothing new.
func (a *Messages) announce(tx *store.Tx, w *active.Config, run *store.Run, m store.Move) error {
	told, err := spoken(tx, run)
	if err != nil {
		return err
	}
	fresh := !told
	post := store.Message{Kind: store.MessageCard, Run: run.ID, Key: CardKey(run.ID), Mention: true}
	switch run.Status {
	case store.Planned:
		post.Mention = run.Policy() == ""
		if m.From == store.Approved && run.Asks != "" {
			return a.askAfterAll(tx, run)
		}
		if m.From == store.Approved {
			return a.refreshAndLoud(tx, run, "again", "Back to waiting for approval: "+m.Text) // an edit would ring no phone
		}
		if err := tx.Enqueue(post); err != nil {
			return err
		}
		if run.Card != nil && run.Card.Renewed && run.Policy() == "" {
			if err := a.askAnew(tx, run); err != nil {
				return err
			}
		}
		if s := w.Stack(run.Stack); s != nil && s.PlanInSlack != "full" {
			return a.summary(tx, w, run)
		}
		if err := tx.Enqueue(store.Message{Kind: store.MessageFile, Run: run.ID, Key: fmt.Sprintf("run/%d/plan", run.ID)}); err != nil {
			return err
		}
		return a.summary(tx, w, run)
	case store.Previewed:
		if run.Plan != nil && !run.Plan.Empty {
			post.Mention = false
			if err := tx.Enqueue(post); err != nil {
				return err
			}
		}
		return a.summary(tx, w, run)
	case store.Errored, store.Interrupted:
		if fresh {
			if err := tx.Enqueue(post); err != nil {
				return err
			}
			return a.summary(tx, w, run)
		}
		return a.refreshAndLoud(tx, run, "end", phrase.Outcome(run))
	case store.Applied:
		return a.RefreshAnd(tx, run, "end", phrase.Outcome(run))
	case store.Stale, store.Expired, store.Discarded, store.Canceled:
		if fresh {
			return a.summary(tx, w, run)
		}
		return a.RefreshAnd(tx, run, "end", phrase.Outcome(run))
	case store.NoChanges, store.Superseded:
		if err := a.RefreshCard(tx, run); err != nil {
			return err
		}
		return a.summary(tx, w, run)
	}
	return a.RefreshCard(tx, run)
}

func (a *Messages) RefreshAnd(tx *store.Tx, run *store.Run, key, text string) error {
	told, err := spoken(tx, run)
	if a.active.Cfg().Slack == nil {
		told = run.Plan != nil // the log has no message to edit; it asked when the plan was made, and tells the end too
	}
	if err != nil || !told {
		return err
	}
	if err := a.RefreshCard(tx, run); err != nil {
		return err
	}
	return a.Say(tx, run, store.MessageReply, key, text)
}

func (a *Messages) refreshAndLoud(tx *store.Tx, run *store.Run, key, text string) error {
	if err := a.RefreshCard(tx, run); err != nil {
		return err
	}
	return a.Say(tx, run, store.MessageLoud, key, text)
}

// summary sums up the first runs of many stacks in one message when all of them were planned, so that a new
// installation with forty clean stacks says one thing and not forty.
func (a *Messages) summary(tx *store.Tx, w *active.Config, run *store.Run) error {
	if run.Batch == 0 {
		return nil
	}
	var open OpenBatch
	if ok, err := tx.Setting(BatchKey(run.Batch), &open); err != nil || !ok {
		return err
	}
	var clean, waiting, bad []string
	for _, id := range open.Runs {
		r, err := tx.Run(id)
		if err != nil {
			return err
		}
		switch r.Status {
		case store.Pending, store.Planning:
			return nil // not all yet
		case store.NoChanges:
			clean = append(clean, notify.StackName(r.Stack))
		case store.Errored:
			bad = append(bad, fmt.Sprintf("%s #%d", notify.StackName(r.Stack), r.ID))
		default:
			waiting = append(waiting, fmt.Sprintf("%s #%d", notify.StackName(r.Stack), r.ID))
		}
	}
	text := fmt.Sprintf("%d stacks were seen for the first time.", len(open.Runs))
	for _, part := range []struct {
		what string
		list []string
	}{{"Without changes, taken as they are", clean}, {"With changes", waiting}, {"Could not be planned", bad}} {
		if len(part.list) > 0 {
			sort.Strings(part.list)
			text += fmt.Sprintf(" %s: %s.", part.what, words.List(part.list, 30))
		}
	}
	if err := tx.PutSetting(BatchKey(run.Batch), nil); err != nil {
		return err
	}
	return tx.Enqueue(a.Note(fmt.Sprintf("batch/%d", run.Batch), text))
}
