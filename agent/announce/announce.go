// Package announce is what a change of the records causes to be said. Each message is written into the outbox in the transaction of
// the change, so nothing is done that nobody hears of and nothing is told that was not done; package outbox delivers it.
package announce

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"sallyport/agent/active"
	"sallyport/agent/health"
	"sallyport/agent/phrase"
	"sallyport/store"
)

// CardKey is the key of the message that shows a run. One key is one message, however often it is written or sent.
func CardKey(run int) string { return fmt.Sprintf("card/%d", run) }

// Messages is what a change of the records causes to be said. Each is written into the outbox in the change's own transaction.
type Messages struct {
	health *health.Health
	active *active.Active
}

// Options are what messages are written with.
type Options struct {
	Health *health.Health
	Active *active.Active
}

// New makes what writes messages into the outbox.
func New(o Options) *Messages { return &Messages{health: o.Health, active: o.Active} }

// RefreshCard has the run's message posted or edited; what it shows is read when it is sent, so that many changes in
// a row are one edit.
func (ms *Messages) RefreshCard(tx *store.Tx, run *store.Run) error {
	if told, err := spoken(tx, run); err != nil || !told {
		return err // nothing was said yet; [Messages.EnqueueMove] decides when it is
	}
	return tx.Enqueue(store.Message{Kind: store.MessageCard, Run: run.ID, Key: CardKey(run.ID)})
}

// Say writes into the run's thread.
func (ms *Messages) Say(tx *store.Tx, run *store.Run, kind store.MessageKind, key, text string) error {
	return tx.Enqueue(store.Message{
		Kind: kind, Run: run.ID, Key: fmt.Sprintf("run/%d/%s", run.ID, key), Text: ms.health.Redact(text), Mention: kind == store.MessageLoud,
	})
}

// Note is a message of its own in the channel.
func (ms *Messages) Note(key, text string) store.Message {
	return store.Message{Kind: store.MessageNote, Key: key, Text: ms.health.Redact(text)}
}

// announce writes the messages that a transition causes. A fresh message, or a reply also sent to the channel, is
// for when a person must act or something ended badly: edits ring no phone. What ends quietly (no_changes, superseded)
// edits a message that exists and posts nothing new.
func (ms *Messages) announce(tx *store.Tx, conf *active.Config, run *store.Run, m store.Move) error {
	told, err := spoken(tx, run)
	if err != nil {
		return err
	}
	fresh := !told
	post := store.Message{Kind: store.MessageCard, Run: run.ID, Key: CardKey(run.ID), Mention: true}
	switch run.Status {
	case store.Planned:
		post.Mention = run.Policy() == ""
		if m.From == store.Approved && fresh {
			return tx.Enqueue(post) // it had no message of its own, since many drifted
		}
		if m.From == store.Approved && run.Asks != "" {
			return ms.askAfterAll(tx, run)
		}
		if m.From == store.Approved {
			return ms.refreshAndLoud(tx, run, "again", "Back to waiting for approval: "+m.Text) // an edit would ring no phone
		}
		if collected, err := ms.collectDrift(tx, conf, run); err != nil || collected {
			return err
		}
		if err := tx.Enqueue(post); err != nil {
			return err
		}
		if run.Card != nil && run.Card.Renewed && run.Policy() == "" {
			if err := ms.askAnew(tx, run); err != nil {
				return err
			}
		}
		if s := conf.Stack(run.Stack); s != nil && s.PlanInSlack != "full" {
			return ms.summary(tx, conf, run)
		}
		if err := tx.Enqueue(store.Message{Kind: store.MessageFile, Run: run.ID, Key: fmt.Sprintf("run/%d/plan", run.ID)}); err != nil {
			return err
		}
		return ms.summary(tx, conf, run)
	case store.Previewed:
		if run.Plan != nil && !run.Plan.Empty {
			post.Mention = false
			if err := tx.Enqueue(post); err != nil {
				return err
			}
		}
		return ms.summary(tx, conf, run)
	case store.Errored, store.Interrupted:
		if fresh {
			if err := tx.Enqueue(post); err != nil {
				return err
			}
			return ms.summary(tx, conf, run)
		}
		return ms.refreshAndLoud(tx, run, "end", phrase.Outcome(run))
	case store.Applied:
		return ms.RefreshAnd(tx, run, "end", phrase.Outcome(run))
	case store.Stale, store.Expired, store.Discarded, store.Canceled:
		if fresh {
			return ms.summary(tx, conf, run)
		}
		return ms.RefreshAnd(tx, run, "end", phrase.Outcome(run))
	case store.NoChanges, store.Superseded:
		if err := ms.RefreshCard(tx, run); err != nil {
			return err
		}
		return ms.summary(tx, conf, run)
	}
	return ms.RefreshCard(tx, run)
}

