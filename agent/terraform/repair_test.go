package terraform

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/agent/need"
	"sallyport/agent/terraform/diag"
	"sallyport/agent/terraform/jsonlog"
	"sallyport/agent/terraform/tftest"
)

// lockID is as long as terraform's own: its texts wrap around it.
const lockID = "11604235-b2c3-23f3-ee02-24ec3fa7688f"

// behind gives files a backend.
func behind(b *tftest.Backend, text string) map[string]string {
	return map[string]string{"main.tf": text, "backend.tf": b.Block()}
}

func TestUnlock(t *testing.T) {
	t.Parallel()
	r, b := newRig(t), tftest.NewBackend(t)
	files := behind(b, `resource "terraform_data" "a" {}`)
	for _, id := range []string{"", "-force"} {
		if err := Unlock(t.Context(), r.options(files), id); err == nil {
			t.Errorf("%q was taken for an id", id)
		}
	}
	if err := Unlock(t.Context(), r.options(files), "abc"); !errors.Is(err, ErrNotLocked) {
		t.Errorf("nothing is locked: %v", err)
	}
	b.Lock(lockID)
	e := failure(t, t.Context(), r.options(files))
	if e.Lock == nil || e.Lock.ID != lockID || e.Lock.Who != "" || !e.Transient {
		t.Fatalf("the lock of a plan: %+v, transient %v; want the holder's id and nobody's name", e.Lock, e.Transient)
	}
	var other *OtherLockError
	if err := Unlock(t.Context(), r.options(files), lockID+"2"); !errors.As(err, &other) || other.Held.ID != lockID {
		t.Errorf("a wrong id: %v", err)
	}
	if b.LockID() != lockID {
		t.Fatal("a wrong id opened the lock")
	}
	if err := Unlock(t.Context(), r.options(files), lockID); err != nil {
		t.Fatal(err)
	}
	if id := b.LockID(); id != "" || b.State() != "" {
		t.Errorf("after unlocking: lock %q, state %q", id, b.State())
	}
	r.plan(r.options(files))
}

func TestPushState(t *testing.T) {
	t.Parallel()
	need.Long(t, "it plans many times, one after the other")
	r, b := newRig(t), tftest.NewBackend(t)
	files := behind(b, `resource "terraform_data" "a" { input = 1 }`)
	o := r.options(files)
	r.apply(o, r.plan(o))
	old := b.State()
	files["main.tf"] = `resource "terraform_data" "a" { input = 2 }`
	o = r.options(files)
	res := r.plan(o)
	b.RefuseState(true)
	if out, code := tftest.Try(t, o.WorkDir, res.Env, "apply", "-input=false", "-json", res.PlanFile); code == 0 {
		t.Fatalf("the backend refuses the state, and the apply ended well:\n%s", out)
	}
	left := filepath.Join(o.WorkDir, "errored.tfstate")
	var failed *diag.Error
	if err := PushState(t.Context(), r.options(files), left); !errors.As(err, &failed) || failed.StateMoved() {
		t.Errorf("the backend still refuses: %v", err)
	}
	b.RefuseState(false)
	b.Lock(lockID)
	if err := PushState(t.Context(), r.options(files), left); !errors.As(err, &failed) || failed.Lock == nil || failed.Lock.ID != lockID {
		t.Errorf("pushing to a locked state: %v", err)
	}
	b.Lock("")
	for range 2 { // a crash before the success was recorded must not make the second try fail
		if err := PushState(t.Context(), r.options(files), left); err != nil {
			t.Fatal(err)
		}
	}
	if res := r.plan(r.options(files)); !res.Plan.Empty {
		t.Errorf("the plan after the push is not empty: %+v", res.Plan.Changes)
	}
	stale := filepath.Join(t.TempDir(), "old.tfstate")
	tftest.Write(t, filepath.Dir(stale), map[string]string{"old.tfstate": old})
	if err := PushState(t.Context(), r.options(files), stale); !errors.As(err, &failed) || !failed.StateMoved() {
		t.Errorf("an older state: %v", err)
	}
}

// A lock that is left open at the end of an apply is told from every other error.
func TestLockLeft(t *testing.T) {
	t.Parallel()
	r, b := newRig(t), tftest.NewBackend(t)
	o := r.options(behind(b, `resource "terraform_data" "a" {}`))
	res := r.plan(o)
	b.RefuseUnlock(true)
	out, code := tftest.Try(t, o.WorkDir, res.Env, "apply", "-input=false", "-json", res.PlanFile)
	var p jsonlog.Progress
	for line := range strings.Lines(out) {
		p.Add([]byte(line))
	}
	if !diag.LockLeft(p.Diagnostics) || b.LockID() == "" {
		t.Errorf("exit code %d, and nobody says that the lock was left:\n%s", code, out)
	}
}
