package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The disk of the data directory is full: it is said, nothing is lost, and everything goes on when there is room again.
func TestDiskIsFull(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("a small file system of its own can only be mounted by root")
	}
	i, s := newInfra(t), newWorkspace(t)
	i.Commit("Add", map[string]string{"box/main.tf": thing("a", "one")})
	h := newHouse(t, i.box()+asking(s), slackEnv)
	if err := os.Mkdir(h.data(), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", h.data(), "tmpfs", 0, "size=48m,mode=0700"); err != nil {
		t.Skip("a small file system cannot be mounted here: ", err)
	}
	t.Cleanup(func() {
		h.kill()
		killBelow(h.dir)
		if err := syscall.Unmount(h.data(), syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	h.start()
	h.reaches("1", "planned")
	m := card(t, s, 1)

	ballast := h.data("ballast")
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
	if !strings.Contains(h.logged(), "no space left") {
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
