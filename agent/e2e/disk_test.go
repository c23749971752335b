package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sallyport/agent/need"
	"sallyport/agent/patience"
	"sallyport/agent/terraform/tftest"
)

// The disk of the data directory is full: it is said, nothing is lost, and everything goes on when there is room again.
func TestDiskIsFull(t *testing.T) {
	t.Parallel()
	i, s := newInfra(t), newWorkspace(t)
	i.Commit("Add", map[string]string{"box/main.tf": thing("a", "one")})
	h := newHouse(t, i.box()+asking(s), slackEnv)
	h.smallDisk()
	h.start()
	h.reaches("1", "planned")
	m := card(t, s, 1)

	ballast := h.Data("ballast")
	fill(t, ballast)
	s.Reply(jane, ops, m.TS, "approve")
	head := i.Commit("Change", map[string]string{"box/main.tf": thing("a", strings.Repeat("two", 3000))})
	h.sees("it is told", func(st status) bool {
		for _, p := range st.Problems {
			if strings.Contains(p.Error, "no space left") {
				return true
			}
		}
		return strings.Contains(st.Repositories[0].Error, "no space left")
	})
	if !strings.Contains(h.Logged(), "no space left") {
		t.Error("the log does not say it")
	}
	h.kill() // the worst moment
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	h.start()
	r := h.until("2", "planned", func(r run) bool { return r.Status == "planned" })
	if r.Commit != head {
		t.Errorf("the run: %+v", r)
	}
	s.Reply(jane, ops, card(t, s, 2).TS, "approve")
	h.reaches("2", "applied")
	if r := h.show("1"); r.Status != "superseded" && r.Status != "applied" {
		t.Errorf("the first run is %s", r.Status)
	}
}

// A decision that cannot be written down does not count, and who made it is told so. It counts when there is room. The
// reasons are long, since the store may well have pages to spare for short ones.
func TestDiskIsFullAtADecision(t *testing.T) {
	t.Parallel()
	i, s := newInfra(t), newWorkspace(t)
	i.Commit("Add", map[string]string{"box/main.tf": thing("a", "one")})
	h := newHouse(t, i.box()+asking(s), slackEnv)
	h.smallDisk()
	h.start()
	h.reaches("1", "planned")
	m := card(t, s, 1)
	h.sees("nothing is left to say", func(st status) bool { return st.Outbox == 0 })
	ballast := h.Data("ballast")
	fill(t, ballast)
	began := time.Now()
	s.Reply(jane, ops, m.TS, "deny "+strings.Repeat("\u6238", 39_000))
	replied(t, s, m.TS, "not recorded and does not count yet")
	h.refused(1, []string{"deny", "1", "--reason", strings.Repeat("no ", 20_000)}, "not recorded", "no space left", "hint: make room")
	h.sees("it is shown", func(st status) bool { return st.problem("disk") != nil })
	if took := time.Since(began); took > patience.Scaled(25*time.Second) {
		t.Errorf("it is shown after %s: as late as if nobody had met it", took)
	}
	if r := h.show("1"); r.Status != "planned" || len(r.Decisions) != 0 {
		t.Errorf("the run: %s, %d decisions", r.Status, len(r.Decisions))
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	r := h.reaches("1", "discarded")
	if len(r.Decisions) != 1 || r.Decisions[0].By != "slack:"+jane {
		t.Errorf("%d decisions, the first by %s", len(r.Decisions), r.Decisions[0].By)
	}
	if n := strings.Count(h.Logged(), "to=discarded"); n != 1 {
		t.Errorf("the log says %d times that the run is discarded, which happened once", n)
	}
	told := 0
	for _, m := range s.Thread(ops, m.TS) {
		told += strings.Count(m.Text, "not recorded")
	}
	if told != 1 {
		t.Errorf("told %d times", told)
	}
}

// The disk fills up while an apply runs. Its result waits beside the run and is taken when there is room.
func TestDiskIsFullDuringAnApply(t *testing.T) {
	t.Parallel()
	i, s, gate, b := newInfra(t), newWorkspace(t), t.TempDir(), tftest.NewBackend(t)
	i.Commit("Add", map[string]string{"box/main.tf": gated(gate), "box/backend.tf": b.Block()})
	h := newHouse(t, i.box()+asking(s), slackEnv)
	h.smallDisk()
	h.start()
	h.reaches("1", "planned")
	m := card(t, s, 1)
	s.Reply(jane, ops, m.TS, "approve")
	h.written(filepath.Join(gate, "ran"))
	ballast := h.Data("ballast")
	fill(t, ballast)
	open(t, gate)
	// Whether the store still has room for the end depends on the pages that it has to spare.
	eventually(t, "the end is stored, or cannot be", func() (bool, any) {
		st := h.status()
		return st.problem("store") != nil || h.show("1").Status == "applied", st
	})
	h.sees("it is shown", func(st status) bool { return st.problem("disk") != nil })
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	h.reaches("1", "applied")
	ranOnce(t, gate)
	replied(t, s, m.TS, "is applied")
	h.sees("all is well again", func(st status) bool { return st.problem("store") == nil && st.problem("disk") == nil && st.Outbox == 0 })
}

// smallDisk gives a house a data directory on a small file system of its own.
func (h *house) smallDisk() {
	t := h.t
	t.Helper()
	need.Root(t, "a small file system of its own can only be mounted by root")
	if err := os.Mkdir(h.Data(), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", h.Data(), "tmpfs", 0, "size=48m,mode=0700"); err != nil {
		need.Skip(t, "no small disk can be mounted", err.Error())
	}
	t.Cleanup(func() {
		h.kill()
		killBelow(h.Dir)
		if err := syscall.Unmount(h.Data(), syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

// fill writes a file until the file system has no room left.
func fill(t *testing.T, file string) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, size := range []int{1 << 20, 1 << 12, 1} {
		block := make([]byte, size)
		for range 1 << 16 {
			if _, err = f.Write(block); err != nil {
				break
			}
		}
	}
	if err == nil {
		t.Fatal(fmt.Sprint(filepath.Base(file), " does not fill the disk"))
	}
}
