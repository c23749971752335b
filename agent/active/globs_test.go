package active_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/agent/active"
	"sallyport/agent/config"
	"sallyport/agent/config/globs"
	"sallyport/agent/repo"
	"sallyport/agent/repo/gittest"
	"sallyport/agent/stack"
	"sallyport/store"
)

// treeOf is the tree of a commit with empty files.
func treeOf(t *testing.T, names ...string) *repo.Tree {
	t.Helper()
	g := gittest.NewRepo(t, "", "infra")
	files := map[string]string{}
	for _, name := range names {
		files[name] = ""
	}
	head := g.Import("refs/heads/main", "", files)
	r, err := repo.Open(repo.Options{Name: "infra", URL: g.Bare, Branch: "main", Dir: filepath.Join(t.TempDir(), "mirror.git")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() }) // nothing depends on it
	if err := r.Fetch(t.Context(), head); err != nil {
		t.Fatal(err)
	}
	tree, err := r.Tree(head)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// TestNamesOfTwoRepositories: a stack is known by its name alone, so one of another repository never gets its history.
func TestNamesOfTwoRepositories(t *testing.T) {
	cfg := &config.Config{Repositories: []*config.Repository{{Name: "a"}, {Name: "b"}}}
	for _, r := range cfg.Repositories {
		cfg.StackGlobs = append(cfg.StackGlobs, &config.StackGlob{Glob: "*", Stack: config.Stack{Repository: r.Name}})
	}
	full := treeOf(t, "net/main.tf", "own/main.tf")
	conf := &active.Config{Cfg: cfg, Globs: map[string][]*config.Stack{}, Heads: map[string]string{}, Wrong: map[string][]*globs.Fault{}, Again: map[string]bool{}}
	known := []*store.StackState{{Name: "net", Repository: "a", Dir: "net"}, {Name: "own", Repository: "a", Dir: "own"}}
	look := func(repository, commit string, tree stack.Tree, want ...string) {
		t.Helper()
		if conf.Looked(repository, commit) {
			t.Fatalf("%s counts as looked up at %s", repository, commit)
		}
		if err := conf.Find(repository, commit, tree, known); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range conf.Stacks(repository) {
			got = append(got, s.Name)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if !conf.Looked(repository, commit) {
			t.Errorf("%s would be looked up at %s for ever", repository, commit)
		}
	}
	// After a start b is read first: what a had is a's still, until it was read.
	look("b", "1", full)
	if err := conf.GlobFault("b", "names"); err == nil || !strings.Contains(err.Error(), `net of "net" and of "net" in repository a`) {
		t.Errorf("told: %v", err)
	}
	look("a", "1", treeOf(t, "net/main.tf"), "net")
	look("b", "1", full, "own") // again, by itself: one of the names is free
	look("a", "2", treeOf(t, "x/main.tf"), "x")
	look("b", "1", full, "net", "own")
	if err := conf.GlobFault("b", "names"); err != nil {
		t.Errorf("told still: %v", err)
	}
}

// TestGlobThatMatchesNothing: that is said, with where on its way there is something, and not any more when it matches.
func TestGlobThatMatchesNothing(t *testing.T) {
	cfg := &config.Config{Repositories: []*config.Repository{{Name: "a"}}}
	for _, glob := range []string{"services/prod/*", "net", "x/**"} {
		cfg.StackGlobs = append(cfg.StackGlobs, &config.StackGlob{Glob: glob, Stack: config.Stack{Repository: "a"}})
	}
	conf := &active.Config{Cfg: cfg, Globs: map[string][]*config.Stack{}, Heads: map[string]string{}, Wrong: map[string][]*globs.Fault{}, Again: map[string]bool{}}
	look := func(commit string, known []*store.StackState, names ...string) string {
		t.Helper()
		if err := conf.Find("a", commit, treeOf(t, names...), known); err != nil {
			t.Fatal(err)
		}
		if err := conf.GlobFault("a", "globs"); err != nil {
			return err.Error()
		}
		return ""
	}
	want := "2 globs match no root module:\n" + `stacks "services/prod/*" (there is "services", and root modules such as services/jira)` + ";\n" +
		`stacks "x/**" (the repository has none on its way, and root modules such as net, services/jira)`
	if diff := cmp.Diff(want, look("1", nil, "services/jira/main.tf", "net/main.tf")); diff != "" {
		t.Error(diff)
	}
	if got := look("2", nil, "services/prod/a/main.tf", "net/main.tf", "x/main.tf"); got != "" {
		t.Errorf("told still: %s", got)
	}
	// A stack that left the branch is one of its glob's as long as its state is known.
	known := []*store.StackState{{Name: "net", Repository: "a", Dir: "net", AppliedCommit: "1"}}
	if got := look("3", known, "services/prod/a/main.tf", "x/main.tf"); got != "" {
		t.Errorf("a stack that left the branch: %s", got)
	}
}
