package due_test

import (
	"errors"
	"testing"
	"time"

	"sallyport/agent/lifecycle/due"
	"sallyport/store"
)

// A schedule builds an image again that was built, while nothing else of it is open, and counts from its newest build on.
func TestScheduled(t *testing.T) {
	noon := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	until := func(last time.Time) time.Duration { return last.Add(time.Hour).Sub(noon) }
	for name, c := range map[string]struct {
		of   store.StackState
		want time.Duration
		can  bool
	}{
		"nothing was built yet":         {store.StackState{}, 0, false},
		"another run is open":           {store.StackState{AppliedCommit: "a", OpenRun: 3}, 0, false},
		"built half an hour ago":        {store.StackState{AppliedCommit: "a", AppliedAt: noon.Add(-time.Hour / 2)}, time.Hour / 2, true},
		"found unchanged since":         {store.StackState{AppliedCommit: "a", AppliedAt: noon.Add(-9 * time.Hour), CheckedAt: noon.Add(-time.Hour / 2)}, time.Hour / 2, true},
		"built before the last time":    {store.StackState{AppliedCommit: "a", AppliedAt: noon.Add(-2 * time.Hour)}, 0, true},
		"it came up many times":         {store.StackState{AppliedCommit: "a", AppliedAt: noon.Add(-99 * time.Hour)}, 0, true},
		"denied since":                  {store.StackState{AppliedCommit: "a", AppliedAt: noon.Add(-99 * time.Hour), ScheduledAt: noon.Add(-time.Minute)}, 59 * time.Minute, true},
		"a commit built it since then":  {store.StackState{AppliedCommit: "a", AppliedAt: noon.Add(-time.Minute), ScheduledAt: noon.Add(-time.Hour)}, 59 * time.Minute, true},
		"asked for and a run was made":  {store.StackState{AppliedCommit: "a", ScheduledAt: noon, OpenRun: 4}, 0, false},
		"its time is this very instant": {store.StackState{AppliedCommit: "a", AppliedAt: noon.Add(-time.Hour)}, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got, can := due.Scheduled(&c.of, until); got != c.want || can != c.can {
				t.Errorf("%s, %v; want %s, %v", got, can, c.want, c.can)
			}
		})
	}
}

// Behind which runs a commit still waits for an answer, so that its run is made again after a recovery.
func TestUnanswered(t *testing.T) {
	commit := func(status store.Status) *store.Run { return &store.Run{ID: 5, Kind: store.KindCommit, Status: status} }
	manual := func(status store.Status) *store.Run { return &store.Run{ID: 5, Kind: store.KindManual, Status: status} }
	recovery := &store.Run{Kind: store.KindManual, AtApplied: true, Status: store.Superseded}
	after := func(id int) *store.Run { return &store.Run{Kind: store.KindRecovery, After: id, Status: store.Planned} }
	gone := errors.New("the disk is gone")
	for name, c := range map[string]struct {
		runs []*store.Run // the open one first, then those before it
		fail error        // of reading what lies before them
		want bool
	}{
		"the commit's own":                        {runs: []*store.Run{commit(store.Planned)}, want: true},
		"a person's in its place":                 {runs: []*store.Run{manual(store.Planned), commit(store.Superseded)}, want: true},
		"two of a person's":                       {runs: []*store.Run{manual(store.Planned), manual(store.Superseded), commit(store.Superseded)}, want: true},
		"the commit was denied before":            {runs: []*store.Run{manual(store.Planned), commit(store.Discarded)}},
		"the commit was applied before":           {runs: []*store.Run{manual(store.Planned), commit(store.Applied)}},
		"a recovery, which had seen to it":        {runs: []*store.Run{recovery, commit(store.Superseded)}},
		"a recovery between":                      {runs: []*store.Run{manual(store.Planned), recovery, commit(store.Superseded)}},
		"after an apply that nobody saw the end":  {runs: []*store.Run{after(7), {ID: 7, Kind: store.KindCommit, Status: store.Interrupted}}, want: true},
		"after another run's":                     {runs: []*store.Run{after(6), {ID: 7, Kind: store.KindCommit, Status: store.Interrupted}}},
		"what lies before is no longer kept":      {runs: []*store.Run{manual(store.Planned)}},
		"what lies before cannot be read":         {runs: []*store.Run{manual(store.Planned)}, fail: gone},
		"answered, and what was asked before not": {runs: []*store.Run{manual(store.Planned), manual(store.Discarded), commit(store.Superseded)}},
	} {
		t.Run(name, func(t *testing.T) {
			before := func(run *store.Run) (*store.Run, error) {
				for i, r := range c.runs[:len(c.runs)-1] {
					if r == run {
						return c.runs[i+1], nil
					}
				}
				return nil, c.fail
			}
			got, err := due.Unanswered(c.runs[0], before)
			if got != c.want || !errors.Is(err, c.fail) {
				t.Errorf("%v, %v; want %v, %v", got, err, c.want, c.fail)
			}
		})
	}
}

// Behind which runs what changed upstream still waits to be served; that a run is at the applied commit says nothing of it.
func TestUnserved(t *testing.T) {
	run := func(kind store.Kind, status store.Status) *store.Run {
		return &store.Run{ID: 5, Kind: kind, Status: status}
	}
	recovery := &store.Run{ID: 6, Kind: store.KindManual, AtApplied: true, Status: store.Planned}
	for name, c := range map[string]struct {
		open, before *store.Run
		want         bool
	}{
		"its own":                 {run(store.KindDependency, store.Planned), nil, true},
		"a person's in its place": {run(store.KindManual, store.Planned), run(store.KindDependency, store.Superseded), true},
		"a recovery in its place": {recovery, run(store.KindDependency, store.Superseded), true},
		"it was denied":           {run(store.KindManual, store.Planned), run(store.KindDependency, store.Discarded), false},
		"there was none":          {run(store.KindManual, store.Planned), nil, false},
	} {
		got, err := due.Unserved(c.open, func(run *store.Run) (*store.Run, error) {
			if run == c.open {
				return c.before, nil
			}
			return nil, nil
		})
		if got != c.want || err != nil {
			t.Errorf("%s: %t, %v", name, got, err)
		}
	}
}
