package announce

import (
	"fmt"
	"slices"
	"time"

	"sallyport/agent/active"
	"sallyport/notify"
	"sallyport/notify/words"
	"sallyport/store"
)

// When many stacks drift at once, somebody changed one thing below all of them, and a prompt for each would bury it. The first few
// within an hour have messages of their own, as ever. From the next one on there is one message of all of them, a line each, edited as
// they move; whoever wants to decide about one in Slack has the bot give it a message of its own.

const (
	maxDrifts  = 5         // stacks of a channel with messages of their own within driftsSpan
	driftsSpan = time.Hour // and for how long one message collects
)

// drifted is a stack whose drift was told.
type drifted struct {
	Run     int       `json:"run"`
	Stack   string    `json:"stack"`
	Channel string    `json:"channel"`
	At      time.Time `json:"at"`
}

// driftsKey is where the drifts of the last hour are kept.
const driftsKey store.Key[[]drifted] = "drifts"

// lately are those of a time that lie around a moment: the clock may have been put back.
func lately(all []drifted, at time.Time) []drifted {
	return slices.DeleteFunc(slices.Clone(all), func(d drifted) bool { return d.At.Sub(at).Abs() >= driftsSpan })
}

// inChannel are those of a channel, and how many stacks they are of.
func inChannel(all []drifted, channel string) (here []drifted, stacks int) {
	seen := map[string]bool{}
	for _, d := range all {
		if d.Channel == channel {
			here = append(here, d)
			seen[d.Stack] = true
		}
	}
	return here, len(seen)
}

// collectDrift puts a drift run that asks people into the one message about many. It reports whether the run gets no message of its
// own.
func (ms *Messages) collectDrift(tx *store.Tx, conf *active.Config, run *store.Run) (bool, error) {
	s := conf.Stack(run.Stack)
	if run.Kind != store.KindDrift || run.Card != nil || s == nil || conf.Cfg.Slack == nil {
		return false, nil // a renewed one has its message; the log has none that could be edited
	}
	this := drifted{Run: run.ID, Stack: run.Stack, Channel: active.ChannelOf(conf.Cfg, s), At: run.PlannedAt}
	kept, _, err := driftsKey.Get(tx)
	if err != nil {
		return false, err
	}
	kept = append(lately(kept, this.At), this)
	if err := driftsKey.Put(tx, kept); err != nil {
		return false, err
	}
	here, stacks := inChannel(kept, this.Channel)
	if stacks <= maxDrifts {
		return false, nil
	}
	return true, ms.joinDrifts(tx, run, here)
}

// joinDrifts puts a run into the message that collects now, which begins with everything that was told in the hour before.
func (ms *Messages) joinDrifts(tx *store.Tx, run *store.Run, here []drifted) error {
	this := here[len(here)-1]
	all, _, err := Overviews(tx, "")
	if err != nil {
		return err
	}
	runs := []*store.Run{}
	var o *Overview
	for _, other := range all {
		if other.Drift() && other.Channel == this.Channel && other.Began.Sub(this.At).Abs() < driftsSpan {
			o = other
		}
	}
	if o == nil {
		o = &Overview{Channel: this.Channel, Began: this.At}
		all = append(all, o)
		for _, d := range here[:len(here)-1] {
			before, err := store.Found(tx.Run(d.Run))
			if err != nil {
				return err
			}
			if before != nil && before.Overview == "" {
				runs = append(runs, before)
			}
		}
	}
	if err := Join(tx, all, o, append(runs, run)...); err != nil {
		return err
	}
	run.Overview = o.Key()
	return ms.EnqueueOverview(tx, run)
}

// GiveMessage gives a run a message of its own that has none because many drifted. It reports whether it gets one.
func (ms *Messages) GiveMessage(tx *store.Tx, run *store.Run) (bool, error) {
	told, err := spoken(tx, run)
	if err != nil || told || run.Kind != store.KindDrift || run.Status != store.Planned && run.Status != store.Approved {
		return false, err
	}
	if err := tx.Enqueue(store.Message{Kind: store.MessageCard, Run: run.ID, Key: CardKey(run.ID)}); err != nil {
		return false, err
	}
	if s := ms.active.Current.Load().Stack(run.Stack); s == nil || s.PlanInSlack != "full" {
		return true, nil
	}
	return true, tx.Enqueue(store.Message{Kind: store.MessageFile, Run: run.ID, Key: fmt.Sprintf("run/%d/plan", run.ID)})
}

// DriftsHead begins the message about many stacks that drifted.
func DriftsHead(stacks int) string {
	return "Drift: " + words.CountOf(stacks, "stack is", "stacks are") + " not as they were applied."
}

// Alone reports whether a run of such a message has none of its own, and waits for people who need one to decide in Slack.
func Alone(run *store.Run) bool {
	return run.Card == nil && run.Status == store.Planned
}

// DriftsNext says how to decide about those that have no message of their own, in words that [verbs.InSlack] makes the bot's.
func DriftsNext(run *store.Run) string {
	return fmt.Sprintf("To decide about one, have it get a message of its own: sallyport show %d for %s.", run.ID, notify.StackName(run.Stack))
}
