package sim

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"sallyport/agent/runner"
	"sallyport/store"
)

// saboteur takes one of the agent's defences away, from outside: what it commits, what it is configured with, what its runners
// say. It proves that the promises can be broken.
type saboteur struct {
	name string
	mu   sync.Mutex
	lost map[int]int // by run, how often it was met
}

func sabotage(name string) *saboteur { return &saboteur{name: name, lost: map[int]int{}} }

// mutants are the defences, by what a broken promise says of each.
var mutants = map[string]string{
	"message lost":       "its message says",
	"intent not durable": "terraform",
	"decision forgotten": "decisions and has",
	"one approval less":  "of 2 approvals",
	"anybody approves":   "approvals of what it does",
	"failure hidden":     "terraform's end was: failed",
}

// errLost ends a transaction that its maker takes for committed.
var errLost = errors.New("lost")

// spoil is done to each transaction right before its commit.
func (s *saboteur) spoil(tx *store.Tx) error {
	switch s.name {
	case "message lost": // that an apply has ended
		return s.dropMessage(tx)
	case "intent not durable":
		open, err := tx.OpenRuns()
		if err != nil {
			return err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, run := range open {
			if run.Status == store.Applying {
				if s.lost[run.ID]++; s.lost[run.ID] == 1 {
					return errLost
				}
			}
		}
	case "decision forgotten":
		open, err := tx.OpenRuns()
		if err != nil {
			return err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, run := range open {
			if run.Status != store.Approved || len(run.Decisions) == 0 {
				continue
			}
			if s.lost[run.ID]++; s.lost[run.ID] > 20 { // it has waited for a while
				if _, err := tx.ChangeRun(run.ID, func(r *store.Run) error {
					r.Decisions = nil
					return nil
				}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (s *saboteur) dropMessage(tx *store.Tx) error {
	outbox, err := tx.Outbox()
	if err != nil {
		return err
	}
	for _, m := range outbox {
		if m.Kind != store.MessageCard {
			continue
		}
		run, err := tx.Run(m.Run)
		if err == nil && run.Status == store.Applied {
			err = tx.DeleteMessage(m.Seq)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *saboteur) configure(text string) string {
	switch s.name {
	case "one approval less":
		text = strings.Replace(text, "approvals  = 2", "approvals  = 1", 1)
	case "anybody approves":
		text = strings.Replace(text, `"U02JOE"`, `"U02JOE", "U03EVE"`, 1)
	}
	return text
}

func (s *saboteur) judge(r *runner.Result) {
	if s.name == "failure hidden" && r.Refused == "" {
		r.ExitCode = 0
	}
}

// TestMutants: no defence can be taken away without a seed that shows it.
func TestMutants(t *testing.T) {
	tried := mutants
	if testing.Short() {
		tried = map[string]string{"one approval less": mutants["one approval less"]}
	}
	for name, says := range tried {
		t.Run(name, func(t *testing.T) {
			for seed := uint64(1); seed <= 20; seed++ {
				end := tell(t, seed, sabotage(name))
				if len(end.broken) == 0 {
					continue
				}
				if !slices.ContainsFunc(end.broken, func(text string) bool { return strings.Contains(text, says) }) {
					t.Fatalf("seed %d noticed something else: %s", seed, end.broken)
				}
				t.Logf("seed %d: %s", seed, end.broken[0])
				return
			}
			t.Error("no seed has noticed that it is gone")
		})
	}
}
