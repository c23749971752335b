package control

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/agent/datadir/datadirtest"
	"sallyport/notify/golden"
	"sallyport/store"
)

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b) + "\n"
}

// fullRun is a stored run with everything set.
func fullRun() *store.Run {
	return &store.Run{
		ID: 12, Stack: "ghe", Repository: "infra", Kind: store.KindCommit, Status: store.Applied,
		Commit: "0123456789abcdef0123456789abcdef01234567", Author: "Jane", Subject: "Bigger disk", Reason: "because",
		RequestedBy: "cli:root (logged in as jane)", Position: "at the applied commit", GitDown: "since Monday", Warnings: []string{"no lock file"},
		HookNotes: []store.HookNote{
			{Hook: "after_plan", Command: "check-policy", Warns: true, Text: "port 22 is open\nto everybody"},
			{Hook: "before_apply", Command: "snapshot", Facts: []store.HookFact{{Name: "snapshot", Value: "snap-1"}}},
		},
		PullRequest: 4, After: 11, CreatedAt: at(0).In(time.FixedZone("CET", 3600)), UpdatedAt: at(9), PlannedAt: at(1),
		ExpiresAt: at(59), EndedAt: at(9),
		Decisions: []store.Decision{
			{Verdict: store.Approve, By: "slack:U1", At: at(2), Text: "approve destroy 1", Person: "slack:U1", Digest: "d"},
			{Verdict: store.Approve, By: "slack:U2", At: at(3), Withdrawn: "deleted"},
		},
		Plan: &store.Plan{
			Digest: "d", Add: 1, Destroy: 1, Version: "1.11.4",
			Changes: []store.Change{{Address: "aws_ebs_volume.data", Actions: []string{"delete", "create"}, Class: store.ClassConfig, Protected: true}},
			Outputs: []store.Output{{Name: "ip", Actions: []string{"update"}}},
		},
		Apply: &store.Apply{StartedAt: at(4), EndedAt: at(9), Done: 1, Total: 2, Current: "x", Open: []string{"x"}, Outputs: []string{"ip"}},
		Card:  &store.Card{Permalink: "https://slack/p1"}, Error: "e", Hint: "h", Held: "held",
	}
}

// The shapes are a contract: what changes here breaks somebody's script.
func TestShapes(t *testing.T) {
	t.Run("a bare run", func(t *testing.T) {
		golden.Is(t, filepath.Join("testdata", "run-bare.json"), asJSON(t, RunOf(&store.Run{ID: 1, Stack: "ghe", Kind: store.KindManual, Status: store.Pending})))
	})
	t.Run("a full run", func(t *testing.T) {
		golden.Is(t, filepath.Join("testdata", "run-full.json"), asJSON(t, RunOf(fullRun())))
	})
	t.Run("a plan without changes", func(t *testing.T) {
		golden.Is(t, filepath.Join("testdata", "run-empty-plan.json"), asJSON(t, RunOf(&store.Run{ID: 1, Plan: &store.Plan{}, Apply: &store.Apply{}})))
	})
	t.Run("a status", func(t *testing.T) {
		golden.Is(t, filepath.Join("testdata", "status.json"), asJSON(t, Status{
			Repositories: []Repository{RepositoryOf(&store.RepositoryState{Name: "infra"})},
			Stacks:       []Stack{StackOf(&store.StackState{Name: "ghe", Paused: &store.Pause{By: "cli:jane", At: at(1)}}, nil)},
			PullRequests: []Run{}, Problems: []Problem{{Source: "slack"}}, Names: []Name{},
		}))
	})
}

