package agent

import (
	"errors"
	"os"
	"path/filepath"
	"sync"

	"sallyport/agent/datadir"
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

func newEndedRuns() *endedRuns { return &endedRuns{runs: map[int]bool{}} }

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
func (a *housekeeper) sweep() {
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
			dir := datadir.Run(a.cfg().DataDir, id)
			if state, err := runner.Attach(dir); err != nil || state.StillHeld || state.Phase == runner.Running {
				continue // an orphan of terraform's lives on; the raw log still grows
			}
			if err := a.giveBack(run); err != nil {
				a.log.Error("taking back what an apply had", "run", id, "stack", run.Stack, "err", err)
				continue
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

// savedStateFile is where a state lies that terraform could not write to its backend, in the run's directory.
const savedStateFile = "errored.tfstate"

// rescueState brings such a state out of the checkout, which goes away. It returns where it is then; empty if there is none, or
// something else in its place.
func rescueState(dir, found string) (string, error) {
	if found == "" || found == filepath.Join(dir, savedStateFile) {
		return found, nil
	}
	to, err := runner.KeepState(dir, found)
	if err != nil {
		return "", err
	}
	fault.Point("state rescued")
	return to, nil
}

// tidy removes what a run that has ended leaves behind: the plan and the variables hold secrets in clear. The log of
// an apply, its result and a state that could not be written stay.
func (a *housekeeper) tidy(run int) {
	dir := datadir.Run(a.cfg().DataDir, run)
	state, err := runner.Attach(dir)
	if err != nil || state.StillHeld || state.Phase == runner.Running {
		return // something that terraform started lives on in there; the next start of the agent tidies up
	}
	if _, err := rescueState(dir, state.ErroredState); err != nil {
		a.log.Error("keeping a state that could not be saved", "run", run, "err", err)
		return // the directory stays as it is
	}
	for _, d := range []string{planDir, dataDir, sourceDir, homeDir, verifyDirs[0], verifyDirs[1]} {
		if d == planDir {
			keepPlanText(a.cfg().DataDir, run)
		}
		fault.Point("tidying a run")
		if err := os.RemoveAll(filepath.Join(dir, d)); err != nil {
			a.log.Warn("removing a run's files", "run", run, "err", err)
		}
	}
}
