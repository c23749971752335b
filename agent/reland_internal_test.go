package agent

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/agent/config"
	"sallyport/agent/control"
	"sallyport/agent/journal"
	"sallyport/agent/lifecycle"
	"sallyport/agent/repo/gittest"
	"sallyport/store"
)

// followed is an agent that looks at a real repository when a test says so, and whose runs the test ends.
type followed struct {
	*Agent
	t   *testing.T
	git *gittest.Repo
}

func newFollowed(t *testing.T) *followed {
	t.Helper()
	dir := t.TempDir()
	f := &followed{t: t, git: gittest.NewRepo(t, dir, "infra.git")}
	file := filepath.Join(dir, "sallyport.hcl")
	text := fmt.Sprintf(`
data_dir = %q
repository "infra" {
  url      = "file://%s"
  branch   = "main"
  schedule = "@hourly"
}
stack "app" { dir = "app" }
stack "next" {
  dir        = "next"
  depends_on = ["app"]
}
`, filepath.Join(dir, "data"), f.git.Bare)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(file, config.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	f.Agent, err = New(Options{Config: cfg, Log: slog.New(slog.DiscardHandler), Executable: "/bin/true", Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	f.work.Start(context.Background())
	t.Cleanup(func() {
		f.work.Wait()
		f.active.Current.Load().Close()
		if err := f.store.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// push commits files of the stack; an empty text removes one. The agent does not look.
func (f *followed) push(text string) {
	f.t.Helper()
	f.git.Commit("change", map[string]string{"app/main.tf": text})
}

// look is one poll, and the pass after it.
func (f *followed) look() {
	f.t.Helper()
	conf := f.active.Current.Load()
	r := conf.Cfg.Repository("infra")
	if err := f.source.Poll(f.t.Context(), conf, r); err != nil {
		f.t.Fatal(err)
	}
	if err := f.triggers.Discover(f.t.Context(), conf, r); err != nil {
		f.t.Fatal(err)
	}
}

// of are the stack and its open run; nil if there is none.
func (f *followed) of(name string) (st *store.StackState, open *store.Run) {
	f.t.Helper()
	err := f.store.View(func(tx *store.Tx) (err error) {
		if st, err = tx.Stack(name); err == nil && st.OpenRun != 0 {
			open, err = tx.Run(st.OpenRun)
		}
		return err
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return st, open
}

// end moves the open run of a stack to its end, through all that lies between.
func (f *followed) end(name string, through ...store.Status) {
	f.t.Helper()
	conf := f.active.Current.Load()
	_, open := f.of(name)
	if open == nil {
		f.t.Fatalf("%s has no open run", name)
	}
	for _, to := range through {
		err := f.journal.Update(func(tx *journal.Tx) (err error) {
			open, err = f.ledger.Move(tx, conf, open, store.Move{From: open.Status, To: to}, func(r *store.Run) error {
				r.Plan = &store.Plan{Digest: "d", Add: 1}
				if to == store.Applying {
					r.Apply = &store.Apply{StartedAt: time.Now()}
				}
				return nil
			})
			return err
		})
		if err != nil {
			f.t.Fatal(err)
		}
	}
}

var (
	toApplying = []store.Status{store.Planning, store.Planned, store.Approved, store.Applying}
	toDenied   = []store.Status{store.Planning, store.Planned, store.Discarded}
)

// A commit that people or terraform said no to, taken back, and brought again: it is asked about again. The texts are what the
// stack's one file says at each commit after A, which is applied; "-" removes it, and what is not looked at is pushed together
// with the next.
func TestAskedAlready(t *testing.T) {
	t.Parallel()
	ends := map[string][]store.Status{
		"denied":    toDenied,
		"failed":    {store.Planning, store.Errored},
		"expired":   {store.Planning, store.Planned, store.Expired},
		"undecided": {store.Planning, store.Planned},
		"half done": append(toApplying[:4:4], store.Errored),
		"canceled":  append(toApplying[:4:4], store.Canceled),
		"lost":      append(toApplying[:4:4], store.Interrupted),
	}
	for _, test := range []struct {
		name string
		ends string // how the run of B ends, whichever it is if empty
		then string // a letter for each commit: the file's text; small: pushed, and not looked at
		runs string // for each head that is looked at, whether the stack has an open run then
	}{
		{"an unrelated commit asks nothing again", "denied", "UU", "--"},
		{"nor does one after a failure", "failed", "UU", "--"},
		{"nor one after half an apply", "half done", "UU", "--"},
		{"taken back and brought again", "denied", "AB", "-y"},
		{"with others in between", "denied", "AUBU", "--y-"},
		{"failed, taken back and brought again", "failed", "AB", "-y"},
		{"expired, taken back and brought again", "expired", "AB", "-y"},
		{"undecided, taken back and brought again", "undecided", "AB", "-y"},
		{"back and forth", "denied", "ABAB", "-y-y"},
		{"in one push", "denied", "aB", "y"},
		{"in one push after another", "denied", "UaBU", "-y-"},
		{"the directory went and came", "denied", "-B", "-y"},
		{"another change", "denied", "C", "y"},
		{"another change, and the one before again", "denied", "CB", "yy"},

		{"half an apply taken back", "half done", "A", "y"},
		{"half an apply taken back later", "half done", "UA", "-y"},
		{"half an apply taken back, which is denied and not asked again", "half done", "AU", "y-"},
		{"half an apply taken back and brought again", "half done", "AB", "yy"},
		{"half an apply taken back and brought again in one push", "half done", "aB", "y"},
		{"a canceled apply taken back", "canceled", "A", "y"},
		{"an apply whose end nobody saw, taken back", "lost", "A", "y"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFollowed(t)
			f.git.Commit("the other", map[string]string{"next/main.tf": "# next\n"})
			f.push("# A\n")
			f.look()
			f.end("app", append(toApplying[:4:4], store.Applied)...)
			f.push("# B\n")
			f.look()
			f.end("app", ends[test.ends]...)
			got := ""
			for i, c := range test.then {
				switch c {
				case 'U':
					f.git.Commit("a page", map[string]string{"README.md": fmt.Sprint(i)})
				case '-':
					f.push("")
				default:
					f.push("# " + strings.ToUpper(string(c)) + "\n")
				}
				if c == 'a' {
					continue
				}
				f.look()
				f.look() // what was looked at once says the same again
				_, open := f.of("app")
				if open == nil {
					got += "-"
					continue
				}
				got += "y"
				if head := f.git.Head(); open.Kind == store.KindCommit && open.Commit != head {
					t.Errorf("the run is of %s, the head is %s", open.Commit, head)
				}
				f.end("app", toDenied...)
			}
			if got != test.runs {
				t.Errorf("%q then: runs %q, want %q", test.then, got, test.runs)
			}
		})
	}
}

// What is denied while the branch has it, whichever commit the run was made for, is not asked again at once.
func TestDeniedWhileBroughtAgain(t *testing.T) {
	t.Parallel()
	f := newFollowed(t)
	f.git.Commit("the other", map[string]string{"next/main.tf": "# next\n"})
	f.push("# A\n")
	f.look()
	f.end("app", append(toApplying[:4:4], store.Applied)...)
	f.push("# B\n")
	f.look()
	f.push("# A\n")
	f.push("# B\n")
	f.look()
	f.end("app", toDenied...)
	f.look()
	if _, open := f.of("app"); open != nil {
		t.Errorf("#%d asks again", open.ID)
	}
}

// Until a run ends well, status says that the last apply did not, and what depends on the stack waits with that reason; when
// the branch took back what nobody applied, nothing waits for it.
func TestLastApplyDidNotEndWell(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		ends   []store.Status
		partly bool
		behind int // after the commit was taken back
	}{
		{"half done", append(toApplying[:4:4], store.Errored), true, 2},
		{"canceled", append(toApplying[:4:4], store.Canceled), true, 2},
		{"denied", toDenied, false, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFollowed(t)
			f.git.Commit("the other", map[string]string{"next/main.tf": "# next\n"})
			f.push("# A\n")
			f.look()
			f.end("app", append(toApplying[:4:4], store.Applied)...)
			f.push("# B\n")
			f.look()
			f.end("app", test.ends...)
			f.look()
			st, _ := f.of("app")
			_, waiting := f.of("next")
			conf := f.active.Current.Load()
			if facts, err := f.executor.Gather(conf, waiting.ID); err != nil || lifecycle.Next(facts).Rule != "upstream" {
				t.Errorf("before it is taken back next waits for nothing: %v", err)
			}
			if shown := control.StackOf(st, nil); (shown.Partly != nil) != test.partly {
				t.Errorf("status says %+v", shown.Partly)
			}
			f.push("# A\n")
			f.look()
			st, open := f.of("app")
			if st.Behind != test.behind {
				t.Errorf("it is %d behind, want %d", st.Behind, test.behind)
			}
			if test.partly {
				f.end("app", store.Planning, store.NoChanges)
				if open.Reason != "changed: app/main.tf" {
					t.Errorf("made since %q", open.Reason)
				}
			}
			f.look()
			if st, _ = f.of("app"); st.Partly != 0 || st.Behind != 0 {
				t.Errorf("it ended well: %+v", st)
			}
			if facts, err := f.executor.Gather(conf, waiting.ID); err != nil || lifecycle.Next(facts).Rule == "upstream" {
				t.Errorf("next waits: %+v, %v", lifecycle.Next(facts), err)
			}
		})
	}
}
