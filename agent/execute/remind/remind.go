// Package remind tells people a second time: of a plan that is about to expire, of an apply that takes longer than is usual.
package remind

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/config"
	"sallyport/agent/health"
	"sallyport/agent/journal"
	"sallyport/agent/ledger"
	"sallyport/agent/lifecycle"
	"sallyport/agent/lifecycle/votes"
	"sallyport/notify"
	"sallyport/notify/words"
	"sallyport/store"
)

// An apply is never cut off: that is what loses state. People are told when one takes unusually long.
const (
	longApplies = 5
	longLook    = 100 // runs that are looked through for those
)

// UsualApply is the longest that one of the stack's last applies took; zero if there was none.
func UsualApply(tx *store.Tx, run *store.Run) (longest time.Duration, err error) {
	runs, err := tx.Runs(store.RunFilter{Stack: run.Stack, Before: run.ID, Limit: longLook})
	found := 0
	for _, r := range runs {
		if r.Status != store.Applied || r.Apply == nil || r.Apply.EndedAt.IsZero() || found == longApplies {
			continue
		}
		found++
		if took := r.Apply.EndedAt.Sub(r.Apply.StartedAt); took < 24*time.Hour { // else the clock jumped
			longest = max(longest, took)
		}
	}
	return longest, err
}

// EnqueueLong tells people once that an apply takes longer than its stack's others did, with what it works on.
func (rm *Reminders) EnqueueLong(run *store.Run, took, usual time.Duration) error {
	return rm.journal.Update(func(tx *journal.Tx) error {
		now, err := tx.Run(run.ID)
		if err != nil || now.Status != store.Applying || now.Apply == nil || now.Held != "" && !strings.HasPrefix(now.Held, lifecycle.FollowFails) {
			return err
		}
		text := fmt.Sprintf("the apply has been running for %s", words.Span(took))
		if usual > 0 {
			text += fmt.Sprintf("; the stack's last ones took %s at most", words.Span(usual))
		}
		text += fmt.Sprintf(". %d of %d are done", now.Apply.Done, now.Apply.Total)
		if now.Apply.Current != "" {
			text += ", it works on " + now.Apply.Current
		}
		text += fmt.Sprintf(". It is not cut off. To look: sallyport show %d --log. To ask terraform to stop: sallyport cancel %d", run.ID, run.ID)
		if now, err = tx.ChangeRun(run.ID, func(r *store.Run) error {
			r.Held = text
			return nil
		}); err != nil {
			return err
		}
		if err := rm.ledger.RefreshCard(tx.Tx, now); err != nil {
			return err
		}
		return rm.ledger.Say(tx.Tx, now, store.MessageLoud, "long", fmt.Sprintf("#%d %s: %s", run.ID, run.Stack, text))
	})
}

const (
	// pingRest is how long reminders name people without ringing their phones again: many plans that expire together are
	// one thing to be woken up for.
	pingRest = time.Hour
	maxAsked = 6
)

// pingedKey is where it is kept when a reminder last rang phones.
const pingedKey store.Key[time.Time] = "remind/pinged"

// Reminders tells people again of what waits for them, or takes long.
type Reminders struct {
	health  *health.Health
	journal *journal.Journal
	ledger  *ledger.Ledger
	now     func() time.Time
}

// Options are what people are reminded with.
type Options struct {
	Health  *health.Health
	Journal *journal.Journal
	Ledger  *ledger.Ledger
	Now     func() time.Time
}

// New makes what reminds people.
func New(o Options) *Reminders {
	return &Reminders{health: o.Health, journal: o.Journal, ledger: o.Ledger, now: o.Now}
}

// Remind tells people once that a plan they were asked about is about to expire.
func (rm *Reminders) Remind(conf *active.Config, run *store.Run, s *config.Stack, left time.Duration) error {
	return rm.journal.Update(func(tx *journal.Tx) error {
		now, err := tx.Run(run.ID)
		if err != nil || now.Status != run.Status || !now.RemindedAt.IsZero() {
			return err
		}
		if now, err = tx.ChangeRun(run.ID, func(r *store.Run) error {
			r.RemindedAt = rm.now().UTC()
			return nil
		}); err != nil {
			return err
		}
		ping, err := rm.mayPing(tx.Tx)
		if err != nil {
			return err
		}
		return tx.Enqueue(store.Message{
			Kind: store.MessageLoud, Run: run.ID, Key: fmt.Sprintf("run/%d/remind", run.ID), Mention: ping,
			Text: rm.health.Redact(reminder(conf, now, s, left)),
		})
	})
}

// mayPing reports whether a reminder may ring phones, and notes that it does.
func (rm *Reminders) mayPing(tx *store.Tx) (bool, error) {
	last, _, err := pingedKey.Get(tx)
	if err != nil {
		return false, err
	}
	now := rm.now().UTC()
	if now.Sub(last).Abs() < pingRest {
		return false, nil
	}
	return true, pingedKey.Put(tx, now)
}

// reminder says what waits, for how much longer, and who was asked.
func reminder(conf *active.Config, run *store.Run, s *config.Stack, left time.Duration) string {
	text := fmt.Sprintf("Reminder: #%d %s expires in %s, at %s.", run.ID, run.Stack, words.Duration(left), run.ExpiresAt.UTC().Format("2006-01-02 15:04 MST"))
	switch _, got := votes.Weigh(run, s); {
	case run.Status == store.Approved && run.Held != "":
		text += fmt.Sprintf(" It is not applied yet: %s.", run.Held)
	case run.Status == store.Approved:
		text += " It is approved and not applied yet."
	case s.Approvals > 1:
		text += " " + words.OfThem(got, s.Approvals, "approval is", "approvals are") + " there."
	default:
		text += " Nobody has decided."
	}
	if run.Status == store.Planned {
		text += " " + notify.Card{Run: run.ID, Status: run.Status, Plan: run.Plan, ShowAddresses: s.PlanInSlack != "none"}.Reply()
	}
	if asked := askedOf(conf, s); len(asked) > 0 {
		text += " Asked: " + words.List(asked, maxAsked) + "."
	}
	return text
}

// askedOf names who was asked, in words that ring nobody: the people of person blocks by name, others by their account, for which
// their name is put where the message is sent.
func askedOf(conf *active.Config, s *config.Stack) []string {
	list := s.Mention
	if len(list) == 0 && conf.Cfg.Slack != nil {
		list = active.Approvers(conf.Cfg, s)
	}
	var names []string
	for _, id := range list {
		if i := slices.IndexFunc(conf.Cfg.People, func(p config.Person) bool { return p.Slack == id }); i >= 0 {
			id = conf.Cfg.People[i].Name
		} else {
			id = conf.AccountOf(id)
		}
		names = append(names, id)
	}
	return names
}
