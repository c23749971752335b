package agent_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/agent/control"
	"sallyport/agent/datadir"
	"sallyport/store"
)

func TestUnusuallyLongApplyIsToldOnce(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	r := newRepository(t)
	gate := t.TempDir()
	r.commit("Add", map[string]string{"box/main.tf": slow(gate)})
	h := newHouse(t, box(r, `mention = ["U01JANE0"]`)+asking(s))
	now, skip := clock()
	up, skipUp := ticking()
	h.now, h.uptime = now, up
	both := func(d time.Duration) { skip(d); skipUp(d) }
	next := func(files map[string]string) {
		for _, name := range []string{"started", "go"} {
			_ = os.Remove(filepath.Join(gate, name))
		}
		r.commit("Again", files)
	}
	release := func() {
		if err := os.WriteFile(filepath.Join(gate, "go"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	again := func(name string) map[string]string {
		return map[string]string{"box/main.tf": strings.ReplaceAll(slow(gate), `"slow"`, `"`+name+`"`)}
	}
	h.start()
	h.Reaches("1", store.Planned)
	h.MustDecide("1", "approve destroy")
	h.waitFor(filepath.Join(gate, "started"))
	skip(10 * year) // the wall clock alone says nothing about how long it takes
	h.listened(s)   // whatever is written wakes the loop
	if run := h.Reaches("1", store.Applying); run.Held != "" {
		t.Errorf("a jump of the clock is taken for time: %s", run.Held)
	}
	skip(-10 * year)
	release()
	h.Reaches("1", store.Applied)
	h.stop()
	lasted(t, h, 1, 10*time.Minute)
	h.start()

	next(again("b"))
	h.Reaches("2", store.Planned)
	h.MustDecide("2", "approve destroy")
	h.waitFor(filepath.Join(gate, "started"))
	both(29 * time.Minute)
	h.Until("2", "seen at work", func(r control.Run) bool { return r.Apply != nil && r.Apply.Current == "terraform_data.b" })
	h.listened(s)
	if run := h.Reaches("2", store.Applying); run.Held != "" {
		t.Errorf("29 minutes are unusual after 10: %s", run.Held)
	}
	both(2 * time.Minute)
	h.listened(s)
	run := h.Until("2", "told to be long", func(r control.Run) bool { return r.Held != "" })
	for _, part := range []string{"31 minutes", "took 10 minutes at most", "it works on terraform_data.b", "sallyport cancel 2", "sallyport show 2 --log"} {
		if !strings.Contains(run.Held, part) {
			t.Errorf("%q is not in %q", part, run.Held)
		}
	}
	card := said(t, s, "", "#2")
	loud := said(t, s, card.TS, "has been running for")
	both(time.Hour)
	release()
	h.Reaches("2", store.Applied)
	h.Eventually("the outbox is empty", func(s control.Status) bool { return s.Outbox == 0 })
	told := 0
	for _, reply := range s.Thread(ops, card.TS) {
		if strings.Contains(reply.Text, "has been running for") {
			told++
		}
	}
	if told != 1 || !loud.Broadcast {
		t.Errorf("told %d times, in the channel: %v", told, loud.Broadcast)
	}
}

// lasted makes the apply of a run that has ended look as if it had taken so long.
func lasted(t *testing.T, h *house, run int, took time.Duration) {
	t.Helper()
	st, err := store.Open(store.Options{Path: datadir.Store(filepath.Join(h.Dir, "data"))})
	if err != nil {
		t.Fatal(err)
	}
	err = st.Update(func(tx *store.Tx) error {
		_, err := tx.ChangeRun(run, func(r *store.Run) error {
			r.Apply.StartedAt = r.Apply.EndedAt.Add(-took)
			return nil
		})
		return err
	})
	if err := errors.Join(err, st.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestApplyAlertOfAStack(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	gate := t.TempDir()
	r.commit("Add", map[string]string{"box/main.tf": slow(gate)})
	h := newHouse(t, box(r, `apply_alert = "1s"`)).start()
	h.Reaches("1", store.Planned)
	h.MustDecide("1", "approve")
	h.Until("1", "told to be long", func(r control.Run) bool { return strings.Contains(r.Held, "has been running for") })
	if err := os.WriteFile(filepath.Join(gate, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	h.Reaches("1", store.Applied)
}
