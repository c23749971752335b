package exposition

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sallyport/store"
)

// mostEvents bounds how much of the history one scrape reads; the next one goes on from there.
const mostEvents = 20_000

// Tally counts what runs do from the agent's start on. It reads the history, so that nothing of the agent's work waits for it: at each
// scrape what was written since the one before.
type Tally struct {
	mu    sync.Mutex
	begun bool
	mark  store.HistoryMark
	label func(string) string
	known map[string]bool // stacks of the configuration, as labels

	runs                    *prometheus.CounterVec
	prompted, decided, over prometheus.Histogram
}

// NewTally begins a tally at the end of the history. What is not read then counts from the first scrape on. label makes a label's
// value of a name.
func NewTally(s *store.Store, label func(string) string) *Tally {
	histogram := func(name, help string) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: prefix + name, Help: help, Buckets: []float64{
			1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, 4 * 3600, 24 * 3600,
		}})
	}
	t := &Tally{
		label: label,
		runs: prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + runsName, Help: "Runs that have ended since the agent started, by how."},
			[]string{byStack, byKind, byStatus}),
		prompted: histogram(promptName, "From when the agent saw a commit until its plan waited for people. Since the agent started."),
		decided:  histogram(decisionName, "From when a plan waited for people until enough of them had approved it, or one had denied it. Since the agent started."),
		over:     histogram(endName, "From the last approval, of people or of a policy, until the apply had ended, windows and other applies included. Since the agent started."),
	}
	_ = s.View(t.begin) // what cannot be read now is read at the first scrape
	return t
}

// Register makes the tally part of a registry.
func (t *Tally) Register(r prometheus.Registerer) {
	r.MustRegister(t.runs, t.prompted, t.decided, t.over)
}

func (t *Tally) begin(tx *store.Tx) error {
	seq, hash, err := tx.HistoryHead()
	if err != nil {
		return err
	}
	t.mark, t.begun = store.HistoryMark{Seq: seq, Hash: hash}, true
	return nil
}

// Read counts what the history says since the last time. stacks are those of the configuration: others are forgotten, and each of these
// is there before anything of it has ended, so that the first end is seen as one.
func (t *Tally) Read(tx *store.Tx, stacks []string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.begun {
		if err := t.begin(tx); err != nil {
			return err
		}
	}
	t.keepTo(stacks)
	part, err := tx.ReadHistory(t.mark, mostEvents, func(e *store.Event) error { return t.count(tx, e) })
	if err != nil {
		return fmt.Errorf("counting runs: %w", err)
	}
	t.mark = part.Next
	return nil
}

// keepTo forgets stacks that left the configuration, and begins the counts of those that came into it.
func (t *Tally) keepTo(stacks []string) {
	before := t.known
	t.known = make(map[string]bool, len(stacks))
	for _, stack := range stacks {
		t.known[t.label(stack)] = true
		if before[t.label(stack)] {
			continue
		}
		for _, kind := range []store.Kind{store.KindCommit, store.KindManual} {
			for _, status := range []store.Status{store.Applied, store.Errored, store.NoChanges} {
				t.runs.WithLabelValues(t.label(stack), string(kind), string(status))
			}
		}
	}
	for stack := range before {
		if !t.known[stack] {
			t.runs.DeletePartialMatch(prometheus.Labels{byStack: stack})
		}
	}
}

// count takes in one entry of the history. One that cannot be taken in now is taken in at the next scrape.
func (t *Tally) count(tx *store.Tx, e *store.Event) error {
	if e.To == "" || e.Run == 0 {
		return nil
	}
	decided := e.From == store.Planned && (e.To == store.Approved || e.To == store.Discarded)
	prompted := e.From == store.Planning && e.To == store.Planned
	if !e.To.Terminal() && !decided && !prompted {
		return nil
	}
	run, err := tx.Run(e.Run)
	if errors.Is(err, store.ErrNotFound) {
		return nil // forgotten meanwhile
	}
	if err != nil {
		return err
	}
	if stack := t.label(run.Stack); e.To.Terminal() && t.known[stack] {
		t.runs.WithLabelValues(stack, string(run.Kind), string(e.To)).Inc()
	}
	switch {
	case prompted && run.Kind == store.KindCommit:
		observe(t.prompted, run.CreatedAt, e.At)
	case decided && run.Policy() == "":
		observe(t.decided, run.PlannedAt, e.At)
	case e.From == store.Applying && e.To.Terminal():
		observe(t.over, approvedAt(run), e.At)
	}
	return nil
}

// observe takes in how long something took. A clock that was set back says nothing.
func observe(h prometheus.Histogram, from, to time.Time) {
	if took := to.Sub(from); !from.IsZero() && took >= 0 {
		h.Observe(took.Seconds())
	}
}

// approvedAt is when the last approval of a run was given.
func approvedAt(run *store.Run) (at time.Time) {
	for _, d := range run.Decisions {
		if d.Verdict == store.Approve && d.Withdrawn == "" && d.At.After(at) {
			at = d.At
		}
	}
	return at
}
