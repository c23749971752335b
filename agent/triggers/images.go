package triggers

import (
	"time"

	"sallyport/agent/active"
	"sallyport/agent/clock"
	"sallyport/agent/config"
	"sallyport/agent/config/calendar"
	"sallyport/agent/journal"
	"sallyport/agent/lifecycle/due"
	"sallyport/agent/outbox"
	"sallyport/store"
)

// ScheduledBuilds makes the runs of images whose schedule has come up, and says when the next one does.
func (t *Triggers) ScheduledBuilds(conf *active.Config) (time.Duration, error) {
	next := outbox.IdlePass
	for _, s := range conf.Cfg.Stacks {
		if s.Schedule == "" || s.Mode == config.ModeObserve {
			continue
		}
		schedule, err := calendar.ParseSchedule(s.Schedule)
		if err != nil {
			return next, err
		}
		var st *store.StackState
		if err := t.store.View(func(tx *store.Tx) (err error) {
			st, err = tx.Stack(s.Name)
			return err
		}); err != nil {
			return next, err
		}
		now := t.now()
		wait, can := due.Scheduled(st, func(last time.Time) time.Duration { return clock.UntilDue(schedule, last, now) })
		if !can {
			continue
		}
		if wait > 0 {
			next = min(next, wait)
			continue
		}
		if err := t.scheduledBuild(conf, s); err != nil {
			return next, err
		}
	}
	return next, nil
}

func (t *Triggers) scheduledBuild(conf *active.Config, s *config.Stack) error {
	return t.journal.Update(func(tx *journal.Tx) error {
		st, err := tx.Stack(s.Name)
		if err != nil || st.OpenRun != 0 {
			return err
		}
		repository, err := tx.Repository(s.Repository)
		if err != nil || repository.Head == "" || !t.compared.With(s.Name, repository.Head) {
			return err // a commit run may be due, which builds it too
		}
		st.ScheduledAt = t.now().UTC()
		if err := tx.PutStack(st); err != nil {
			return err
		}
		return t.ledger.Create(tx, conf, &store.Run{
			Stack: s.Name, Repository: s.Repository, Kind: store.KindSchedule, Commit: st.AppliedCommit, Head: repository.Head,
			AtApplied: true, Reason: "its schedule " + s.Schedule + " has come up",
		})
	})
}