// RefreshAnd refreshes the run's message and writes into its thread, if anything was ever said of the run.
func (ms *Messages) RefreshAnd(tx *store.Tx, run *store.Run, key, text string) error {
	told, err := spoken(tx, run)
	if ms.active.Cfg().Slack == nil {
		told = run.Plan != nil // the log has no message to edit; it asked when the plan was made, and tells the end too
	}
	if err != nil || !told {
		return err
	}
	if err := ms.RefreshCard(tx, run); err != nil {
		return err
	}
	return ms.Say(tx, run, store.MessageReply, key, text)
}

func (ms *Messages) refreshAndLoud(tx *store.Tx, run *store.Run, key, text string) error {
	if err := ms.RefreshCard(tx, run); err != nil {
		return err
	}
	return ms.Say(tx, run, store.MessageLoud, key, text)
}

// HeldDigest tells reasons apart.
func HeldDigest(why string) string {
	sum := sha256.Sum256([]byte(why))
	return hex.EncodeToString(sum[:6])
}

// SayHeld tells in a run's thread why it waits.
func (ms *Messages) SayHeld(tx *store.Tx, run *store.Run) error {
	text := strings.TrimPrefix(run.Held, "approved; ")
	if !strings.HasPrefix(text, "waits") {
		text = "It waits: " + text
	}
	text = strings.ToUpper(text[:1]) + text[1:] + "."
	if run.Hint != "" {
		text += " Next: " + run.Hint
	}
	return ms.Say(tx, run, store.MessageReply, "held/"+HeldDigest(run.Held), text)
}

// EndKey is the key of the message that tells how a run ended.
func EndKey(run int) string { return fmt.Sprintf("run/%d/end", run) }

// CommentOn has the one comment of a pull request brought up to date. What it says is read when it is sent, so that many
// changes in a row are one edit.
func (ms *Messages) CommentOn(tx *store.Tx, repository string, number int) error {
	return tx.Enqueue(store.Message{
		Kind: store.MessageComment, Key: fmt.Sprintf("comment/%s/%d", repository, number), Repository: repository, PullRequest: number,
	})
}

// spoken reports whether a run has a message, or will have one as soon as Slack can be reached.
func spoken(tx *store.Tx, run *store.Run) (bool, error) {
	if run.Card != nil || run.Told {
		return true, nil
	}
	card, err := tx.MessageWith(CardKey(run.ID))
	return card != nil, err
}

// EnqueueMove writes the messages that a transition causes. Of a pull request's it is read where the change is discussed, and rings
// nobody's phone.
func (ms *Messages) EnqueueMove(tx *store.Tx, conf *active.Config, run *store.Run, m store.Move) error {
	if err := ms.answerAsker(tx, conf, run); err != nil {
		return err
	}
	if run.Kind == store.KindPullRequest {
		return ms.CommentOn(tx, run.Repository, run.PullRequest)
	}
	if err := ms.tellMove(tx, conf, run); err != nil {
		return err
	}
	return ms.announce(tx, conf, run, m)
}

// answerAsker tells whoever asked for a run in Slack, below what they wrote, how it ended: what ends quietly says nothing anywhere
// else, and the run's own thread is not where they wait.
func (ms *Messages) answerAsker(tx *store.Tx, conf *active.Config, run *store.Run) error {
	if run.Asked == nil || !run.Status.Terminal() {
		return nil
	}
	causes := true
	if s := conf.Stack(run.Stack); s != nil && s.PlanInSlack == "none" {
		causes = false
	}
	n := ms.Note(fmt.Sprintf("asked/%d", run.ID), phrase.Answer(run, phrase.AnswerOptions{Causes: causes}))
	n.Channel, n.Thread = run.Asked.Channel, run.Asked.TS
	return tx.Enqueue(n)
}

// askAfterAll asks people about a plan that a policy was about to apply.
func (ms *Messages) askAfterAll(tx *store.Tx, run *store.Run) error {
	if err := ms.RefreshCard(tx, run); err != nil {
		return err
	}
	return ms.Say(tx, run, store.MessageLoud, "again", fmt.Sprintf("#%d %s waits for approval after all: %s", run.ID, run.Stack, run.Asks))
}

// RenewedKey is the reply that tells of a new plan in an old thread.
const RenewedKey = "renewed"

// askAnew tells in the thread, and in the channel, that the message shows another plan now.
func (ms *Messages) askAnew(tx *store.Tx, run *store.Run) error {
	text := fmt.Sprintf("#%d %s takes the place of #%d, since what drifted is something else now: %s. Approvals of #%d do not count; look at the message above and decide again.",
		run.ID, run.Stack, run.After, run.Reason, run.After)
	return ms.Say(tx, run, store.MessageLoud, RenewedKey, text)
}
