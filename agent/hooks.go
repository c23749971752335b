package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"sallyport/agent/config"
	"sallyport/agent/control"
	"sallyport/agent/datadir"
	"sallyport/agent/fault"
	"sallyport/agent/terraform"
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
	beforeApply = "before_apply"
	afterApply  = "after_apply"
)

// planJSONFile is the plan in terraform's JSON, for after_plan. It holds secrets in clear, and lies there while the hook runs.
const planJSONFile = "plan.json"

// A hookError is a hook that did not end well.
type hookError struct {
	hook string
	text string
}

func (e *hookError) Error() string { return e.text }

// UserHint tells what to do about it.
func (e *hookError) UserHint() string {
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
		words := map[string][]string{beforePlan: h.BeforePlan, afterPlan: h.AfterPlan, beforeApply: h.BeforeApply, afterApply: h.AfterApply}[name]
		if len(words) > 0 {
			blocks, commands = append(blocks, h), append(commands, words)
		}
	}
	return blocks, commands
}

// hooked reports whether a stack has hooks of one kind.
func hooked(w *world, s *config.Stack, name string) bool {
	blocks, _ := hooksOf(w.cfg, s, name)
	return len(blocks) > 0
}

// hook runs the hooks of one kind in the run's directory. A failure is a *hookError with the end of what the command said.
func (a *engines) hook(ctx context.Context, w *world, s *config.Stack, run *store.Run, name string) error {
	blocks, commands := hooksOf(w.cfg, s, name)
	for i, h := range blocks {
		said, err := a.runHook(ctx, w, s, run, name, h, commands[i])
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return &hookError{name, fmt.Sprintf("the %s hook %s failed: %v%s", name, commands[i][0], err, said.shown(a.redact))}
		}
	}
	return nil
}

func (a *engines) runHook(ctx context.Context, w *world, s *config.Stack, run *store.Run, name string, h *config.Hooks, words []string) (*tail, error) {
	told, err := json.Marshal(control.RunOf(run))
	if err != nil {
		return &tail{}, fmt.Errorf("telling it of the run: %w", err)
	}
	dir := datadir.Run(w.cfg.DataDir, run.ID)
	files := planBase(w.cfg.DataDir, run)
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + datadir.Home(w.cfg.DataDir),
		"SALLYPORT_HOOK=" + name, "SALLYPORT_RUN=" + strconv.Itoa(run.ID), "SALLYPORT_STACK=" + run.Stack,
		"SALLYPORT_REPOSITORY=" + run.Repository, "SALLYPORT_KIND=" + string(run.Kind), "SALLYPORT_STATUS=" + string(run.Status),
		"SALLYPORT_COMMIT=" + run.Commit, "SALLYPORT_RUN_DIR=" + dir,
	}
	if s != nil {
		env = append(env, "SALLYPORT_WORKSPACE="+s.Workspace, "SALLYPORT_DIR="+filepath.Join(files, sourceDir, filepath.FromSlash(s.Dir)))
	}
	if name == afterPlan {
		env = append(env, "SALLYPORT_PLAN_JSON="+filepath.Join(files, planDir, planJSONFile))
	}
	for key, value := range h.Env {
		env = append(env, key+"="+value.Reveal())
	}
	fault.Point("hook begins")
	a.log.Info("running a hook", "hook", name, "run", run.ID, "stack", run.Stack, "commit", short(run.Commit))
	return hostCommand{words: words, dir: dir, env: env, stdin: bytes.NewReader(told), timeout: h.Timeout}.run(ctx)
}

// planBetweenHooks plans between the before_plan and after_plan hooks. What the second one sees is the agent's already.
func (a *engines) planBetweenHooks(ctx context.Context, w *world, run *store.Run, s *config.Stack, place string, o terraform.PlanOptions, at *phase) (*terraform.PlanResult, error) {
	if err := a.hook(ctx, w, s, run, beforePlan); err != nil {
		return nil, err
	}
	if hooked(w, s, afterPlan) {
		o.JSONFile = filepath.Join(o.OutDir, planJSONFile)
		defer func() { _ = os.Remove(o.JSONFile) }() // also when the plan failed; a crash leaves it to the end of the run
	}
	result, err := terraform.Plan(ctx, o)
	if err == nil {
		err = at.settle()
	}
	if err != nil {
		return nil, err
	}
	shown := *run
	result.Plan.Dir = place
	shown.Plan = &result.Plan
	return result, a.hook(ctx, w, s, &shown, afterPlan)
}

