package announce

import (
	"errors"
	"fmt"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/config"
	"sallyport/store"
)

// An Overview is the one message of a commit that touches several stacks of a channel: a line for each, edited as they move, and
// the prompts below it in the order in which the stacks depend on each other. It is posted together with the first prompt, so
// that a commit of which nothing needs anybody says nothing, and not for one stack, whose card says it all.
//
// So is the message about many stacks of a channel that drifted, see [Messages.collectDrift]: it has no commit, but when it began.
type Overview struct {
	Repository string      `json:"repository"`
	Commit     string      `json:"commit"`
	Channel    string      `json:"channel"` // as the configuration names it
	Runs       []int       `json:"runs"`
	Posted     *store.Card `json:"posted,omitempty"`
	Began      time.Time   `json:"began,omitzero"`
}

// OverviewsSetting is where overviews are kept in the store.
const OverviewsSetting store.Key[[]*Overview] = "overviews"

const maxOverviews = 20 // kept; older ones are not edited any more

// Key is the key of the overview's message.
func (o *Overview) Key() string {
	if o.Drift() {
		return fmt.Sprintf("drift/%s/%d", o.Channel, o.Began.UnixMilli())
	}
	return fmt.Sprintf("commit/%s/%s/%s", o.Repository, o.Commit, o.Channel)
}

// Drift reports whether it is about stacks that drifted, and not about a commit.
func (o *Overview) Drift() bool { return !o.Began.IsZero() }

// Overviews reads all that are kept, oldest first, and the one of a key; nil if there is none.
func Overviews(tx *store.Tx, key string) ([]*Overview, *Overview, error) {
	all, _, err := OverviewsSetting.Get(tx)
	if err != nil {
		return nil, nil, err
	}
	for _, o := range all {
		if o.Key() == key {
			return all, o, nil
		}
	}
	return all, nil, nil
}

// Join puts runs into an overview.
func Join(tx *store.Tx, all []*Overview, o *Overview, runs ...*store.Run) error {
	for _, run := range runs {
		o.Runs = append(o.Runs, run.ID)
		if _, err := tx.ChangeRun(run.ID, func(r *store.Run) error { r.Overview = o.Key(); return nil }); err != nil {
			return err
		}
	}
	return OverviewsSetting.Put(tx, all[max(0, len(all)-maxOverviews):])
}

// JoinOverview puts a dependency run below the message of the commit that changed its upstreams.
func (ms *Messages) JoinOverview(tx *store.Tx, conf *active.Config, s *config.Stack, changed map[string]int) error {
	st, err := tx.Stack(s.Name)
	if err != nil || st.OpenRun == 0 {
		return err
	}
	run, err := tx.Run(st.OpenRun)
	if err != nil || run.Kind != store.KindDependency || run.Overview != "" {
		return err
	}
	for _, id := range changed {
		cause, err := tx.Run(id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		all, o, err := Overviews(tx, cause.Overview)
		if err != nil {
			return err
		}
		if o != nil && o.Channel == active.ChannelOf(conf.Cfg, s) {
			if err := Join(tx, all, o, run); err != nil {
				return err
			}
			run.Overview = o.Key()
			return ms.EnqueueOverview(tx, run)
		}
	}
	return nil
}

// EnqueueOverview has the message about a run's commit posted before the run's own prompt, or edited.
func (ms *Messages) EnqueueOverview(tx *store.Tx, run *store.Run) error {
	if run.Overview == "" || ms.active.Cfg().Slack == nil {
		return nil
	}
	_, o, err := Overviews(tx, run.Overview)
	if err != nil || o == nil {
		return err
	}
	if o.Posted == nil {
		asks := run.Status == store.Planned || run.Status == store.Errored || run.Status == store.Interrupted
		several, err := o.several(tx)
		if err != nil || !o.Drift() && (!asks || !several) {
			return err
		}
	}
	return tx.Enqueue(store.Message{Kind: store.MessageOverview, Key: o.Key(), Channel: o.Channel})
}

// several reports whether more than one stack has, or may come to have, something to say.
func (o *Overview) several(tx *store.Tx) (bool, error) {
	n := 0
	for _, id := range o.Runs {
		run, err := tx.Run(id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return false, err
		}
		if run.Status != store.NoChanges && run.Status != store.Superseded {
			n++
		}
	}
	return n > 1, nil
}
