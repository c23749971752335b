package agent_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"sallyport/agent/need"
	"sallyport/store"
	"sallyport/store/disk"
)

// bytesOf adds up the files below a directory. An agent at work in it removes some meanwhile.
func bytesOf(t *testing.T, dir string) (sum int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		var info fs.FileInfo
		if err == nil && !e.IsDir() {
			if info, err = e.Info(); err == nil {
				sum += info.Size()
			}
		}
		return disk.IgnoreMissing(err)
	})
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// failing are hooks that end a run before terraform is started, while the file exists: what is forgotten need not be a plan.
func failing(file string) string {
	return "hooks {\n" + hook("before_plan", "test ! -e "+file) + "}\n"
}

// fails makes a run that ends in its hook.
func (h *house) fails() {
	h.t.Helper()
	h.Reaches(strconv.Itoa(h.plan("box", false)), store.Errored)
}

// Run after run is made and forgotten, and the data directory stops growing.
func TestDiskUseReachesAPlateau(t *testing.T) {
	t.Parallel()
	need.Long(t, "it plans for half a minute")
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	fail := filepath.Join(t.TempDir(), "fail")
	h := newHouse(t, box(r, failing(fail))+"retention {\n  runs = 20\n}\n").start()
	h.Reaches("1", store.Planned)
	h.MustDecide("1", "approve")
	h.Reaches("1", store.Applied)
	cycle := func() int64 {
		write(t, fail, "")
		for range 18 {
			h.fails()
		}
		if err := os.Remove(fail); err != nil {
			t.Fatal(err)
		}
		last := ""
		for range 7 {
			last = strconv.Itoa(h.plan("box", false))
			h.Reaches(last, store.NoChanges)
		}
		h.gone(filepath.Join(h.Dir, "data", "runs", last, "src")) // what a run had goes in the pass after its end
		if err := h.agent.Trim(context.Background(), time.Now()); err != nil {
			t.Fatal(err)
		}
		return bytesOf(t, filepath.Join(h.Dir, "data"))
	}
	first := cycle()
	// The store's file may take one more step of its growth, and the records get longer numbers.
	if second := cycle(); second > first+first/20 {
		t.Errorf("it grew from %d to %d bytes", first, second)
	}
	if entries, err := os.ReadDir(filepath.Join(h.Dir, "data", "runs")); err != nil || len(entries) > 21 {
		t.Errorf("%d directories of runs are left: %v", len(entries), err)
	}
	// What is applied is known, however old; the others say that they are gone.
	h.Reaches("1", store.Applied)
	if _, err := h.Client.Run(context.Background(), "5"); err == nil || !strings.Contains(err.Error(), "no longer kept") {
		t.Errorf("run #5: %v", err)
	}
}

// Files that nobody may remove keep their run.
func TestWhatIsNeededIsNotForgotten(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	fail := filepath.Join(t.TempDir(), "fail")
	h := newHouse(t, box(r, failing(fail))).start()
	h.Reaches("1", store.Planned)
	h.MustDecide("1", "deny")
	h.Reaches("1", store.Discarded)
	write(t, fail, "")
	for range 22 {
		h.fails()
	}
	runs := filepath.Join(h.Dir, "data", "runs")
	left := filepath.Join(runs, "2", "errored.tfstate")
	if err := os.MkdirAll(filepath.Dir(left), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(left, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-48 * time.Hour)
	// Directories without a run: nothing in it; an apply was claimed; the claim cannot be read; a state that nobody pushed.
	for dir, file := range map[string]string{"900": "log.txt", ".old-3": "log.txt", "901": "claim", "902": "claim/unreadable", "903": "errored.tfstate"} {
		file = filepath.Join(runs, dir, file)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		dir = filepath.Join(runs, dir)
		if err := os.Chtimes(dir, old, old); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.agent.Trim(context.Background(), time.Now().Add(200*24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	for run, want := range map[string]bool{"1": true, "2": true, "3": false, "4": true} {
		if _, err := h.Client.Run(context.Background(), run); (err == nil) != want {
			t.Errorf("run #%s is kept: %t, %v", run, !want, err)
		}
	}
	if _, err := os.Stat(left); err != nil {
		t.Error("a state that nobody pushed: ", err)
	}
	for _, kept := range []string{"901", "902", "903"} {
		if _, err := os.Stat(filepath.Join(runs, kept)); err != nil {
			t.Error("what may be the only trace of an apply: ", err)
		}
	}
	for _, gone := range []string{"3", "900", ".old-3"} {
		if _, err := os.Stat(filepath.Join(runs, gone)); err == nil {
			t.Errorf("%s is still there", gone)
		}
	}
}