// hookBeforeApply runs the before_apply hooks of an approved run, then makes the last checks once more: a hook can take
// minutes, and what was true before it may not be any more. A hook that fails ends the run.
func (a *executor) hookBeforeApply(ctx context.Context, w *world, run *store.Run, s *config.Stack) (held, hint string, ended bool, err error) {
	if !hooked(w, s, beforeApply) {
		return "", "", false, nil
	}
	if err := a.hold(run, "approved; the before_apply hook is running", ""); err != nil {
		return "", "", false, err
	}
	err = a.hook(ctx, w, s, run, beforeApply)
	var failed *hookError
	if errors.As(err, &failed) {
		text := "nothing was applied: " + a.redact(failed.Error())
		return "", "", true, a.moveNow(w, run, store.Move{From: store.Approved, To: store.Errored, Text: text}, func(r *store.Run) error {
			r.Error, r.Hint = text, failed.UserHint()
			return nil
		})
	}
	if err != nil {
		return "", "", false, err
	}
	held, hint, err = a.lastChecks(ctx, w, run, s)
	return held, hint, false, err
}

// afterKey is where it is kept which after_apply hooks are still to run.
const afterKey = "hooks/after_apply"

// owedHook is an after_apply hook that has not come to its end.
type owedHook struct {
	Run   int       `json:"run"`
	Began time.Time `json:"began,omitzero"`
}

// oweHook notes in the transaction that ends an apply that its after_apply hooks are still to run.
func (a *executor) oweHook(tx *store.Tx, w *world, run *store.Run) error {
	if !hooked(w, w.stack(run.Stack), afterApply) {
		return nil
	}
	var owed []owedHook
	if _, err := tx.Setting(afterKey, &owed); err != nil {
		return err
	}
	return tx.PutSetting(afterKey, append(owed, owedHook{Run: run.ID}))
}

// runOwedHooks starts the after_apply hooks of applies that have ended. One that had begun and is not at work any more was
// cut off with the agent: that is told, and it is not run a second time.
func (a *executor) runOwedHooks(w *world) error {
	var owed []owedHook
	if err := a.store.View(func(tx *store.Tx) error {
		_, err := tx.Setting(afterKey, &owed)
		return err
	}); err != nil {
		return err
	}
	for _, o := range owed {
		run, err := a.runOf(&store.Message{Run: o.Run})
		if err != nil {
			return err
		}
		switch {
		case run == nil || !hooked(w, w.stack(run.Stack), afterApply):
			err = a.settleHook(o.Run, "")
		case a.work.busy(run.ID) != "":
		case !o.Began.IsZero():
			err = a.settleHook(o.Run, "the agent was stopped while the after_apply hook ran; nobody saw its end, and it is not run a second time")
		default:
			a.work.do(run.ID, workHook, func(ctx context.Context) { a.hookAfterApply(ctx, w, run) })
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *executor) hookAfterApply(ctx context.Context, w *world, run *store.Run) {
	err := a.changeOwed(run.ID, func(owed []owedHook, i int) []owedHook {
		owed[i].Began = a.now().UTC()
		return owed
	}, nil)
	if err != nil {
		a.storeFault(err)
		return
	}
	err = a.hook(ctx, w, w.stack(run.Stack), run, afterApply)
	if ctx.Err() != nil {
		return // stopping: the next start tells that nobody saw its end
	}
	text := ""
	if err != nil {
		text = a.redact(err.Error())
		a.log.Warn("running a hook", "hook", afterApply, "run", run.ID, "stack", run.Stack, "err", text)
	}
	if err := a.settleHook(run.ID, text); err != nil {
		a.work.rest(run.ID)
		a.storeFault(err)
	}
}

// settleHook ends an after_apply hook; a text says what was wrong with it. The run itself stays what it is.
func (a *executor) settleHook(id int, text string) error {
	return a.changeOwed(id, func(owed []owedHook, i int) []owedHook { return slices.Delete(owed, i, i+1) }, func(tx *store.Tx) error {
		if text == "" {
			return nil
		}
		run, err := tx.ChangeRun(id, func(r *store.Run) error {
			r.Warnings = append(r.Warnings, text)
			return nil
		})
		if err != nil {
			return err
		}
		return a.refreshAnd(tx, run, afterApply, strings.ToUpper(text[:1])+text[1:]+".")
	})
}

// changeOwed changes what is kept of one after_apply hook, with what follows from it.
func (a *executor) changeOwed(run int, change func(owed []owedHook, i int) []owedHook, also func(*store.Tx) error) error {
	return a.update(func(tx *Tx) error {
		var owed []owedHook
		if _, err := tx.Setting(afterKey, &owed); err != nil {
			return err
		}
		i := slices.IndexFunc(owed, func(o owedHook) bool { return o.Run == run })
		if i < 0 {
			return nil
		}
		owed = change(owed, i)
		var value any
		if len(owed) > 0 {
			value = owed
		}
		if err := tx.PutSetting(afterKey, value); err != nil || also == nil {
			return err
		}
		return also(tx.Tx)
	})
}
