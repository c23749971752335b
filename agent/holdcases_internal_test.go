package agent

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/agent/asuser"
	"sallyport/agent/config/calendar"
	"sallyport/agent/contain"
	"sallyport/agent/datadir"
	"sallyport/agent/execute"
	"sallyport/agent/health"
	"sallyport/agent/lifecycle"
	"sallyport/agent/repo"
	"sallyport/agent/rundir"
	"sallyport/notify/slack"
	"sallyport/store"
)

// A holdCase is a way in which a run can be left where it is.
type holdCase struct {
	name   string
	at     string // the function that holds it
	stack  string // box if empty
	status store.Status
	why    string
	setUp  func(s *standing)
	step   func(s *standing, id int) // in the place of the loop's
}

// heldElsewhere are functions that hold runs and have no case, with the reason.
var heldElsewhere = map[string]string{
	"hold":            "the way to holdWith",
	"holdApproved":    "the way to holdWith",
	"verify":          "says that the run is being planned again right now",
	"hookBeforeApply": "says that the hook is running right now",
	"takeFollow":      "says that a cancel could not be passed on, which the try to follow says again in the same step",
}

func holdCases() []holdCase {
	inPlace := func(s *standing, kind store.Kind) { // of the run that a person asked for
		now := s.get(1)
		s.do(func(tx *store.Tx) error {
			_, err := tx.Transition(1, store.Move{From: now.Status, To: store.Canceled}, nil)
			return err
		})
		s.kind = kind
		s.run(now.Stack, now.Status)
	}
	ofCommit := func(s *standing) { inPlace(s, store.KindCommit) }
	pause := func() *store.Pause { // the store rounds the times of what it is given, so each case has its own
		return &store.Pause{By: "cli:jane", At: time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)}
	}
	mistrust := func(s *standing) { s.w.Cfg.Repository("infra").RequireReview = true }
	shut := func(s *standing) { // until after its plan has expired
		s.w.Stack("net").ApplyWindows = []calendar.Window{{Schedule: "0 9 * * *", Duration: time.Hour}}
	}
	commit := func(s *standing, id int) {
		held, err := s.executor.CommitToApply(s.w, s.get(id), s.w.Stack("net"))
		if s.must(err); !held {
			s.t.Error("it may be applied")
		}
	}
	return []holdCase{
		{"the agent is paused", "take", "", store.Pending, "the agent is paused by cli:jane", func(s *standing) {
			s.do(func(tx *store.Tx) error {
				a, err := tx.Agent()
				if err != nil {
					return err
				}
				a.Paused = pause()
				return tx.PutAgent(a)
			})
		}, nil},
		{"the stack is paused", "take", "", store.Approved, "the stack is paused by cli:jane", func(s *standing) { s.stack("box", func(st *store.StackState) { st.Paused = pause() }) }, nil},
		{"somebody works on its state", "take", "", store.Planning, "its state is being worked on by cli:jane", func(s *standing) { s.stack("box", func(st *store.StackState) { st.Occupied = pause() }) }, nil},
		{"paused while it waits for people", "take", "", store.Planned, "decisions are counted and nothing is applied", func(s *standing) {
			s.stack("box", func(st *store.StackState) { st.Paused = pause() })
		}, nil},
		{"what it depends on was not planned", "take", "", store.Pending, "waits for net, which was not planned yet", ofCommit, nil}, // a person's goes ahead
		{"an image was not built", "take", "", store.Pending, "waits for image node, which was not built yet", nil, nil},
		{"a state was not saved", "take", "net", store.Pending, "could not save its state", func(s *standing) {
			file := filepath.Join(s.active.Cfg().DataDir, rundir.SavedStateFile)
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				s.t.Fatal(err)
			}
			s.stack("net", func(st *store.StackState) { st.LeftState = file })
		}, nil},
		{"a lock was left", "take", "net", store.Pending, "the state lock abc is not of this agent", func(s *standing) {
			s.stack("net", func(st *store.StackState) {
				st.LeftLock = &store.LeftLock{ID: "abc", Holder: store.HolderOther, NotBefore: s.now.Add(5 * time.Minute)}
			})
		}, nil},
		{"no slot to plan in", "take", "net", store.Pending, "waits for one of 0 terraform processes", func(s *standing) { s.active.Cfg().Terraform.Parallel = 0 }, nil},
		{"no slot to plan in again", "take", "net", store.Planning, "waits for one of 0 terraform processes", func(s *standing) { s.active.Cfg().Terraform.Parallel = 0 }, nil},
		{"no slot to apply in", "take", "net", store.Approved, "approved; waits for one of 0 terraform processes", func(s *standing) { s.active.Cfg().Terraform.Parallel = 0 }, nil},
		{"no builder is free", "take", "node", store.Pending, "waits for one of 0 builds", func(s *standing) { s.active.Cfg().Packer.Parallel = 0 }, nil},
		{"no room to plan", "take", "net", store.Pending, "only 1 byte is free", func(s *standing) { s.tight.Why = "only 1 byte is free" }, nil},
		{"no room to plan again", "take", "net", store.Planning, "only 1 byte is free", func(s *standing) { s.tight.Why = "only 1 byte is free" }, nil},
		{"no room to apply", "take", "net", store.Approved, "waits for room on the disk", func(s *standing) { s.tight.Why = "only 1 byte is free" }, nil},
		{"Slack was not looked at", "take", "net", store.Approved, "waits until Slack was looked at since the start", func(s *standing) { s.w.Slack = &slack.Client{} }, nil},
		{"git is down", "gate", "net", store.Approved, "waits until the repository can be read", ofCommit, nil},
		{"its stack may be one of a glob", "take", "found-one", store.Approved, "the stacks of repository infra were not looked up since the agent started: no route to host", func(s *standing) {
			s.faults.Set("repository infra", fmt.Errorf("no route to host"))
		}, nil},
		{"its stack cannot be read at the newest commit", "take", "net", store.Approved, "is newer, and nobody knows yet whether it changes this stack: net/main.tf is a symlink to nowhere", func(s *standing) {
			s.do(func(tx *store.Tx) error {
				r, err := tx.Repository("infra")
				if err != nil {
					return err
				}
				r.Head = strings.Repeat("b", 40)
				return tx.PutRepository(r)
			})
			s.stack("net", func(st *store.StackState) { st.Error = "net/main.tf is a symlink to nowhere\nand more" })
		}, nil},
		{"its apply cannot be followed", "follow", "net", store.Applying, lifecycle.FollowFails + "it cannot be followed", nil, func(s *standing, id int) {
			dir := datadir.Run(s.active.Cfg().DataDir, id)
			if err := os.MkdirAll(filepath.Join(dir, "claim"), 0o700); err != nil { // a directory where a file is read
				s.t.Fatal(err)
			}
			s.executor.Follow(context.Background(), s.w, s.get(id))
		}},
		{"its work panicked", "restRun", "net", store.Approved, "held after 3 times: a fault in sallyport itself", func(s *standing) {}, func(s *standing, id int) {
			s.strike(s.get(id))
			s.step(id)
		}},
		{"its commits are not trusted", "take", "net", store.Pending, "waits until the commits of infra are known to be trusted", mistrust, nil},
		{"its commits are not trusted any more", "take", "net", store.Approved, "approved; waits until the commits of infra are known to be trusted", mistrust, nil},
		{"its stack is pinned", "take", "net", store.Pending, "the stack is pinned", func(s *standing) {
			ofCommit(s)
			s.stack("net", func(st *store.StackState) {
				st.Pin = &store.Pin{Run: 1, Commit: strings.Repeat("c", 40), Back: true, By: "cli:jane", At: pause().At}
			})
		}, nil},
		{"outside the window, and nobody has approved", "take", "net", store.Planned, "an approval counts and waits until then", shut, nil},
		{"outside the window", "take", "net", store.Approved, "approved; outside the apply window until", shut, nil},
		{"its approvals in Slack cannot be read", "gate", "net", store.Approved, "waits until the approvals in Slack can be read again: there is no slack block", func(s *standing) {
			s.do(func(tx *store.Tx) error {
				_, err := tx.ChangeRun(1, func(r *store.Run) error {
					r.Decisions = []store.Decision{{Verdict: store.Approve, By: "slack:U1", Person: "slack:U1", Digest: "d", Channel: "C1", TS: "1.2"}}
					return nil
				})
				return err
			})
		}, nil},
		{"it cannot be planned again", "notVerified", "net", store.Approved, "waits until it can be planned again before the apply", nil, func(s *standing, id int) {
			s.must(s.executor.NotVerified(s.w, s.get(id), fmt.Errorf("checking it out: %w", repo.ErrUnknownCommit)))
		}},
		{"no user can be had", "apply", "net", store.Approved, "waits until a user of terraform.user's can be had", func(s *standing) {
			users := []*asuser.User{{Name: "somebody", UID: 12345, GID: 12346}}
			pool, err := asuser.NewPool(asuser.PoolOptions{Name: "somebody", Users: users, Dir: s.t.TempDir()})
			s.must(err)
			s.w.Pool = pool // and no directory to let it into
		}, func(s *standing, id int) {
			s.must(s.executor.Apply(context.Background(), s.w, s.get(id), s.w.Stack("net")))
		}},
		{"its state cannot be kept", "commitToApply", "net", store.Approved, "waits until the state can be kept before it is changed", nil, commit},
		{"its record cannot be written", "commitToApply", "net", store.Approved, "waits until the run's record can be written", func(s *standing) {
			dir := datadir.Run(s.active.Cfg().DataDir, 1)
			s.must(errors.Join(os.MkdirAll(filepath.Join(dir, rundir.PlanDir), 0o700), os.MkdirAll(filepath.Join(dir, rundir.RecordFile, "in the way"), 0o700)))
			f, err := os.Create(filepath.Join(dir, rundir.PlanDir, "plan.tfplan"))
			s.must(err)
			z := zip.NewWriter(f)
			for _, name := range []string{"tfstate-prev", "tfstate"} {
				w, err := z.Create(name)
				s.must(err)
				_, err = w.Write([]byte("{}"))
				s.must(err)
			}
			s.must(errors.Join(z.Close(), f.Close()))
		}, commit},
		{"what it depends on changed", "take", "", store.Approved, "since it was planned", func(s *standing) {
			ofCommit(s)
			s.stack("net", func(st *store.StackState) { st.Changed = 7 })
			s.stack("box", func(st *store.StackState) {
				st.AppliedCommit, st.LastCommitCommit = strings.Repeat("a", 40), strings.Repeat("a", 40)
				st.Upstreams = map[string]int{"net": 3, "node": 0}
			})
		}, nil},
		{"its work panicked, and somebody is at it", "runStruck", "net", store.Approved, "held after 3 times: a fault in sallyport itself", nil, func(s *standing, id int) {
			run := s.get(id)
			s.executor.RunStruck(run, s.strike(run))
		}},
		{"a pull request waits too", "take", "net", store.Pending, "the stack is paused by cli:jane", func(s *standing) {
			s.w.Cfg.Repository("infra").Site.PlanPullRequests = true
			inPlace(s, store.KindPullRequest)
			s.stack("net", func(st *store.StackState) { st.Paused = pause() })
		}, nil},
	}
}

