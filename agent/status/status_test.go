package status

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/agent/archive"
	"sallyport/agent/control"
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

// at is a moment of one night.
func at(hour, minute int) time.Time { return time.Date(2026, 3, 1, hour, minute, 0, 0, time.UTC) }

// opened is a store whose clock stands at ten past three, with what happened before that.
func opened(t *testing.T, happened func(*store.Tx) error) *store.Store {
	t.Helper()
	s, err := store.Open(store.Options{Path: filepath.Join(t.TempDir(), "sallyport.db"), Now: func() time.Time { return at(3, 10) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Update(happened); err != nil {
		t.Fatal(err)
	}
	return s
}

func glanced(t *testing.T, s *store.Store, p *Process) (g *Glance) {
	t.Helper()
	if err := s.View(func(tx *store.Tx) (err error) { g, err = Read(tx, p); return err }); err != nil {
		t.Fatal(err)
	}
	return g
}

// made makes a run and moves it along; change is done to it at the end.
func made(tx *store.Tx, r *store.Run, change func(*store.Run), way ...store.Status) error {
	r.Repository, r.Commit = "infra", strings.Repeat("a", 40)
	if err := tx.CreateRun(r); err != nil {
		return err
	}
	from := store.Pending
	for _, to := range way {
		_, err := tx.Transition(r.ID, store.Move{From: from, To: to}, func(r *store.Run) error {
			switch to {
			case store.Planned:
				r.Plan = &store.Plan{Digest: "d", Add: 1}
			case store.Applying:
				r.Apply = &store.Apply{StartedAt: at(3, 0)}
			}
			return nil
		})
		if err != nil {
			return err
		}
		from = to
	}
	if change == nil {
		return nil
	}
	_, err := tx.ChangeRun(r.ID, func(r *store.Run) error { change(r); return nil })
	return err
}

// seed is a bad night: ghe waits for a second person, net goes on though everything is paused, old failed, and a pull request was
// planned.
func seed(tx *store.Tx) error {
	err := errors.Join(
		made(tx, &store.Run{Stack: "ghe", Kind: store.KindCommit}, func(r *store.Run) {
			r.PlannedAt, r.ExpiresAt = at(3, 10).Add(-50*time.Hour), at(4, 10)
			r.BreakGlass = &store.BreakGlass{By: "cli:jane", At: at(3, 5), Reason: "the registry is down"}
		}, store.Planning, store.Planned),
		made(tx, &store.Run{Stack: "net", Kind: store.KindManual}, nil, store.Planning, store.Planned, store.Approved, store.Applying),
		made(tx, &store.Run{Stack: "old", Kind: store.KindDrift}, func(r *store.Run) { r.Error = "no such key\nat main.tf line 3" }, store.Planning, store.Errored),
		made(tx, &store.Run{Stack: "ghe", Kind: store.KindPullRequest}, func(r *store.Run) { r.Held = "waits for a slot" }, store.Planning),
		tx.PutPullRequest(&store.PullRequest{Repository: "infra", Number: 7, Runs: map[string]int{"ghe": 4, "gone": 77}}),
		tx.PutRepository(&store.RepositoryState{
			Name: "infra", URL: "ssh://git@ghe/ops/infra.git", Branch: "main", Head: strings.Repeat("a", 40),
			PolledAt: at(1, 0), Error: "no route to host", ErrorAt: at(2, 0),
		}),
		tx.PutRepository(&store.RepositoryState{Name: "apps", URL: "u", Branch: "main", Head: strings.Repeat("b", 40), HeldHead: strings.Repeat("c", 40)}),
		tx.PutAgent(&store.AgentState{ID: "a1", Version: "1.2.2", StartedAt: at(0, 0), Paused: &store.Pause{By: "slack:U1", At: at(3, 9), Reason: "storm"}}),
		UnreviewedSetting.Put(tx, []int{1, 99}),
		tx.PutSetting("slack/channel/#ops", map[string]any{"id": "C1", "at": at(0, 1)}),
		archive.SaveRecord(tx, archive.Record{Schedule: "@weekly", At: at(0, 30), Bytes: 2048}),
		tx.Enqueue(store.Message{Kind: store.MessageNote, Key: "k"}),
	)
	return errors.Join(err,
		change(tx, "ghe", func(st *store.StackState) { st.Behind, st.BehindSince = 2, at(3, 10).Add(-73*time.Hour) }),
		change(tx, "net", func(st *store.StackState) {
			st.Paused = &store.Pause{By: "cli:root (logged in as jane)", At: at(3, 8)}
			st.Drift = &store.Drift{Schedule: "@hourly", CheckedAt: at(3, 0), Gone: 1, Outputs: 2, Since: at(1, 0)}
		}),
		change(tx, "old", func(st *store.StackState) {
			st.Error, st.Behind, st.Partly = "its directory left the branch\nits state holds 3 resources", -1, 3
			st.Look = &store.Look{Run: 3, Status: store.Errored, Planned: true, Began: true, At: at(2, 50), Cause: "no such key"}
			st.Drift = &store.Drift{Schedule: "@hourly", Error: "the backend is away\nagain", ErrorAt: at(2, 30), Changed: 1, Since: at(1, 0)}
		}),
	)
}

func change(tx *store.Tx, name string, change func(*store.StackState)) error {
	st, err := tx.Stack(name)
	if err != nil {
		return err
	}
	st.Repository = "infra"
	change(st)
	return tx.PutStack(st)
}

// night is what the agent of that night knows besides.
func night() *Process {
	since := at(3, 1)
	return &Process{
		Version: "1.2.3", StartedAt: at(2, 0), ID: "a1", Now: at(3, 10), Backups: "@daily", Web: "/run/web.sock",
		Names:        map[string]string{"slack/channel/#ops": "#ops", "slack/email/jane@example.com": "jane@example.com"},
		Repositories: []Repository{{Name: "infra", URL: "ssh://git@ghe/ops/infra.git", Branch: "main", PolledAt: at(3, 9), Previews: true}, {Name: "apps", URL: "u", Branch: "main"}, {Name: "new", URL: "https://new", Branch: "trunk"}},
		Stacks: []Stack{
			{Name: "ghe", Repository: "infra", Dir: "ghe", Workspace: "default", Approvals: 2, Counted: func(r *store.Run) int { return r.ID }, WaitsFor: func(*store.Run) []string { return []string{"slack:U1", "slack:S1"} }, Closed: Closed{Why: "frozen until noon", Opens: at(12, 0), Frozen: true}},
			{Name: "net", Repository: "infra", Dir: "net", DriftChecks: true, Closed: Closed{Why: "outside the apply window until further notice"}},
			{Name: "old", Repository: "infra", Dir: "old"},
		},
		Problems: []control.Problem{
			{Source: "disk", Error: "full", Hint: "make room", Since: &since},
			{Source: "repository infra", Error: "no route to host", Hint: "check the network", Since: &since},
			{Source: "repository infra: stacks", Error: "found/* matches nothing", Since: &since},
		},
	}
}

// Everybody who shows a status says what one glance says. What changes in the JSON breaks somebody's script.
func TestGlance(t *testing.T) {
	s := opened(t, seed)
	running, offline := glanced(t, s, night()), glanced(t, s, nil)
	for _, tc := range []struct{ file, got string }{
		{"socket.json", asJSON(t, running.Answer())},
		{"offline.json", asJSON(t, offline.Answer())},
		{"slack.txt", running.Slack() + "\n"},
		{"daily.txt", running.Daily() + "\n"},
	} {
		t.Run(tc.file, func(t *testing.T) { golden.Is(t, filepath.Join("testdata", tc.file), tc.got) })
	}
}

func TestQuiet(t *testing.T) {
	s := opened(t, func(*store.Tx) error { return nil })
	quiet := glanced(t, s, &Process{Now: at(3, 10), Stacks: []Stack{{Name: "ghe"}}})
	if text := quiet.Daily(); text != "" {
		t.Errorf("a quiet day says %q", text)
	}
	if text := quiet.Slack(); text != "Nothing waits. 1 stack is watched." {
		t.Errorf("Slack is told %q", text)
	}
	for name, g := range map[string]*Glance{"with an agent": quiet, "offline": glanced(t, s, nil)} {
		var answer map[string]any
		if err := json.Unmarshal([]byte(asJSON(t, g.Answer())), &answer); err != nil {
			t.Fatal(err)
		}
		for _, list := range []string{"repositories", "stacks", "pull_requests", "problems", "unreviewed", "names"} {
			if _, ok := answer[list].([]any); !ok {
				t.Errorf("%s: %s is %v and not a list", name, list, answer[list])
			}
		}
	}
}

// A repository that cannot be read is told with the repository, and not a second time among the problems.
func TestARepositoryFailsOnce(t *testing.T) {
	g := glanced(t, opened(t, seed), night())
	if n := strings.Count(g.Slack(), "no route to host"); n != 1 {
		t.Errorf("Slack is told %d times:\n%s", n, g.Slack())
	}
	answer := g.Answer()
	if slices.ContainsFunc(answer.Problems, func(p control.Problem) bool { return p.Source == "repository infra" }) {
		t.Errorf("the problems are %+v", answer.Problems)
	}
	if r := answer.Repositories[0]; r.Error == "" || r.Hint != "check the network" {
		t.Errorf("the repository is %+v", r)
	}
}

// What one person approved alone stays marked also while no agent runs.
func TestUnreviewedOffline(t *testing.T) {
	var status control.Status
	if err := opened(t, seed).View(func(tx *store.Tx) (err error) { status, err = Offline(tx); return err }); err != nil {
		t.Fatal(err)
	}
	if len(status.Unreviewed) != 1 || status.Unreviewed[0].ID != 1 {
		t.Errorf("not reviewed are %+v", status.Unreviewed)
	}
}

// What a stack names may be gone from a store that was mended or restored: its status is shown in any case.
func TestARunThatIsNotKept(t *testing.T) {
	err := opened(t, func(*store.Tx) error { return nil }).View(func(tx *store.Tx) error {
		run, err := kept(tx, 7)
		if run != nil {
			t.Errorf("found %+v", run)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// A repository is where the configuration says, and was not polled there before it answered there.
func TestAMovedRepository(t *testing.T) {
	p := night()
	p.Repositories[0].Branch, p.Repositories[1].URL = "trunk", "https://new"
	answer := glanced(t, opened(t, seed), p).Answer()
	if r := answer.Repositories[0]; r.Branch != "trunk" || r.PolledAt != nil {
		t.Errorf("another branch: %+v", r)
	}
	if r := answer.Repositories[1]; r.URL != "https://new" || r.PolledAt != nil {
		t.Errorf("another url: %+v", r)
	}
}

// What failed is said wherever somebody looks, with why and what to do, and then nobody says that nothing waits.
func TestWhatNeedsALook(t *testing.T) {
	failed := func(tx *store.Tx) error {
		return errors.Join(
			made(tx, &store.Run{Stack: "wiki", Kind: store.KindCommit}, func(r *store.Run) { r.Error = "no room\nat all" }, store.Planning, store.Planned, store.Approved, store.Applying, store.Errored),
			change(tx, "wiki", func(st *store.StackState) {
				st.Look = &store.Look{Run: 1, Status: store.Errored, Planned: true, Began: true, At: at(3, 0), Cause: "no room"}
			}),
		)
	}
	for name, tc := range map[string]struct {
		more func(*store.Tx) error
		next string
	}{
		"nothing came after": {func(*store.Tx) error { return nil }, "plan wiki"},
		"another plan waits": {func(tx *store.Tx) error {
			return made(tx, &store.Run{Stack: "wiki", Kind: store.KindManual}, nil, store.Planning, store.Planned)
		}, "#2 shows what is left to do"},
		"the run is forgotten": {func(tx *store.Tx) error { return change(tx, "wiki", func(st *store.StackState) { st.NewestRun = 0 }) }, "plan wiki"},
	} {
		t.Run(name, func(t *testing.T) {
			g := glanced(t, opened(t, func(tx *store.Tx) error { return errors.Join(failed(tx), tc.more(tx)) }), &Process{
				Now: at(3, 10), Stacks: []Stack{{Name: "wiki", Counted: func(*store.Run) int { return 0 }, WaitsFor: func(*store.Run) []string { return nil }}},
			})
			for where, text := range map[string]string{"status in Slack": g.Slack(), "the daily line": g.Daily()} {
				want := "1 stack needs a look: wiki #1 failed halfway\n#1 wiki: no room. Next: " + tc.next + "; if it may stay as it is: resume wiki\n"
				if !strings.HasPrefix(text+"\n", want) || strings.Contains(text, "Nothing waits") {
					t.Errorf("%s says %q", where, text)
				}
			}
			look := g.Answer().Stacks[0].Look
			if look == nil || look.Text != "wiki #1 failed halfway" || look.Cause != "no room" || look.Hint == "" {
				t.Errorf("the JSON says %+v", look)
			}
		})
	}
}

// A run that its window or a freeze keeps back waits for nobody, and is not told twice that it is approved.
func TestApprovedAndKeptBack(t *testing.T) {
	run := &store.Run{ID: 25, Stack: "app", Status: store.Approved, Held: "approved; frozen until Monday", PlannedAt: at(3, 0)}
	g := &Glance{agent: &store.AgentState{}, process: &Process{Now: at(3, 10)}, open: []*store.Run{run}}
	if got, want := g.Daily(), "Approved, not applied yet: #25 app (frozen until Monday)."; got != want {
		t.Errorf("daily: %q, not %q", got, want)
	}
	if got, want := g.Slack(), "#25 app is approved: frozen until Monday"; got != want {
		t.Errorf("status: %q, not %q", got, want)
	}
}
