// Package operator carries out what a person orders: decide, plan, recover, cancel, pause, accept, and what is done to the state of
// a stack, which is in package errands. It does not matter whether that was typed in Slack or in a shell; the same function
// answers both.
package operator

import (
	"log/slog"
	"maps"
	"slices"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/bell"
	"sallyport/agent/clock"
	"sallyport/agent/config"
	"sallyport/agent/control"
	"sallyport/agent/engine"
	"sallyport/agent/health"
	"sallyport/agent/journal"
	"sallyport/agent/ledger"
	"sallyport/agent/operator/errands"
	"sallyport/agent/operator/trials"
	"sallyport/agent/source"
	"sallyport/agent/workers"
	"sallyport/notify/redact"
	"sallyport/notify/words"
	"sallyport/store"
)

// Operator carries out what a person orders, wherever it was typed.
type Operator struct {
	*errands.Errands // what is done to a state
	*trials.Trials   // of another terraform

	clocks  *clock.Clock
	bell    *bell.Bell
	health  *health.Health
	journal *journal.Journal
	active  *active.Active
	ledger  *ledger.Ledger
	source  *source.Source
	log     *slog.Logger
	now     func() time.Time
	store   *store.Store
	strikes *health.Strikes
	work    *workers.Pool
}

// Options are what operator works with.
type Options struct {
	Clocks  *clock.Clock
	Bell    *bell.Bell
	Health  *health.Health
	Journal *journal.Journal
	Active  *active.Active
	Ledger  *ledger.Ledger
	Engines *engine.Engines
	Source  *source.Source
	Epoch   string
	Faults  *health.Faults
	Log     *slog.Logger
	Now     func() time.Time
	Store   *store.Store
	Strikes *health.Strikes
	Work    *workers.Pool
}

// New makes what carries out orders.
func New(o Options) *Operator {
	operator := &Operator{
		clocks: o.Clocks, bell: o.Bell, health: o.Health, journal: o.Journal, active: o.Active, ledger: o.Ledger,
		source: o.Source, log: o.Log, now: o.Now, store: o.Store, strikes: o.Strikes, work: o.Work,
	}
	operator.Errands = errands.New(errands.Options{
		Health: o.Health, Journal: o.Journal, Active: o.Active, Ledger: o.Ledger, Engines: o.Engines, Epoch: o.Epoch,
		Freshen: operator.Freshen, Log: o.Log, Now: o.Now, Store: o.Store, Work: o.Work,
	})
	operator.Trials = trials.New(trials.Options{
		Health: o.Health, Journal: o.Journal, Active: o.Active, Engines: o.Engines, Ledger: o.Ledger, Faults: o.Faults, Log: o.Log,
		Now: o.Now, Store: o.Store, Work: o.Work,
	})
	return operator
}

// ownImages refuses a wish for an image that the stack does not run on: nothing would come of it.
func ownImages(wish map[string]string, s *config.Stack) error {
	var have []string
	for _, v := range s.Images {
		have = append(have, v.Image)
	}
	for _, name := range slices.Sorted(maps.Keys(wish)) {
		if !slices.Contains(have, name) {
			next := words.Labelled("its images are: ", have, 10)
			if next == "" {
				next = "it runs on none; leave --image out, or say image in the stack's configuration: sallyport help config stack"
			}
			return control.Errorf(control.Usage, "stack %s does not run on an image %q", s.Name, redact.CleanLine(name)).WithHint("%s", next)
		}
		if id := wish[name]; id == "" || id != redact.CleanLine(id) {
			return control.Errorf(control.Usage, "%q is not the id of an image", redact.CleanLine(id))
		}
	}
	return nil
}

// maxPreviews is how many plans of pull requests of a repository are begun in an hour.
const maxPreviews = 60
