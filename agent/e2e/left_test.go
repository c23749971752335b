package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"sallyport/agent/terraform/tftest"
)

// What is killed leaves its state lock behind. A shell is enough to find out, and to clear the way.
func TestUnlockFromAShell(t *testing.T) {
	t.Parallel()
	b, gate := tftest.NewBackend(t), t.TempDir()
	i := newInfra(t)
	i.Commit("Add the box", map[string]string{"box/main.tf": gated(gate), "box/backend.tf": b.Block()})
	h := newHouse(t, i.box()).start()
	h.reaches("1", "planned")
	h.must("approve", "1")
	h.written(filepath.Join(gate, "ran"))
	h.kill()
	killApply(t, h.Data("runs", "1"))
	id := b.LockID()
	h.start()
	h.reaches("1", "interrupted")
	h.until("2", "held by the lock", func(r run) bool { return r.Status == "pending" && strings.Contains(r.Held, id) })
	for _, look := range [][]string{{"status"}, {"show", "1"}, {"show", "2"}} {
		if text := h.must(look...); !has(strings.Join(strings.Fields(text), " "), "sallyport unlock box "+id) {
			t.Errorf("sallyport %s does not say what to type:\n%s", look[0], text)
		}
	}
	h.refused(2, []string{"unlock", "box"}, "something is missing")
	h.refused(1, []string{"unlock", "box", "11604235-b2c3"}, "not 11604235-b2c3", "hint: ", id)
	i.down.Store(true) // the mirror and what is kept of providers and modules are enough
	if out := h.must("unlock", "box", id); !has(out, "is unlocked") {
		t.Errorf("unlock says %q", out)
	}
	i.down.Store(false)
	h.reaches("2", "planned")
	ranOnce(t, gate)
}

// The agent is killed while it plans, and terraform with it: the lock that stays is known for what it is.
func TestTheLockOfAPlanThatDiedWithItsAgent(t *testing.T) {
	t.Parallel()
	b, gate := tftest.NewBackend(t), t.TempDir()
	i := newInfra(t)
	// A plan of built-in resources is over at once; the wrapper stands still in the place of a long one, and the test takes
	// the lock that it would hold.
	i.Commit("Add the box", map[string]string{"box/main.tf": thing("node", "one"), "box/backend.tf": b.Block()})
	slow := wrapper(t, `case " $* " in *" plan "*) echo plan >> `+gate+`/ran; until [ -e `+gate+`/go ]; do sleep 0.05; done;; esac`)
	h := newHouse(t, i.box()+"terraform {\n  binary = \""+slow+"\"\n}\n").start()
	h.written(filepath.Join(gate, "ran"))
	b.Lock("11604235-b2c3")
	h.kill()
	open(t, gate)
	h.start()
	h.until("1", "held by the lock of the dead plan", func(r run) bool {
		return r.Status == "pending" && strings.Contains(r.Held, "11604235-b2c3") && strings.Contains(r.Held, "plan of #1")
	})
	h.must("unlock", "box", "11604235-b2c3")
	h.reaches("1", "planned")
}

func TestStatePushFromAShell(t *testing.T) {
	t.Parallel()
	b := tftest.NewBackend(t)
	i := newInfra(t)
	i.Commit("Add the box", map[string]string{"box/main.tf": thing("node", "one"), "box/backend.tf": b.Block()})
	h := newHouse(t, i.box()).start()
	h.reaches("1", "planned")
	b.RefuseState(true)
	h.must("approve", "1")
	h.reaches("1", "errored")
	h.must("plan", "box")
	h.until("2", "held by the state", func(r run) bool { return r.Status == "pending" && strings.Contains(r.Held, "errored.tfstate") })
	if text := h.must("status"); !has(text, "sallyport state push") {
		t.Errorf("status does not say what to type:\n%s", text)
	}
	h.refused(1, []string{"state", "push", "1"}, "403")
	b.RefuseState(false)
	if out := h.must("state", "push", "1"); !has(out, "is pushed") {
		t.Errorf("state push says %q", out)
	}
	h.reaches("2", "no_changes")
	h.refused(1, []string{"state", "push", "box"}, "no apply of box")
}
