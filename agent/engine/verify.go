package engine

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"sallyport/agent/active"
	"sallyport/agent/config"
	"sallyport/agent/datadir"
	"sallyport/agent/ledger"
	"sallyport/agent/rundir"
	"sallyport/store"
)

// Verify before apply: a plan that was approved long ago is made again first. People approved what the plan does, and
// terraform's own check (has the state's serial changed?) does not see what moved outside of the state.
//
// A decision is about the plan that was shown. So the fresh plan takes the place of the shown one in one transaction, only if
// it does the same, and carries the shown one's digest with it: what is applied has the digest of its own file, which the
// runner checks, and the decisions that count are those about Plan.Shown. The files of the two lie in directories of their own;
// which one the run's plan is only the store says, so a crash at any moment leaves one plan whole with its own decisions.

// PlanAgain makes the run's plan once more, in the directory that the store does not name.
func (e *Engines) PlanAgain(ctx context.Context, conf *active.Config, run *store.Run, s *config.Stack) (*ledger.PlanResult, error) {
	tool, err := e.active.FindTool(ctx, conf, s.Tool)
	if err != nil {
		return nil, err
	}
	name := rundir.VerifyDirs[0]
	if run.Plan.Dir == name {
		name = rundir.VerifyDirs[1]
	}
	dir := filepath.Join(datadir.Run(conf.Cfg.DataDir, run.ID), name)
	if err := os.RemoveAll(dir); err != nil {
		return nil, fmt.Errorf("clearing what an earlier plan left: %w", err)
	}
	for _, d := range []string{dir, filepath.Join(dir, rundir.PlanDir), filepath.Join(dir, rundir.DataDir)} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, fmt.Errorf("making a directory for the plan: %w", err)
		}
	}
	result, err := e.planIn(ctx, conf, run, s, planPlace{dir: dir, name: name, tool: tool})
	if err != nil {
		return nil, err
	}
	result.Plan.Dir = name
	return result, nil
}
