package housekeeping

import (
	"errors"
	"os"
	"path/filepath"

	"sallyport/agent/datadir"
	"sallyport/agent/fault"
	"sallyport/agent/rundir"
	"sallyport/agent/runner"
	"sallyport/store"
)

// Sweep removes the secrets of runs that have ended, once nothing works in their directories any more.
func (h *Housekeeper) Sweep() {
	for _, id := range h.ended.List() {
		run, err := h.ledger.RunOf(&store.Message{Run: id})
		if err != nil || h.work.Busy(id) != "" {
			continue
		}
		if run != nil && !run.Status.Terminal() {
			continue // its end is not committed yet, or was rolled back
		}
		h.tidy(id)
		if run != nil && run.Apply != nil {
			dir := datadir.Run(h.active.Cfg().DataDir, id)
			if state, err := runner.Attach(dir); err != nil || state.StillHeld || state.Phase == runner.Running {
				continue // an orphan of terraform's lives on; the raw log still grows
			}
			if err := h.engines.GiveBack(run); err != nil {
				h.log.Error("taking back what an apply had", "run", id, "stack", run.Stack, "err", err)
				continue
			}
			// The record says how it ended before the raw log, which says it too, is dropped.
			if err := errors.Join(runner.Clean(dir), rundir.EndRecord(dir, run)); err != nil {
				h.log.Warn("tidying up after an apply", "run", id, "err", err)
				continue
			}
			if err := rundir.DropRawLog(dir, h.health.Redact); err != nil {
				h.log.Warn("tidying up after an apply", "run", id, "err", err)
			}
			fault.Point("apply cleaned up")
		}
		h.ended.Remove(id)
	}
}

// tidy removes what a run that has ended leaves behind: the plan and the variables hold secrets in clear. The log of
// an apply, its result and a state that could not be written stay.
func (h *Housekeeper) tidy(run int) {
	dir := datadir.Run(h.active.Cfg().DataDir, run)
	state, err := runner.Attach(dir)
	if err != nil || state.StillHeld || state.Phase == runner.Running {
		return // something that terraform started lives on in there; the next start of the agent tidies up
	}
	if _, err := rundir.RescueState(dir, state.ErroredState); err != nil {
		h.log.Error("keeping a state that could not be saved", "run", run, "err", err)
		return // the directory stays as it is
	}
	for _, d := range []string{rundir.PlanDir, rundir.DataDir, rundir.SourceDir, rundir.HomeDir, rundir.VerifyDirs[0], rundir.VerifyDirs[1]} {
		if d == rundir.PlanDir {
			rundir.KeepPlanText(h.active.Cfg().DataDir, run)
		}
		fault.Point("tidying a run")
		if err := os.RemoveAll(filepath.Join(dir, d)); err != nil {
			h.log.Warn("removing a run's files", "run", run, "err", err)
		}
	}
}
