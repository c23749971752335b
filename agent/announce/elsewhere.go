package announce

import (
	"fmt"
	"slices"

	"sallyport/agent/active"
	"sallyport/agent/config"
	"sallyport/agent/config/receiver"
	"sallyport/notify"
	"sallyport/store"
)

// Receivers of notify blocks are told of an event of a run once, in the transaction in which it happens. Whoever is added to the
// configuration later hears of what happens from then on.

// tellMove tells receivers what a transition means to them.
func (ms *Messages) tellMove(tx *store.Tx, conf *active.Config, run *store.Run) error {
	switch run.Status {
	case store.Planned:
		if run.Kind == store.KindDrift {
			if err := ms.tellReceivers(tx, conf, run, receiver.Drift); err != nil {
				return err
			}
		}
		if run.Policy() == "" {
			return ms.tellReceivers(tx, conf, run, receiver.Waiting)
		}
	case store.Errored:
		return ms.tellReceivers(tx, conf, run, receiver.Errored)
	case store.Interrupted:
		return ms.tellReceivers(tx, conf, run, receiver.Interrupted)
	}
	return nil
}

// Blocks reports whether receivers are to be told that a run is blocked, of which they do not know.
func (ms *Messages) Blocks(conf *active.Config, run *store.Run) bool {
	known := run.Kind == store.KindPullRequest || run.Status == store.Planned || slices.Contains(run.Words, receiver.Blocked)
	return !known && slices.ContainsFunc(conf.Cfg.Notify, func(r *receiver.Receiver) bool { return r.Wants(receiver.Blocked, run.Stack) })
}

// TellBlocked tells receivers that a run cannot go on.
func (ms *Messages) TellBlocked(tx *store.Tx, conf *active.Config, run *store.Run) error {
	return ms.tellReceivers(tx, conf, run, receiver.Blocked)
}

// tellReceivers writes what the receivers of an event are told, if they were not told of it before.
func (ms *Messages) tellReceivers(tx *store.Tx, conf *active.Config, run *store.Run, event string) error {
	told := false
	for _, r := range conf.Cfg.Notify {
		if !r.Wants(event, run.Stack) || slices.Contains(run.Words, event) {
			continue
		}
		told = true
		m := ms.word(conf, run, event)
		m.Word.Receiver, m.Key = r.Name, fmt.Sprintf("word/%s/%d/%s", r.Name, run.ID, event)
		if err := tx.Enqueue(m); err != nil {
			return err
		}
	}
	if !told {
		return nil
	}
	_, err := tx.ChangeRun(run.ID, func(now *store.Run) error {
		now.Words = append(now.Words, event)
		return nil
	})
	run.Words = append(run.Words, event)
	return err
}

// word is what a receiver is told of an event.
func (ms *Messages) word(conf *active.Config, run *store.Run, event string) store.Message {
	card := notify.Card{
		Run: run.ID, Stack: run.Stack, Kind: run.Kind, Status: run.Status, Commit: run.Commit, Options: run.Options, Plan: run.Plan,
		Apply: run.Apply, Held: run.Held, Build: run.Engine == config.EnginePacker,
	}
	if s := conf.Stack(run.Stack); s != nil {
		card.Label = s.Label
	}
	word := &store.Word{Event: event, Label: card.Label, Kind: run.Kind, Status: run.Status, Commands: notify.Commands(card)}
	if p := run.Plan; p != nil {
		word.Planned, word.Add, word.Change, word.Destroy = true, p.Add, p.Change, p.Destroy
	}
	text := ""
	switch event {
	case receiver.Waiting:
		text = notify.WaitsText(card)
	case receiver.Drift:
		text = card.Title() + " is not as it was applied: " + run.Reason // which is ours: counts
	case receiver.Blocked:
		text = notify.BlockedText(card)
	default:
		text = notify.EndedText(card)
	}
	return store.Message{
		Kind: store.MessageWord, Run: run.ID, Stack: run.Stack, Repository: run.Repository, Commit: run.Commit, Text: ms.health.Redact(text), Word: word,
	}
}
