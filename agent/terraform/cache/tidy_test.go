package cache

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// What is kept of a stack that is gone goes, after its time; nothing else does.
func TestTidy(t *testing.T) {
	t.Parallel()
	c := New(filepath.Join(t.TempDir(), "cache"))
	for _, stack := range []string{"box", "gone"} {
		s := newInit(t, "")
		s.in.Stack = stack
		ok(t, s.begin(t.Context(), c))
	}
	stacks := filepath.Join(c.dir, "stacks")
	for _, half := range []string{filepath.Join(c.dir, ".old-1"), filepath.Join(stacks, ".new-1")} {
		ok(t, os.MkdirAll(half, 0o700))
	}
	// One of an agent that did not keep the stack's name.
	unnamed := filepath.Join(stacks, "unnamed")
	ok(t, os.MkdirAll(unnamed, 0o700))
	ok(t, os.WriteFile(filepath.Join(unnamed, keptMeta), []byte(`{"commit": "c"}`), 0o600))
	left := func() (names []string) {
		for _, dir := range []string{c.dir, stacks} {
			entries, err := os.ReadDir(dir)
			ok(t, err)
			for _, e := range entries {
				names = append(names, e.Name())
			}
		}
		slices.Sort(names)
		return names
	}
	known := func(stack string) bool { return stack == "box" }
	before := left()
	ok(t, c.Tidy(known, time.Now().Add(-time.Hour)))
	if got := left(); !slices.Equal(got, before) {
		t.Errorf("too soon: %v of %v are left", got, before)
	}
	ok(t, c.Tidy(known, time.Now().Add(time.Hour)))
	if got, want := left(), []string{"box", "cold.lock", "providers", "stacks", "unnamed"}; !slices.Equal(got, want) {
		t.Errorf("left are %v, want %v", got, want)
	}
	ok(t, New(filepath.Join(t.TempDir(), "none")).Tidy(known, time.Now()))
}
