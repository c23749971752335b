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
	"sallyport/agent/terraform/binary"
)

// DriftPlan plans beside everything else: without the state lock, in a directory that goes away.
func (e *Engines) DriftPlan(ctx context.Context, conf *active.Config, s *config.Stack, commit string) (result *terraform.PlanResult, err error) {
	found, err := e.active.FindTool(ctx, conf, s.Tool)
	if err != nil {
		return nil, err
	}
	result, err = e.PlanAside(ctx, conf, s, Aside{
		Name: "the drift check of " + s.Name, Session: "drift", Dir: datadir.Drift(e.active.Cfg().DataDir, s.Name), Commit: commit, Tool: found,
	})
	if err != nil {
		return nil, err
	}
	return result, e.ownState(s, result, stateWish{})
}

// Aside is a plan that nothing comes of: it takes no state lock, and its directory goes away.
type Aside struct {
	Name    string // of the work, in the words of whoever waits for a user
	Session string // likewise, in AWS
	Dir     string // is emptied first
	Commit  string
	Tool    binary.Tool
	// Adjust changes what is planned, in the directory, before terraform starts; nil: nothing.
	Adjust func(o *terraform.PlanOptions) error
}

// PlanAside makes such a plan.
func (e *Engines) PlanAside(ctx context.Context, conf *active.Config, s *config.Stack, a Aside) (result *terraform.PlanResult, err error) {
	if err := e.emptyDir(a.Dir); err != nil {
		return nil, err
	}
	defer func() {
		if removed := os.RemoveAll(a.Dir); removed != nil && err == nil {
			err = fmt.Errorf("removing the directory of %s: %w", a.Name, removed)
		}
	}()
	at, err := e.Begin(ctx, conf, asuser.Work{Name: a.Name}, s, false, a.Dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, at.End()) }()
	o, err := e.checkout(ctx, conf, s, a.Commit, a.Dir, at.User())
	if err != nil {
		return nil, err
	}
	o.Tool, o.PlanEnv, o.Timeout, o.AWS = a.Tool, s.PlanEnv, s.PlanTimeout, active.AwsPlan(s, a.Session)
	o.NoLock = true
	if a.Adjust != nil {
		if err := a.Adjust(&o); err != nil {
			return nil, err
		}
	}
	return e.tf.Plan(ctx, o)
}

// DropAsideDirs removes what plans left that nothing comes of, and that a crash ended: they hold secrets in clear.
func DropAsideDirs(dataDir string) error {
	for _, pattern := range []string{datadir.Drifts(dataDir), datadir.Trials(dataDir)} {
		left, err := filepath.Glob(pattern)
		if err != nil {
			return fmt.Errorf("looking for what drift checks and trials left: %w", err)
		}
		for _, dir := range left {
			if err := os.RemoveAll(dir); err != nil {
				return fmt.Errorf("removing what a drift check or a trial left: %w", err)
			}
		}
	}
	return nil
}
