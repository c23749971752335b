package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"sallyport/agent/active"
	"sallyport/agent/asuser"
	"sallyport/agent/config"
	"sallyport/agent/datadir"
	"sallyport/agent/terraform"
)

// DriftPlan plans beside everything else: without the state lock, in a directory that goes away.
func (e *Engines) DriftPlan(ctx context.Context, conf *active.Config, s *config.Stack, commit string) (result *terraform.PlanResult, err error) {
	found, err := e.active.FindTool(ctx, conf, s.Tool)
	if err != nil {
		return nil, err
	}
	dir := datadir.Drift(e.active.Cfg().DataDir, s.Name)
	if err := e.emptyDir(dir); err != nil {
		return nil, err
	}
	defer func() {
		if removed := os.RemoveAll(dir); removed != nil && err == nil {
			err = fmt.Errorf("removing the directory of a drift check: %w", removed)
		}
	}()
	at, err := e.Begin(ctx, conf, asuser.Work{Name: "the drift check of " + s.Name}, s, false, dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, at.End()) }()
	o, err := e.checkout(ctx, conf, s, commit, dir, at.User())
	if err != nil {
		return nil, err
	}
	o.Tool, o.PlanEnv, o.Timeout, o.AWS = found, s.PlanEnv, s.PlanTimeout, active.AwsPlan(s, "drift")
	o.NoLock = true
	if result, err = e.tf.Plan(ctx, o); err != nil {
		return nil, err
	}
	return result, e.ownState(s, result, stateWish{})
}

// DropDriftDirs removes what checks left that a crash ended: plans hold secrets in clear.
func DropDriftDirs(dataDir string) error {
	left, err := filepath.Glob(datadir.Drifts(dataDir))
	if err != nil {
		return fmt.Errorf("looking for what drift checks left: %w", err)
	}
	for _, dir := range left {
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("removing what a drift check left: %w", err)
		}
	}
	return nil
}
