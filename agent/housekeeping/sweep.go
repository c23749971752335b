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
func (a *Housekeeper) Sweep() {
	for _, id := range a.ended.List() {
		run, err := a.ledger.RunOf(&store.Message{Run: id})
		if err != nil || a.work.Busy(id) != "" {
			continue
		}
		if run != nil && !run.Status.Terminal() {
			continue // its end is not committed yet, or was rolled back
		}
		a.tidy(id)
		if run != nil && run.Apply != nil {
			dir := datadir.Run(a.active.Cfg().DataDir, id)
			if state, err := runner.Attach(dir); err != nil || state.StillHeld || state.Phase == runner.Running {
				continue // an orphan of terraform's lives on; the raw log still grows
			}
			if err := a.engines.GiveBack(run); err != nil {
				a.log.Error("taking back what an apply had", "run", id, "stack", run.Stack, "err", err)
				continue
			}
			// The record says how it ended before the raw log, which says it too, is dropped.
			if err := errors.Join(runner.Clean(dir), rundir.EndRecord(dir, run)); err != nil {
				a.log.Warn("tidying up after an apply", "run", id, "err", err)
				continue
			}
			if err := rundir.DropRawLog(dir, a.health.Redact); err != nil {
				a.log.Warn("tidying up after an apply", "run", id, "err", err)
			}
			fault.Point("apply cleaned up")
		}
		a.ended.Remove(id)
	}
}

// tidy removes what a run that has ended leaves behind: the plan and the variables hold secrets in clear. The log of
// an apply, its result and a state that could not be written stay.
func (a *Housekeeper) tidy(run int) {
	dir := datadir.Run(a.active.Cfg().DataDir, run)
	state, err := runner.Attach(dir)
	if err != nil || state.StillHeld || state.Phase == runner.Running {
		return // something that terraform started lives on in there; the next start of the agent tidies up
	}
	if _, err := rundir.RescueState(dir, state.ErroredState); err != nil {
		a.log.Error("keeping a state that could not be saved", "run", run, "err", err)
		return // the directory stays as it is
	}
	for _, d := range []string{rundir.PlanDir, rundir.DataDir, rundir.SourceDir, rundir.HomeDir, rundir.VerifyDirs[0], rundir.VerifyDirs[1]} {
		if d == rundir.PlanDir {
			rundir.KeepPlanText(a.active.Cfg().DataDir, run)
		}
		fault.Point("tidying a run")
		if err := os.RemoveAll(filepath.Join(dir, d)); err != nil {
			a.log.Warn("removing a run's files", "run", run, "err", err)
		}
	}
}
