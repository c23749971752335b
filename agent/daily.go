package agent

import (
	"fmt"
	"strings"
	"time"

	"sallyport/agent/clock"
	"sallyport/agent/config"
	"sallyport/store"
)

// dailyKey is where it is kept when the daily line was last due, said or not.
const dailyKey = "daily"

// maxDaily bounds each part of the daily line; status shows everything.
const maxDaily = 10

// daily says in one message what waits, what drifted and what is behind, when slack.daily says so. A day on which there is
// nothing says nothing. What was due while the agent was down is said once when it is back.
func (a *Agent) daily(w *world) error {
	if w.cfg.Slack == nil || w.cfg.Slack.Daily == "" {
		return nil
	}
	schedule, err := config.ParseSchedule(w.cfg.Slack.Daily)
	if err != nil {
		return nil // cannot be: the configuration was checked
	}
	now := a.now().UTC()
	var last time.Time
	if err := a.store.View(func(tx *store.Tx) error {
		_, err := tx.Setting(dailyKey, &last)
		return err
	}); err != nil {
		return err
	}
	fresh := last.IsZero() || last.After(now) // the first look, or the clock was put back: from now on
	if !fresh && clock.UntilDue(schedule, last, now) > 0 {
		return nil
	}
	return a.update(func(tx *store.Tx) error {
		if err := tx.PutSetting(dailyKey, now); err != nil || fresh {
			return err
		}
		text, err := a.dailyText(tx, w)
		if err != nil || text == "" {
			return err
		}
		return tx.Enqueue(a.note(fmt.Sprintf("daily/%d", now.Unix()), text))
	})
}

// dailyText is empty on a quiet day.
func (a *Agent) dailyText(tx *store.Tx, w *world) (string, error) {
	now := a.now()
	var waits, behind, drifted, held []string
	agent, err := tx.Agent()
	if err != nil {
		return "", err
	}
	if agent.Paused != nil {
		held = append(held, "the agent "+pausedBy(agent.Paused))
	}
	open, err := tx.OpenRuns()
	if err != nil {
		return "", err
	}
	for _, run := range open {
		if run.Status == store.Planned || run.Status == store.Approved {
			waits = append(waits, fmt.Sprintf("#%d %s (%s for %s)", run.ID, run.Stack, run.Status, ageInWords(now.Sub(run.PlannedAt))))
		}
	}
	for _, s := range w.allStacks() {
		st, err := tx.Stack(s.Name)
		if err != nil {
			return "", err
		}
		if st.Behind != 0 {
			behind = append(behind, behindText(st, now))
		}
		if d := st.Drift; s.Drift != "" && d.Found() {
			drifted = append(drifted, fmt.Sprintf("%s since %s (%s)", s.Name, d.Since.UTC().Format("2006-01-02 15:04 MST"), foundWords(d)))
		}
		if st.Paused != nil {
			held = append(held, s.Name+" "+pausedBy(st.Paused))
		}
	}
	glass, err := glassRuns(tx)
	if err != nil {
		return "", err
	}
	var marked []string
	for _, run := range glass {
		marked = append(marked, fmt.Sprintf("#%d %s by %s", run.ID, run.Stack, run.BreakGlass.By))
	}
	var lines []string
	for _, part := range []struct {
		what string
		list []string
	}{{"Waiting for people", waits}, {"Break glass, not reviewed", marked}, {"Behind the branch", behind}, {"Drifted", drifted}, {"Paused", held}} {
		if len(part.list) > 0 {
			lines = append(lines, fmt.Sprintf("%s: %s.", part.what, joinSome(part.list, maxDaily)))
		}
	}
	return strings.Join(lines, "\n"), nil
}

// behindText says how far and since when a stack is behind.
func behindText(st *store.StackState, now time.Time) string {
	text := st.Name + " by " + count(st.Behind, "commit")
	if st.Behind < 0 {
		text = st.Name + " by nobody knows how many commits"
	}
	if st.BehindSince.IsZero() {
		return text
	}
	return fmt.Sprintf("%s since %s (%s)", text, st.BehindSince.UTC().Format("2006-01-02 15:04 MST"), ageInWords(now.Sub(st.BehindSince)))
}

// ageInWords is about how long something lasts.
func ageInWords(d time.Duration) string {
	if days := int(d.Hours() / 24); days > 1 {
		return fmt.Sprintf("%d days", days)
	}
	return inWords(d.Truncate(time.Minute))
}
