package bench

import (
	"fmt"
	"testing"

	"sallyport/agent/control"
	"sallyport/agent/need"
	"sallyport/agent/repo/gittest"
	"sallyport/store"
)

// TestWorkIsLinear counts what ten and a hundred stacks cost: their first plans, a commit that changes all, and one that changes
// one. Ten times the stacks may need ten times the work; four times that is allowed, since the loop may look once more between
// two steps. What goes over all stacks once for each of them needs a hundred times. No time is measured.
func TestWorkIsLinear(t *testing.T) {
	need.Long(t, "hundreds of plans are recorded")
	few, many := workOf(t, 10), workOf(t, 100)
	for name, of := range map[string]func(counts) int64{
		"commits to the store":         func(c counts) int64 { return c.commits },
		"files read out of git":        func(c counts) int64 { return c.files },
		"questions to the mirror":      func(c counts) int64 { return c.mirror },
		"commits taken out for a plan": func(c counts) int64 { return c.checkouts },
		"plans":                        func(c counts) int64 { return c.plans },
	} {
		for i, phase := range []string{"first plans", "a commit that changes all", "a commit that changes one"} {
			a, b := of(few[i]), of(many[i])
			if a == 0 || b > 40*a {
				t.Errorf("%s, %s: %d with 10 stacks, %d with 100", phase, name, a, b)
			}
			t.Logf("%s, %s: %d, %d", phase, name, a, b)
		}
	}
	if got := many[2].plans; got != 1 {
		t.Errorf("a commit that changes one stack of a hundred led to %d plans", got)
	}
	if got := many[1].plans; got != 100 {
		t.Errorf("a commit that changes a hundred stacks led to %d plans", got)
	}
}

// workOf is the work of three phases with so many stacks.
func workOf(t *testing.T, stacks int) (phases [3]counts) {
	t.Helper()
	r := gittest.NewRepo(t, "", "infra")
	r.Commit("first", rootFiles(stacks, 0))
	// Runs share one directory for each commit: what a directory of their own costs is the same with however many stacks.
	h := newStubbed(t, r, "@every 1s", &work{trees: map[string]string{"": t.TempDir()}})
	defer h.stop()
	last := counts{}
	for i := range phases {
		switch i {
		case 1:
			h.next(rootFiles(stacks, 1))
		case 2:
			h.next(rootFiles(1, 2))
		}
		h.plannedAt(stacks, []int64{int64(stacks), 2 * int64(stacks), 2*int64(stacks) + 1}[i])
		now := h.work.now()
		phases[i], last = now.less(last), now
	}
	return phases
}

// next pushes a commit.
func (h *stubbed) next(files map[string]string) {
	h.repo.Commit(fmt.Sprintf("next %d", len(files)), files)
}

// plannedAt waits until all stacks are planned, so many plans were made in all, and everything was said.
func (h *stubbed) plannedAt(stacks int, plans int64) {
	h.tb.Helper()
	h.Eventually(fmt.Sprintf("%d plans of %d stacks are made", plans, stacks), func(s control.Status) bool {
		planned := 0
		for _, st := range s.Stacks {
			if st.Run != nil && st.Run.Status == store.Planned {
				planned++
			}
		}
		return planned == stacks && s.Outbox == 0 && h.work.plans.Load() >= plans
	})
}
