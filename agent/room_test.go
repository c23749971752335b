package agent_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/agent/control"
	"sallyport/agent/housekeeping"
	"sallyport/agent/patience"
	"sallyport/store"
)

func TestNothingIsPlannedOrAppliedOnADiskThatIsNearlyFull(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, "")+asking(s))
	var free atomic.Uint64
	h.room = func(string) (housekeeping.Room, error) {
		return housekeeping.Room{Free: free.Load() << 20, Total: 10 << 30}, nil
	}
	free.Store(63)
	h.start()
	run := h.Until("1", "held", func(r control.Run) bool { return strings.Contains(r.Held, "63.0 MiB are free") })
	if run.Status != store.Pending || run.Hint == "" {
		t.Errorf("the run: %+v", run)
	}
	if p := problem(h.Eventually("", all), "disk"); p == nil || !strings.Contains(p.Hint, "make room") {
		t.Errorf("status shows %+v", p)
	}
	said(t, s, "", "Disk nearly full: only 63.0 MiB are free")
	free.Store(70) // more than the least, and not enough to be quiet for long
	h.listened(s)
	if run := h.Reaches("1", store.Pending); run.Held == "" {
		t.Error("it goes on at once")
	}
	free.Store(200)
	h.Reaches("1", store.Planned) // by itself
	said(t, s, "", "There is room")
	free.Store(10)
	h.MustDecide("1", "approve")
	h.Until("1", "waiting for room", func(r control.Run) bool {
		return r.Status == store.Approved && strings.Contains(r.Held, "waits for room")
	})
	said(t, s, "", "Disk nearly full: only 10.0 MiB are free") // before it is over: what was not sent yet then would be left out
	free.Store(200)
	h.Reaches("1", store.Applied)
	h.Eventually("nothing is wrong", func(s control.Status) bool { return problem(s, "disk") == nil && s.Outbox == 0 })
	if n := count(s, "Disk nearly full"); n != 2 {
		t.Errorf("told %d times", n)
	}
}

// A small file system is not full because it is small.
func TestSmallDisk(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, ""))
	h.room = func(string) (housekeeping.Room, error) {
		return housekeeping.Room{Free: 20 << 20, Total: 48 << 20}, nil
	}
	h.start()
	h.Reaches("1", store.Planned)
}

// Nothing wakes the agent when there is room again, so it looks by itself, and not only when it looks at everything.
func TestRoomIsLookedForWhileThereIsNone(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, ""))
	var free atomic.Uint64
	h.room = func(string) (housekeeping.Room, error) {
		return housekeeping.Room{Free: free.Load() << 20, Total: 10 << 30}, nil
	}
	free.Store(200)
	h.start()
	h.Reaches("1", store.Planned)
	free.Store(10)
	if err := h.Client.Pause(context.Background(), control.PauseRequest{Stack: "box"}); err != nil {
		t.Fatal(err)
	}
	h.Eventually("it is shown and told", func(s control.Status) bool { return problem(s, "disk") != nil && s.Outbox == 0 })
	began := time.Now()
	free.Store(200)
	h.Eventually("it is over", func(s control.Status) bool { return problem(s, "disk") == nil })
	if took := time.Since(began); took > patience.Scaled(20*time.Second) {
		t.Errorf("that there is room was noticed after %s", took)
	}
}
