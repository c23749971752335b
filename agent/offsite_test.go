package agent_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/agent/archive"
	"sallyport/agent/control"
	"sallyport/agent/patience"
	"sallyport/store"
)

func TestABackupLeavesTheMachine(t *testing.T) {
	t.Parallel()
	there := t.TempDir()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	var skip atomic.Int64
	h := newHouse(t, box(r, "")+fmt.Sprintf(`
backup {
  schedule = "@every 1h"
  command  = "cat > %[1]s/in && cmp %[1]s/in $SALLYPORT_BACKUP && echo $NAME >> %[1]s/times && mv %[1]s/in %[1]s/backup"
  env      = { NAME = "one" }
}
`, there))
	h.now = func() time.Time { return time.Now().Add(time.Duration(skip.Load())) }
	h.start()
	h.Reaches("1", store.Planned)
	sent := func(s control.Status) bool { return s.Agent.Backup != nil && s.Agent.Backup.At != nil }
	first := h.Eventually("a first backup is sent", sent)
	if b := first.Agent.Backup; b.Bytes < 100 || !b.Verified || b.Schedule != "@every 1h" || b.Error != "" {
		t.Errorf("the status: %+v", b)
	}
	// A restart sends none: it is not time yet. What was missed while the agent was down is made up for, once.
	h.stop()
	h.start()
	h.stop()
	skip.Store(int64(5 * time.Hour))
	h.start()
	h.Eventually("one more is sent", func(s control.Status) bool { return sent(s) && s.Agent.Backup.At.After(*first.Agent.Backup.At) })
	if times, err := os.ReadFile(filepath.Join(there, "times")); err != nil || string(times) != "one\none\n" {
		t.Errorf("the command ran %q: %v", times, err)
	}
	f, err := os.Open(filepath.Join(there, "backup"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	restored, err := archive.Restore(archive.RestoreOptions{DataDir: filepath.Join(t.TempDir(), "data"), Archive: f, By: "cli:jane"})
	if err != nil || len(restored.Ended) != 1 {
		t.Errorf("restoring it: %+v, %v", restored, err)
	}
	h.Eventually("nothing is left behind", func(control.Status) bool { return h.nothingIn("scratch") })
}

func TestABackupThatFailsIsTold(t *testing.T) {
	t.Parallel()
	there := t.TempDir()
	key := filepath.Join(there, "key")
	if err := os.WriteFile(key, []byte("canary-of-the-bucket"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	var skip atomic.Int64
	h := newHouse(t, box(r, "")+fmt.Sprintf(`
backup {
  schedule = "@daily"
  command  = ["/bin/sh", "-c", "test -e %[1]s/bucket && exit 0; echo no bucket for $KEY >&2; exit 7"]
  env      = { KEY = file(%[2]q) }
}
`, there, key))
	h.now = func() time.Time { return time.Now().Add(time.Duration(skip.Load())) }
	h.start()
	s := h.Eventually("it fails", func(s control.Status) bool { return s.Agent.Backup != nil && s.Agent.Backup.Error != "" })
	if text := s.Agent.Backup.Error; !strings.Contains(text, "no bucket for") || !strings.Contains(text, "exit status 7") || strings.Contains(text, "canary") {
		t.Errorf("the error: %q", text)
	}
	if told := h.told("backup leaves"); told != 0 {
		t.Errorf("told %d times after the first failure", told)
	}
	for n := 1; n <= 3; n++ {
		skip.Store(int64(n) * int64(20*time.Minute))
		h.Eventually("it is told once", func(control.Status) bool { return h.told("No backup leaves this machine") == 1 })
	}
	if err := os.WriteFile(filepath.Join(there, "bucket"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	skip.Store(int64(2 * time.Hour))
	h.Eventually("its end is told", func(s control.Status) bool {
		return s.Agent.Backup.Error == "" && s.Agent.Backup.At != nil && h.told("Backups are sent again") == 1
	})
	if told := h.told("No backup leaves this machine"); told != 1 {
		t.Errorf("told %d times", told)
	}
}

// A backup that a restore would trip over is not sent, so that the last good one is not replaced.
func TestABackupThatCannotBeReadBackIsNotSent(t *testing.T) {
	t.Parallel()
	there := t.TempDir()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, "")+fmt.Sprintf("backup {\n  schedule = \"@daily\"\n  command  = \"touch %s/sent\"\n}\n", there))
	copies := h.Data("states", "box")
	if err := os.MkdirAll(copies, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(copies, "00000001.tfstate.zst"), []byte("torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.start()
	s := h.Eventually("it is told", func(s control.Status) bool { return s.Agent.Backup != nil && s.Agent.Backup.Error != "" })
	if b := s.Agent.Backup; !strings.Contains(b.Error, "cannot be read back, and was not sent") || b.At != nil {
		t.Errorf("the status: %+v", b)
	}
	if _, err := os.Stat(filepath.Join(there, "sent")); err == nil {
		t.Error("it was sent")
	}
}

// A command that hangs, with a child that hangs too, ends at its time.
func TestABackupThatHangsIsEnded(t *testing.T) {
	t.Parallel()
	there := t.TempDir()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	timeout := patience.Scaled(time.Second).Truncate(time.Second) // in which a shell has to say what it has started
	h := newHouse(t, box(r, "")+fmt.Sprintf(`
backup {
  schedule = "@daily"
  timeout  = "%[2]s"
  command  = "sleep 600 & echo $! > %[1]s/child; wait"
}
`, there, timeout)).start()
	s := h.Eventually("it is ended", func(s control.Status) bool { return s.Agent.Backup != nil && s.Agent.Backup.Error != "" })
	if !strings.Contains(s.Agent.Backup.Error, "did not end within "+timeout.String()) {
		t.Errorf("the error: %q", s.Agent.Backup.Error)
	}
	child, err := os.ReadFile(filepath.Join(there, "child"))
	if err != nil {
		t.Fatal(err)
	}
	h.Eventually("its child has ended", func(control.Status) bool {
		_, err := os.Stat("/proc/" + strings.TrimSpace(string(child)) + "/exe")
		return err != nil
	})
}

// told counts the notices that hold a text.
func (h *house) told(text string) (n int) {
	for _, notice := range h.Told() {
		if strings.Contains(notice, text) {
			n++
		}
	}
	return n
}
