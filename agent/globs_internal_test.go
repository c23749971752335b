package agent

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"sallyport/agent/config"
	"sallyport/store"
)

// TestNamesOfTwoRepositories: a stack is known by its name alone, so one of another repository never gets its history.
func TestNamesOfTwoRepositories(t *testing.T) {
	cfg := &config.Config{Repositories: []*config.Repository{{Name: "a"}, {Name: "b"}}}
	for _, r := range cfg.Repositories {
		cfg.StackGlobs = append(cfg.StackGlobs, &config.StackGlob{Glob: "*", Stack: config.Stack{Repository: r.Name}})
	}
	full := fstest.MapFS{"net/main.tf": {}, "own/main.tf": {}}
	w := &world{cfg: cfg, globs: map[string][]*config.Stack{}, heads: map[string]string{}, wrong: map[string][]*config.GlobFault{}, again: map[string]bool{}}
	known := []*store.StackState{{Name: "net", Repository: "a", Dir: "net"}, {Name: "own", Repository: "a", Dir: "own"}}
	look := func(repository, commit string, tree fstest.MapFS, want ...string) {
		t.Helper()
		if w.looked(repository, commit) {
			t.Fatalf("%s counts as looked up at %s", repository, commit)
		}
		if err := w.find(repository, commit, tree, known); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range w.stacks(repository) {
			got = append(got, s.Name)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if !w.looked(repository, commit) {
			t.Errorf("%s would be looked up at %s for ever", repository, commit)
		}
	}
	// After a start b is read first: what a had is a's still, until it was read.
	look("b", "1", full)
	if err := w.globFault("b", "names"); err == nil || !strings.Contains(err.Error(), `net of "net" and of "net" in repository a`) {
		t.Errorf("told: %v", err)
	}
	look("a", "1", fstest.MapFS{"net/main.tf": {}}, "net")
	look("b", "1", full, "own") // again, by itself: one of the names is free
	look("a", "2", fstest.MapFS{"x/main.tf": {}}, "x")
	look("b", "1", full, "net", "own")
	if err := w.globFault("b", "names"); err != nil {
		t.Errorf("told still: %v", err)
	}
}

func TestStackFaults(t *testing.T) {
	broken := errors.New("object not found")
	var f stackFaults
	if err := f.of("comparing"); err != nil {
		t.Fatal(err)
	}
	f.add("one", errors.New("something else"))
	for i := range 1468 {
		f.add(fmt.Sprintf("s%d", i), broken)
	}
	for i := range 1468 {
		f.add(fmt.Sprintf("t%d", i), fmt.Errorf("reading t%d", i))
	}
	err := f.of("comparing")
	want := "comparing stack one: something else\n" +
		"comparing 1468 stacks (s0, s1, s2 and 1465 more): object not found\n" +
		"comparing stack t0: reading t0\n" +
		"comparing 1467 stacks more failed for other reasons"
	if diff := cmp.Diff(want, err.Error()); diff != "" || !errors.Is(err, broken) {
		t.Error(diff)
	}
}