func (s *standing) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// strike lets the work on a run panic until that holds it.
func (s *standing) strike(run *store.Run) *health.StruckError {
	of := execute.RunWork(run)
	for s.strikes.Resting(of) == nil || !s.strikes.Resting(of).Held() {
		s.strikes.Add(of, &contain.Panic{Work: of.Name, Value: "bang", Place: "here"})
	}
	return s.strikes.Resting(of)
}

// TestEveryHoldHasACase finds each place that holds a run: a new one is shown by a case of its own.
func TestEveryHoldHasACase(t *testing.T) {
	shown := map[string]int{}
	for _, c := range holdCases() {
		shown[c.at]++
	}
	files, found := token.NewFileSet(), map[string]int{}
	err := filepath.WalkDir(".", func(name string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(files, name, nil, 0)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if holdsRun(n) {
					found[strings.ToLower(f.Name.Name[:1])+f.Name.Name[1:]]++
				}
				return true
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		t.Error("nothing holds runs any more: this test looks in the wrong place")
	}
	for name, n := range found {
		if heldElsewhere[name] == "" && shown[name] < n {
			t.Errorf("%s holds runs in %d places, and %d cases show that: add one to holdCases", name, n, shown[name])
		}
	}
}

// holdsRun reports whether a node of a program's text holds a run, or is the error that does.
func holdsRun(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.CallExpr:
		s, ok := n.Fun.(*ast.SelectorExpr)
		if !ok {
			return false
		}
		name := ""
		switch on := s.X.(type) {
		case *ast.Ident:
			name = on.Name
		case *ast.SelectorExpr:
			name = on.Sel.Name
		}
		return (name == "a" || name == "ledger") && slices.Contains([]string{"hold", "holdapproved", "holdwith"}, strings.ToLower(s.Sel.Name))
	}
	return false
}
