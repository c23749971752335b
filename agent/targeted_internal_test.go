package agent

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sallyport/agent/active"
	"sallyport/agent/operator"
	"sallyport/store"
)

// target has a person ask for a plan of some addresses of a stack only.
func (f *followed) target(name string, addresses ...string) *store.Run {
	f.t.Helper()
	run, _, err := f.operator.Start(operator.Request{Stack: name, By: "cli:jane", Wish: operator.PlanWish{Targets: addresses}})
	if err != nil {
		f.t.Fatal(err)
	}
	return run
}

// upstream makes the runs that are due because of what stacks depend on.
func (f *followed) upstream() {
	f.t.Helper()
	conf := f.active.Current.Load()
	if err := f.triggers.Dependencies(conf, conf.Cfg.Repository("infra")); err != nil {
		f.t.Fatal(err)
	}
}

// kept is the commit of a stack that the mirror holds; empty if there is none.
func (f *followed) kept(name string) string {
	f.t.Helper()
	hash := ""
	root := filepath.Join(f.active.Cfg().DataDir, "repos")
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.Contains(path, "/refs/sallyport/applied/") && filepath.Base(path) == name {
			text, err := os.ReadFile(path)
			hash = strings.TrimSpace(string(text))
			return err
		}
		return err
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return hash
}

const (
	oneNode  = "resource \"terraform_data\" \"a\" {}\n"
	twoNodes = oneNode + "resource \"terraform_data\" \"b\" {}\n"
)

// What was applied of some addresses only does not count as its commit: not to the stack, to nothing that depends on it, and not to the
// mirror; the commit that gave way to it is asked about again; and the next whole run that ends well settles it.
func TestTargetedIsNotTheCommit(t *testing.T) {
	t.Parallel()
	for name, ends := range map[string]struct {
		targeted []store.Status // how the run of some addresses ends
		last     []store.Status // and the commit's after it
		left     bool           // something is remembered of it
		changed  int            // which run what depends on the stack hears of in the end
	}{
		"applied, then the commit":          {append(toApplying[:4:4], store.Applied), append(toApplying[:4:4], store.Applied), true, 4},
		"applied, then nothing is left":     {append(toApplying[:4:4], store.Applied), []store.Status{store.Planning, store.NoChanges}, true, 3},
		"failed half-way":                   {append(toApplying[:4:4], store.Errored), append(toApplying[:4:4], store.Applied), true, 4},
		"denied":                            {toDenied, append(toApplying[:4:4], store.Applied), false, 4},
		"nothing to do at these addresses":  {[]store.Status{store.Planning, store.NoChanges}, append(toApplying[:4:4], store.Applied), false, 4},
		"applied, and the commit is denied": {append(toApplying[:4:4], store.Applied), toDenied, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFollowed(t)
			f.git.Commit("begin", map[string]string{"app/main.tf": oneNode, "next/main.tf": oneNode})
			f.look()
			f.end("app", append(toApplying[:4:4], store.Applied)...) // #1
			f.end("next", append(toApplying[:4:4], store.Applied)...)
			f.upstream() // from now on next hears of app
			if _, open := f.of("next"); open != nil {
				f.end("next", store.Planning, store.NoChanges)
			}
			before, _ := f.of("app")
			f.push(twoNodes)
			f.look()
			_, commit := f.of("app")
			if commit == nil || commit.Kind != store.KindCommit {
				t.Fatalf("the commit has no run: %+v", commit)
			}
			run := f.target("app", "terraform_data.b")
			if !run.Options.Targeted() || !slices.ContainsFunc(run.Warnings, func(w string) bool { return strings.HasPrefix(w, "resource targeting is in effect") }) {
				t.Errorf("its card does not say so: %+v", run)
			}
			f.look()
			if _, open := f.of("app"); open.ID != run.ID {
				t.Fatalf("another run took its place: %+v", open)
			}
			f.end("app", ends.targeted...)
			ended := runOf(f, run.ID)
			f.ledger.Keep(f.active.Current.Load().Repos["infra"], ended)
			f.upstream()
			st, _ := f.of("app")
			if st.AppliedCommit != before.AppliedCommit || st.AppliedRun != before.AppliedRun || st.Changed != before.Changed || st.Behind != 1 || !st.AppliedAt.Equal(before.AppliedAt) {
				t.Errorf("the commit counts as applied: %+v", st)
			}
			if got := f.kept("app"); got != before.AppliedCommit {
				t.Errorf("the mirror keeps %q, not %s, which is applied", got, before.AppliedCommit)
			}
			if _, open := f.of("next"); open != nil {
				t.Errorf("what depends on it has a run: %+v", open)
			}
			if (len(st.LeftOut) == 1) != ends.left {
				t.Errorf("left out: %+v", st.LeftOut)
			}
			if ends.left {
				left := st.LeftOut[0]
				if left.Run != run.ID || left.Commit != run.Commit || left.By != "cli:jane" || left.At.IsZero() || left.Status != ended.Status || !slices.Equal(left.Targets, []string{"terraform_data.b"}) {
					t.Errorf("left out: %+v", left)
				}
			}
			f.look()
			if _, again := f.of("app"); again == nil || again.Kind != store.KindCommit || again.Commit != run.Commit {
				t.Fatalf("nobody is asked about the rest of the commit: %+v", again)
			}
			f.end("app", ends.last...)
			st, _ = f.of("app")
			if ends.changed == 0 {
				if len(st.LeftOut) != 1 || st.AppliedCommit != before.AppliedCommit {
					t.Errorf("what was left out is forgotten: %+v", st)
				}
				return
			}
			change := map[int]int{3: run.ID, 4: st.AppliedRun}[ends.changed]
			if len(st.LeftOut) != 0 || st.Partly != 0 || st.AppliedCommit != run.Commit || st.Changed != change {
				t.Errorf("after all of it: %+v, want a change by #%d", st, change)
			}
			f.upstream()
			if _, open := f.of("next"); open == nil || open.Kind != store.KindDependency {
				t.Errorf("what depends on it has no run: %+v", open)
			}
		})
	}
}