func TestDecisive(t *testing.T) {
	protected := func(class store.Class, actions ...string) store.Change {
		return store.Change{Address: "x", Actions: actions, Class: class, Protected: true}
	}
	open := store.Change{Address: "y", Actions: []string{"create"}, Class: store.ClassConfig}
	gone := store.Change{Address: "z", Actions: []string{"delete"}, Class: store.ClassConfig}
	for _, tc := range []struct {
		name    string
		status  store.Status
		changes []store.Change
		want    string
	}{
		{"creates", store.Planned, []store.Change{open}, "sallyport approve 12"},
		{"destroys", store.Planned, []store.Change{gone, open}, "sallyport approve 12 destroy"},
		{"destroys the protected", store.Planned, []store.Change{gone, protected(store.ClassConfig, "delete"), open}, "sallyport approve 12 destroy 2"},
		{"recreates the protected", store.Planned, []store.Change{protected(store.ClassRecreate, "create")}, "sallyport approve 12 destroy 1"},
		{"makes the protected", store.Planned, []store.Change{protected(store.ClassConfig, "create")}, "sallyport approve 12"},
		{"not any more", store.Approved, []store.Change{gone}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := RunOf(&store.Run{ID: 12, Status: tc.status, Plan: &store.Plan{Changes: tc.changes}})
			if got := r.Decisive(); got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}

func TestResolveRef(t *testing.T) {
	open := []store.RunHead{
		{ID: 3, Stack: "ghe"}, {ID: 4, Stack: "ghe", Kind: store.KindPullRequest}, {ID: 5, Stack: "ghe", Kind: store.KindPullRequest},
		{ID: 6, Stack: "net", Kind: store.KindPullRequest}, {ID: 7, Stack: "two"}, {ID: 8, Stack: "two"}, {ID: 9, Stack: "12"}, {ID: 20, Stack: "20"},
	}
	for _, tc := range []struct {
		name, ref string
		want      int
		kind      Kind
	}{
		{"a number", "13", 13, ""},
		{"a number that is a stack with another open run", "12", 0, Conflict},
		{"a number that is the run of the stack of that name", "20", 20, ""},
		{"a number sign", "#12", 12, ""},
		{"blanks around", " #12 ", 12, ""},
		{"a stack beside its previews", "ghe", 3, ""},
		{"a stack with a preview only", "net", 6, ""},
		{"a stack with two runs", "two", 0, Conflict},
		{"a stack without runs", "none", 0, NotFound},
		{"zero", "0", 0, Usage},
		{"a negative number", "-3", 0, Usage},
		{"nothing", "", 0, Usage},
		{"a bare sign", "#", 0, Usage},
		{"a sign and a name", "#ghe", 0, Usage},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := ResolveRef(tc.ref, open)
			if tc.kind == "" {
				if err != nil || got != tc.want {
					t.Errorf("%d, %v; want %d", got, err, tc.want)
				}
				return
			}
			if e := AsError(err); e.Kind != tc.kind || e.Hint == "" {
				t.Errorf("%+v, want %s and a hint", e, tc.kind)
			}
		})
	}
	if _, err := ResolveRef("two", open); !strings.Contains(err.Error(), "#7, #8") {
		t.Errorf("the candidates are not named: %v", err)
	}
}

// Whoever only looks means the newest run of a stack of which none is open; whoever decides never does.
func TestFindShown(t *testing.T) {
	_, s := datadirtest.New(t)
	ended := datadirtest.Run(t, s, store.Run{Stack: "ghe", Kind: store.KindCommit}, store.Planning, store.NoChanges)
	datadirtest.Run(t, s, store.Run{Stack: "ghe", Kind: store.KindPullRequest}, store.Planning, store.Previewed)
	open := datadirtest.Run(t, s, store.Run{Stack: "net", Kind: store.KindCommit}, store.Planning)
	datadirtest.Update(t, s, func(tx *store.Tx) error {
		return tx.PutStack(&store.StackState{Name: "vcs", Formerly: []string{"ghe"}})
	})
	for ref, want := range map[string]int{"ghe": ended, " ghe ": ended, "net": open, "#1": ended, "vcs": ended, "nosuch": 0, "99": 0, "": 0} {
		run, err := FindShown(s, ref)
		if want == 0 && err == nil || want != 0 && (err != nil || run.ID != want) {
			t.Errorf("%q shows %+v, want #%d: %v", ref, run, want, err)
		}
		head, headErr := FindHead(s, ref)
		if head.ID != want || fmt.Sprint(headErr) != fmt.Sprint(err) || run != nil && (head.Status != run.Status || head.Stack != run.Stack || head.Kind != run.Kind) {
			t.Errorf("the head of %q is %+v, and the run %+v: %v, %v", ref, head, run, headErr, err)
		}
	}
	if _, err := FindRun(s, "ghe"); err == nil || !strings.Contains(err.Error(), "no open run") {
		t.Errorf("to decide about, ghe is %v", err)
	}
}

func at(minute int) time.Time { return time.Date(2026, 3, 1, 3, minute, 0, 0, time.UTC) }
