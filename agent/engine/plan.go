package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/asuser"
	"sallyport/agent/config"
	"sallyport/agent/datadir"
	"sallyport/agent/engine/hook"
	"sallyport/agent/ledger"
	"sallyport/agent/lifecycle"
	"sallyport/agent/terraform"
	"sallyport/agent/terraform/binary"
	"sallyport/agent/terraform/cache"
	"sallyport/store"
)

// Plan checks out the run's commit into a new directory and lets terraform plan there.
func (e *Engines) Plan(ctx context.Context, conf *active.Config, run *store.Run, s *config.Stack) (*ledger.PlanResult, error) {
	found, err := e.active.FindTool(ctx, conf, s.Tool)
	if err != nil {
		return nil, err
	}
	dir, err := e.freshRunDir(run.ID)
	if err != nil {
		return nil, err
	}
	if run.Kind == store.KindPullRequest {
		if err := e.bringHead(ctx, conf, run); err != nil {
			return nil, err
		}
	}
	planned, err := e.planIn(ctx, conf, run, s, planPlace{dir: dir, tool: found})
	var misfit *cache.MisfitError
	if !errors.As(err, &misfit) || ctx.Err() != nil {
		return planned, err
	}
	// What the stack's last init brought does not fit, whatever that was: now it runs. In a fresh checkout, since code can have run in this one.
	if dir, err = e.freshRunDir(run.ID); err != nil {
		return nil, err
	}
	return e.planIn(ctx, conf, run, s, planPlace{dir: dir, tool: found})
}

// planPlace is where a plan is made, and with which terraform.
type planPlace struct {
	dir  string
	name string // of the directory, within the run's; empty for the run's itself
	tool binary.Tool
}

// planIn checks out the run's commit into an empty directory and lets terraform plan there.
func (e *Engines) planIn(ctx context.Context, conf *active.Config, run *store.Run, s *config.Stack, p planPlace) (planned *ledger.PlanResult, err error) {
	preview := run.Kind == store.KindPullRequest
	dirs := []string{p.dir}
	if p.name != "" {
		dirs = []string{datadir.Run(conf.Cfg.DataDir, run.ID), p.dir}
	}
	at, err := e.Begin(ctx, conf, asuser.Work{Name: fmt.Sprintf("the plan of #%d", run.ID), Alone: preview}, s, lifecycle.TakesLock(run, s), dirs...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, at.End()) }()
	o, err := e.checkout(ctx, conf, s, run.Commit, p.dir, at.User())
	if err != nil {
		return nil, err
	}
	if err := e.ledger.UsePlanOptions(run, &o); err != nil {
		return nil, err
	}
	uses, notes, err := e.ledger.UseImages(run, s, &o)
	if err != nil {
		return nil, err
	}
	o.Preview, o.Asked, o.KeepInit = preview, run.CreatedAt, !preview && p.name == ""
	o.Tool, o.PlanEnv, o.Timeout, o.AWS = p.tool, s.PlanEnv, s.PlanTimeout, active.AwsPlan(s, fmt.Sprint(run.ID))
	var missing []string
	if preview {
		missing = withhold(&o, s, conf.Cfg.Repository(s.Repository))
	}
	o.NoLock = !lifecycle.TakesLock(run, s)
	if o.LockTimeout, err = e.lockPatience(s); err != nil {
		return nil, err
	}
	result, said, err := e.planBetweenHooks(ctx, conf, run, s, p.name, o, at)
	if err != nil && len(missing) > 0 {
		err = lacking(err, missing, conf.Cfg.Repository(s.Repository))
	}
	if err != nil {
		return nil, err
	}
	if len(missing) > 0 {
		result.Warnings = append(result.Warnings, withheld(missing, conf.Cfg.Repository(s.Repository)))
	}
	if !preview {
		if result.Plan.Tree, err = at.digest(); err != nil {
			return nil, err
		}
	}
	return &ledger.PlanResult{Plan: result.Plan, Text: result.Text, Warnings: result.Warnings, Resources: result.Resources, Addresses: result.Addresses, Images: uses, Notes: notes, Said: said}, nil
}

// planBetweenHooks plans between the before_plan and after_plan hooks. What the second one sees is the agent's already.
func (e *Engines) planBetweenHooks(ctx context.Context, conf *active.Config, run *store.Run, s *config.Stack, place string, o terraform.PlanOptions, at *phase) (*terraform.PlanResult, []store.HookNote, error) {
	said, err := e.Hook(ctx, conf, s, run, hook.BeforePlan)
	if err != nil {
		return nil, nil, err
	}
	if hook.Any(conf, s, hook.AfterPlan) {
		o.JSONFile = filepath.Join(o.OutDir, hook.PlanJSONFile)
		defer func() { _ = os.Remove(o.JSONFile) }() // also when the plan failed; a crash leaves it to the end of the run
	}
	result, err := e.tf.Plan(ctx, o)
	if err == nil {
		err = at.settle()
	}
	if err == nil {
		err = e.ownState(s, result, stateWish{Another: run.Options.EmptyState, Preview: o.Preview})
	}
	if err != nil {
		return nil, nil, err
	}
	result.Plan.Dir = place
	said, err = e.hookAfterPlan(ctx, conf, run, s, &result.Plan, said)
	return result, said, err
}

// hookAfterPlan runs the hooks that look at a plan, and adds what they say to what was said before it.
func (e *Engines) hookAfterPlan(ctx context.Context, conf *active.Config, run *store.Run, s *config.Stack, plan *store.Plan, said []store.HookNote) ([]store.HookNote, error) {
	shown := *run
	shown.Plan = plan
	shown.Hear(said, hook.BeforePlan, hook.AfterPlan)
	more, err := e.Hook(ctx, conf, s, &shown, hook.AfterPlan)
	said = append(said, more...)
	var failed *hook.Error
	if errors.As(err, &failed) {
		failed.Said = said
	}
	return said, err
}

// lockPatience is how long a plan waits for the state lock: not at all for one that is known, or likely, to be left over.
func (e *Engines) lockPatience(s *config.Stack) (patience time.Duration, err error) {
	patience = s.LockTimeout
	err = e.store.View(func(tx *store.Tx) error {
		st, err := tx.Stack(s.Name)
		if err == nil && (st.LeftLock != nil || len(st.Unseen) > 0) {
			patience = 0
		}
		return err
	})
	return patience, err
}