// A run that what changed upstream asked for gives way to a person's of some addresses; it is asked for again after that.
func TestTargetedForgetsNoUpstream(t *testing.T) {
	t.Parallel()
	t.Run("at once", func(t *testing.T) { t.Parallel(); targetedForgetsNoUpstream(t, false) })
	t.Run("behind a run of a person's", func(t *testing.T) { t.Parallel(); targetedForgetsNoUpstream(t, true) })
}

// targetedForgetsNoUpstream has a run of all of the stack take the place of the dependency run before, if so: that has taken in what changed.
func targetedForgetsNoUpstream(t *testing.T, behind bool) {
	f := newFollowed(t)
	f.git.Commit("begin", map[string]string{"app/main.tf": oneNode, "next/main.tf": oneNode})
	f.look()
	f.end("app", append(toApplying[:4:4], store.Applied)...)
	f.end("next", append(toApplying[:4:4], store.Applied)...)
	f.upstream()
	if _, open := f.of("next"); open != nil {
		f.end("next", store.Planning, store.NoChanges)
	}
	f.push(twoNodes)
	f.look()
	f.end("app", append(toApplying[:4:4], store.Applied)...)
	f.look()
	f.upstream()
	if _, open := f.of("next"); open == nil || open.Kind != store.KindDependency {
		t.Fatalf("what changed upstream has no run: %+v", open)
	}
	if behind {
		f.target("next")
		f.end("next", store.Planning, store.Planned)
	}
	run := f.target("next", "terraform_data.a")
	f.upstream()
	if _, open := f.of("next"); open.ID != run.ID || open.Status != store.Pending {
		t.Fatalf("a person's run was touched: %+v", open)
	}
	f.end("next", append(toApplying[:4:4], store.Applied)...)
	f.look()
	f.upstream()
	if _, open := f.of("next"); open == nil || open.Kind != store.KindDependency || !strings.Contains(open.Reason, "app was changed by") {
		t.Errorf("what changed upstream is forgotten: %+v", open)
	}
}

func runOf(f *followed, id int) (run *store.Run) {
	f.t.Helper()
	if err := f.store.View(func(tx *store.Tx) (err error) { run, err = tx.Run(id); return err }); err != nil {
		f.t.Fatal(err)
	}
	return run
}

// A commit's status on the site says nothing of a run of some addresses only: required, it would let through what is not applied.
func TestTargetedIsNoCommitStatus(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		options store.PlanOptions
		want    int
	}{
		"a plan of the commit":    {store.PlanOptions{}, 1},
		"a plan of some of it":    {store.PlanOptions{Targets: []string{"a.b"}}, 0},
		"a plan of another state": {store.PlanOptions{EmptyState: true}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStanding(t)
			s.w.Sites = map[string]active.ForgeSite{"infra": struct{ active.ForgeSite }{}}
			defer func() { s.w.Sites = nil }() // nobody closes it
			run := s.run("net", store.Planned)
			s.do(func(tx *store.Tx) error {
				if _, err := tx.ChangeRun(run.ID, func(r *store.Run) error { r.Options = c.options; return nil }); err != nil {
					return err
				}
				now, err := tx.Run(run.ID)
				if err != nil {
					return err
				}
				return s.ledger.Publish(tx, now)
			})
			statuses := 0
			if err := s.store.View(func(tx *store.Tx) error {
				all, err := tx.Outbox()
				for _, m := range all {
					if m.Kind == store.MessageStatus {
						statuses++
					}
				}
				return err
			}); err != nil {
				t.Fatal(err)
			}
			if statuses != c.want {
				t.Errorf("the site is told %d times, want %d", statuses, c.want)
			}
		})
	}
}
