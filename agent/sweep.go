package agent

import (
	"errors"
	"sync"

	"sallyport/agent/fault"
	"sallyport/agent/runner"
	"sallyport/store"
)

// endedRuns are runs whose end was written and whose files are still to be removed. A restart finds them by their
// directories; see dropLeftovers.
type endedRuns struct {
	mu   sync.Mutex
	runs map[int]bool
}

func (e *endedRuns) add(run int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.runs[run] = true
}

func (e *endedRuns) remove(run int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.runs, run)
}

func (e *endedRuns) list() []int {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []int
	for run := range e.runs {
		out = append(out, run)
	}
	return out
}

// sweep removes the secrets of runs that have ended, once nothing works in their directories any more.
func (a *Agent) sweep() {
	for _, id := range a.ended.list() {
		run, err := a.runOf(&store.Message{Run: id})
		if err != nil || a.work.busy(id) != "" {
			continue
		}
		if run != nil && !run.Status.Terminal() {
			continue // its end is not committed yet, or was rolled back
		}
		a.tidy(id)
		if run != nil && run.Apply != nil {
			dir := RunDir(a.cfg().DataDir, id)
			if state, err := runner.Attach(dir); err != nil || state.StillHeld || state.Phase == runner.Running {
				continue // an orphan of terraform's lives on; the raw log still grows
			}
			// The record says how it ended before the raw log, which says it too, is dropped.
			if err := errors.Join(runner.Clean(dir), endRecord(dir, run)); err != nil {
				a.log.Warn("tidying up after an apply", "run", id, "err", err)
				continue
			}
			if err := a.dropRawLog(dir); err != nil {
				a.log.Warn("tidying up after an apply", "run", id, "err", err)
			}
			fault.Point("apply cleaned up")
		}
		a.ended.remove(id)
	}
}
