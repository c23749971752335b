package execute

import (
	"fmt"
	"slices"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/config"
	"sallyport/agent/health"
	"sallyport/agent/journal"
	"sallyport/agent/ledger"
	"sallyport/agent/lifecycle/votes"
	"sallyport/notify"
	"sallyport/notify/words"
	"sallyport/store"
)

const (
	// pingRest is how long reminders name people without ringing their phones again: many plans that expire together are
	// one thing to be woken up for.
	pingRest = time.Hour
	maxAsked = 6
)

// pingedKey is where it is kept when a reminder last rang phones.
const pingedKey = "remind/pinged"

// reminders tells people again of what waits for them, or takes long.
type reminders struct {
	health  *health.Health
	journal *journal.Journal
	ledger  *ledger.Ledger
	now     func() time.Time
}

// remind tells people once that a plan they were asked about is about to expire.
func (a *reminders) remind(w *active.Config, run *store.Run, s *config.Stack, left time.Duration) error {
	return a.journal.Update(func(tx *journal.Tx) error {
		now, err := tx.Run(run.ID)
		if err != nil || now.Status != run.Status || !now.RemindedAt.IsZero() {
			return err
		}
		if now, err = tx.ChangeRun(run.ID, func(r *store.Run) error {
			r.RemindedAt = a.now().UTC()
			return nil
		}); err != nil {
			return err
		}
		ping, err := a.mayPing(tx.Tx)
		if err != nil {
			return err
		}
		return tx.Enqueue(store.Message{
			Kind: store.MessageLoud, Run: run.ID, Key: fmt.Sprintf("run/%d/remind", run.ID), Mention: ping,
			Text: a.health.Redact(reminder(w, now, s, left)),
		})
	})
}

// mayPing reports whether a reminder may ring phones, and notes that it does.
func (a *reminders) mayPing(tx *store.Tx) (bool, error) {
	var last time.Time
	if _, err := tx.Setting(pingedKey, &last); err != nil {
		return false, err
	}
	now := a.now().UTC()
	if now.Sub(last).Abs() < pingRest {
		return false, nil
	}
	return true, tx.PutSetting(pingedKey, now)
}

// reminder says what waits, for how much longer, and who was asked.
func reminder(w *active.Config, run *store.Run, s *config.Stack, left time.Duration) string {
	text := fmt.Sprintf("Reminder: #%d %s expires in %s, at %s.", run.ID, run.Stack, notify.Duration(left), run.ExpiresAt.UTC().Format("2006-01-02 15:04 MST"))
	switch _, got := votes.Weigh(run, s); {
	case run.Status == store.Approved && run.Held != "":
		text += fmt.Sprintf(" It is not applied yet: %s.", run.Held)
	case run.Status == store.Approved:
		text += " It is approved and not applied yet."
	case s.Approvals > 1:
		text += fmt.Sprintf(" %d of %d approvals are there.", got, s.Approvals)
	default:
		text += " Nobody has decided."
	}
	if asked := askedOf(w, s); len(asked) > 0 {
		text += " Asked: " + words.List(asked, maxAsked) + "."
	}
	return text
}

// askedOf names who was asked, in words that ring nobody: the people of person blocks by name, others as the configuration has
// them.
func askedOf(w *active.Config, s *config.Stack) []string {
	list := s.Mention
	if len(list) == 0 && w.Cfg.Slack != nil {
		list = active.Approvers(w.Cfg, s)
	}
	var names []string
	for _, id := range list {
		if i := slices.IndexFunc(w.Cfg.People, func(p config.Person) bool { return p.Slack == id }); i >= 0 {
			id = w.Cfg.People[i].Name
		}
		names = append(names, id)
	}
	return names
}
