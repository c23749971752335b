package housekeeping

import (
	"fmt"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/clock"
	"sallyport/agent/config/calendar"
	"sallyport/agent/journal"
	"sallyport/agent/status"
	"sallyport/store"
)

// dailyKey is where it is kept when the daily line was last due, said or not.
const dailyKey store.Key[time.Time] = "daily"

// Daily says in one message what waits, what drifted and what is behind, when slack.daily says so. A day on which there is
// nothing says nothing. What was due while the agent was down is said once when it is back.
func (h *Housekeeper) Daily(conf *active.Config) error {
	if conf.Cfg.Slack == nil || conf.Cfg.Slack.Daily == "" {
		return nil
	}
	schedule, err := calendar.ParseSchedule(conf.Cfg.Slack.Daily)
	if err != nil {
		return nil // cannot be: the configuration was checked
	}
	now := h.now().UTC()
	var last time.Time
	if err := h.store.View(func(tx *store.Tx) (err error) {
		last, _, err = dailyKey.Get(tx)
		return err
	}); err != nil {
		return err
	}
	fresh := last.IsZero() || last.After(now) // the first look, or the clock was put back: from now on
	if !fresh && clock.UntilDue(schedule, last, now) > 0 {
		return nil
	}
	process := h.viewer.Process(conf)
	return h.journal.Update(func(tx *journal.Tx) error {
		if err := dailyKey.Put(tx, now); err != nil || fresh {
			return err
		}
		g, err := status.Read(tx.Tx, process)
		if err != nil {
			return err
		}
		text := g.Daily()
		if text == "" {
			return nil
		}
		return tx.Enqueue(h.ledger.Note(fmt.Sprintf("daily/%d", now.Unix()), text))
	})
}
