// Package operator carries out what a person orders: decide, plan, recover, cancel, pause, unlock, restore. It does not matter
// whether that was typed in Slack or in a shell; the same function answers both.
package operator

import (
	"errors"
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
	"sallyport/agent/source"
	"sallyport/agent/workers"
	"sallyport/notify/redact"
	"sallyport/notify/words"
	"sallyport/store"
)

// Operator carries out what a person orders, wherever it was typed.
type Operator struct {
	clocks  *clock.Clock
	bell    *bell.Bell
	health  *health.Health
	journal *journal.Journal
	active  *active.Active
	ledger  *ledger.Ledger
	engines *engine.Engines
	source  *source.Source
	epoch   string
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
	Log     *slog.Logger
	Now     func() time.Time
	Store   *store.Store
	Strikes *health.Strikes
	Work    *workers.Pool
}

// New makes what carries out orders.
func New(o Options) *Operator {
	return &Operator{
		clocks: o.Clocks, bell: o.Bell, health: o.Health, journal: o.Journal, active: o.Active, ledger: o.Ledger,
		engines: o.Engines, source: o.Source, epoch: o.Epoch, log: o.Log, now: o.Now, store: o.Store,
		strikes: o.Strikes, work: o.Work,
	}
}

// errCutOff is the end of an errand that did not come to its own.
var errCutOff = errors.New("it was cut off by a fault in sallyport itself, which the agent's log tells")

// ownImages refuses a wish for an image that the stack does not run on: nothing would come of it.
func ownImages(wish map[string]string, s *config.Stack) error {
	var have []string
	for _, v := range s.Images {
		have = append(have, v.Image)
	}
	for _, name := range slices.Sorted(maps.Keys(wish)) {
		if !slices.Contains(have, name) {
			return control.Errorf(control.Usage, "stack %s does not run on an image %q", s.Name, redact.CleanLine(name)).
				WithHint("its images are: %s", words.List(have, 10))
		}
		if id := wish[name]; id == "" || id != redact.CleanLine(id) {
			return control.Errorf(control.Usage, "%q is not the id of an image", redact.CleanLine(id))
		}
	}
	return nil
}

// notForImages refuses for an image what only Terraform's stacks know. A build has no state in which there is anything to
// replace or destroy.
func notForImages(s *config.Stack, what string) error {
	if s.Engine != config.EnginePacker || what == "" {
		return nil
	}
	return control.Errorf(control.Usage, "%s is an image, which knows no %s", s.Name, what).
		WithHint("sallyport plan %s plans its next build", s.Name)
}

// LentAt is what a repair that nobody chose the commit of may have there: what only an apply gets, once the commit was applied,
// or an apply of it was approved. A plan of it has held the state lock with what plans have, which is enough to let go of it.
func LentAt(tx *store.Tx, st *store.StackState, commit string) (engine.Lent, error) {
	if commit != "" && commit == st.AppliedCommit {
		return engine.LentForApply, nil
	}
	last, err := store.Found(tx.Run(st.LastApply))
	if err == nil && last != nil && last.Commit == commit && commit != "" {
		return engine.LentForApply, nil
	}
	return engine.LentForPlan, err
}

// maxPreviews is how many plans of pull requests of a repository are begun in an hour.
const maxPreviews = 60
