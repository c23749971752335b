package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"sallyport/agent/active"
	"sallyport/agent/config"
	"sallyport/agent/control"
	"sallyport/agent/datadir"
	"sallyport/agent/fault"
	"sallyport/agent/hostcommand"
	"sallyport/agent/rundir"
	"sallyport/agent/terraform"
	"sallyport/notify/words"
	"sallyport/store"
)

// Hooks are commands of the host's configuration, never of the repository.
//
// The three that come before something run at least once: whatever ends the agent while one runs, it runs again before
// anything else is done, so none is ever skipped. after_apply runs at most once: that it begins is written down before, and
// one whose end nobody saw is told and not repeated.

// The hooks.
const (
	beforePlan  = "before_plan"
	afterPlan   = "after_plan"
	BeforeApply = "before_apply"
	AfterApply  = "after_apply"
)

// planJSONFile is the plan in terraform's JSON, for after_plan. It holds secrets in clear, and lies there while the hook runs.
const planJSONFile = "plan.json"

// A HookError is a hook that did not end well.
type HookError struct {
	hook string
	text string
}

func (e *HookError) Error() string { return e.text }

// UserHint tells what to do about it.
func (e *HookError) UserHint() string {
	return fmt.Sprintf("mend what the %s hook complains of, or the hook, and plan again", e.hook)
}

// hooksOf are the hooks of one kind that a stack has: those of the whole configuration first.
func hooksOf(cfg *config.Config, s *config.Stack, name string) (blocks []*config.Hooks, commands [][]string) {
	var own *config.Hooks
	if s != nil {
		own = s.Hooks
	}
	for _, h := range []*config.Hooks{cfg.Hooks, own} {
		if h == nil {
			continue
		}
		words := map[string][]string{beforePlan: h.BeforePlan, afterPlan: h.AfterPlan, BeforeApply: h.BeforeApply, AfterApply: h.AfterApply}[name]
		if len(words) > 0 {
			blocks, commands = append(blocks, h), append(commands, words)
		}
	}
	return blocks, commands
}

// Hooked reports whether a stack has hooks of one kind.
func Hooked(conf *active.Config, s *config.Stack, name string) bool {
	blocks, _ := hooksOf(conf.Cfg, s, name)
	return len(blocks) > 0
}

// Hook runs the hooks of one kind in the run's directory. A failure is a *hookError with the end of what the command said.
func (e *Engines) Hook(ctx context.Context, conf *active.Config, s *config.Stack, run *store.Run, name string) error {
	blocks, commands := hooksOf(conf.Cfg, s, name)
	for i, h := range blocks {
		said, err := e.runHook(ctx, conf, s, run, name, h, commands[i])
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return &HookError{name, fmt.Sprintf("the %s hook %s failed: %v%s", name, commands[i][0], err, said.Shown(e.health.Redact))}
		}
	}
	return nil
}

func (e *Engines) runHook(ctx context.Context, conf *active.Config, s *config.Stack, run *store.Run, name string, h *config.Hooks, argv []string) (*hostcommand.Tail, error) {
	told, err := json.Marshal(control.RunOf(run))
	if err != nil {
		return &hostcommand.Tail{}, fmt.Errorf("telling it of the run: %w", err)
	}
	dir := datadir.Run(conf.Cfg.DataDir, run.ID)
	files := rundir.PlanBase(conf.Cfg.DataDir, run)
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + datadir.Home(conf.Cfg.DataDir),
		"SALLYPORT_HOOK=" + name, "SALLYPORT_RUN=" + strconv.Itoa(run.ID), "SALLYPORT_STACK=" + run.Stack,
		"SALLYPORT_REPOSITORY=" + run.Repository, "SALLYPORT_KIND=" + string(run.Kind), "SALLYPORT_STATUS=" + string(run.Status),
		"SALLYPORT_COMMIT=" + run.Commit, "SALLYPORT_RUN_DIR=" + dir,
	}
	if s != nil {
		env = append(env, "SALLYPORT_WORKSPACE="+s.Workspace, "SALLYPORT_DIR="+filepath.Join(files, rundir.SourceDir, filepath.FromSlash(s.Dir)))
	}
	if name == afterPlan {
		env = append(env, "SALLYPORT_PLAN_JSON="+filepath.Join(files, rundir.PlanDir, planJSONFile))
	}
	for key, value := range h.Env {
		env = append(env, key+"="+value.Reveal())
	}
	fault.Point("hook begins")
	e.log.Info("running a hook", "hook", name, "run", run.ID, "stack", run.Stack, "commit", words.Short(run.Commit))
	return hostcommand.Command{Words: argv, Dir: dir, Env: env, Stdin: bytes.NewReader(told), Timeout: h.Timeout}.Run(ctx)
}

// planBetweenHooks plans between the before_plan and after_plan hooks. What the second one sees is the agent's already.
func (e *Engines) planBetweenHooks(ctx context.Context, conf *active.Config, run *store.Run, s *config.Stack, place string, o terraform.PlanOptions, at *phase) (*terraform.PlanResult, error) {
	if err := e.Hook(ctx, conf, s, run, beforePlan); err != nil {
		return nil, err
	}
	if Hooked(conf, s, afterPlan) {
		o.JSONFile = filepath.Join(o.OutDir, planJSONFile)
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
		return nil, err
	}
	shown := *run
	result.Plan.Dir = place
	shown.Plan = &result.Plan
	return result, e.Hook(ctx, conf, s, &shown, afterPlan)
}
