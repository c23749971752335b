package control

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"sallyport/agent/hint"
	"sallyport/store"
)

func TestKnownStack(t *testing.T) {
	recorded := []*store.StackState{{Name: "net"}, {Name: "left"}}
	many := make([]string, 30)
	for i := range many {
		many[i] = fmt.Sprintf("s%02d", i)
	}
	for _, tc := range []struct {
		name, stack string
		recorded    []*store.StackState
		configured  []string
		hint        string // of the error; "-": there is none
	}{
		{"in the configuration", "new", recorded, []string{"net", "new"}, "-"},
		{"left the configuration", "left", recorded, []string{"net", "new"}, "-"},
		{"a slip of the hand", "ent", recorded, []string{"net", "new"}, "the stacks are: left, net, new"},
		{"no stacks at all", "net", nil, nil, ""},
		{"many", "net", nil, many, "s19 and 10 more"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := KnownStack(tc.stack, tc.recorded, tc.configured)
			if tc.hint == "-" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if AsError(err).Kind != NotFound || !strings.Contains(err.Error(), tc.stack) || !strings.HasSuffix(hint.Of(err), tc.hint) {
				t.Errorf("%v, hint %q", err, hint.Of(err))
			}
		})
	}
}

// Runs are reached part by part, of a stack with the names that it had before: each once, newest first, and an end that is no error.
func TestRunsPartByPart(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s, err := store.Open(store.Options{Path: filepath.Join(t.TempDir(), "store"), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	err = s.Update(func(tx *store.Tx) error {
		for n := range 23 {
			r := &store.Run{Stack: []string{"new", "old", "other"}[n%3], Kind: store.KindPullRequest, PullRequest: n + 1}
			if err := tx.CreateRun(r); err != nil {
				return err
			}
		}
		return tx.PutStack(&store.StackState{Name: "new", Formerly: []string{"old"}})
	})
	if err != nil {
		t.Fatal(err)
	}
	for stack, want := range map[string]string{
		"":    "23 22 21 20 19 18 17 16 15 14 13 12 11 10 9 8 7 6 5 4 3 2 1",
		"new": "23 22 20 19 17 16 14 13 11 10 8 7 5 4 2 1",
	} {
		var got []string
		for before := 0; ; {
			part, err := RunsIn(s, RunsQuery{Stack: stack, Limit: 4, Before: before}, Shown{})
			if err != nil || len(part) > 4 {
				t.Fatalf("before %d: %d runs, %v", before, len(part), err)
			}
			if len(part) == 0 {
				break
			}
			for _, r := range part {
				got = append(got, strconv.Itoa(r.ID))
			}
			before = part[len(part)-1].ID
		}
		if strings.Join(got, " ") != want {
			t.Errorf("of %q %v", stack, got)
		}
	}
}
