// Package hook runs the hooks: commands of the host's configuration, never of the repository, around plans and applies.
//
// The three that come before something run at least once: whatever ends the agent while one runs, it runs again before
// anything else is done, so none is ever skipped. after_apply runs at most once: that it begins is written down before, and
// one whose end nobody saw is told and not repeated.
//
// A hook learns of the run from its standard input, the run as JSON, and from its environment, and speaks by what it prints. With exit
// code 0 that is a note on the run's card. Exit code 2 of after_plan, while people are still to decide, is a warning that the card leads
// with. Anything else refuses: a hook that did not come to its end, or that somebody else ended, has checked nothing. A line
// "sallyport: NAME=VALUE" is a fact, which stands on the card whatever becomes of the hook: a snapshot that was begun is there.
package hook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"sallyport/agent/active"
	"sallyport/agent/config"
	"sallyport/agent/control"
	"sallyport/agent/datadir"
	"sallyport/agent/fault"
	"sallyport/agent/hostcommand"
	"sallyport/agent/rundir"
	"sallyport/notify/words"
	"sallyport/store"
)

// The hooks.
const (
	BeforePlan  = "before_plan"
	AfterPlan   = "after_plan"
	BeforeApply = "before_apply"
	AfterApply  = "after_apply"
)

// PlanJSONFile is the plan in terraform's JSON, for after_plan. It holds secrets in clear, and lies there while the hook runs.
const PlanJSONFile = "plan.json"

// warned is the exit code by which after_plan warns.
const warned = 2

// An Error is a hook that did not end well.
type Error struct {
	Said []store.HookNote // by it and by those that ran before it

	hook string
	text string
}

func (e *Error) Error() string { return e.text }

// UserHint tells what to do about it.
func (e *Error) UserHint() string {
	return fmt.Sprintf("mend what the %s hook complains of, or the hook, and plan again", e.hook)
}

// of are the hooks of one kind that a stack has: those of the whole configuration first.
func of(cfg *config.Config, s *config.Stack, name string) (blocks []*config.Hooks, commands [][]string) {
	var own *config.Hooks
	if s != nil {
		own = s.Hooks
	}
	for _, h := range []*config.Hooks{cfg.Hooks, own} {
		if h == nil {
			continue
		}
		words := map[string][]string{BeforePlan: h.BeforePlan, AfterPlan: h.AfterPlan, BeforeApply: h.BeforeApply, AfterApply: h.AfterApply}[name]
		if len(words) > 0 {
			blocks, commands = append(blocks, h), append(commands, words)
		}
	}
	return blocks, commands
}

// Any reports whether a stack has hooks of one kind.
func Any(conf *active.Config, s *config.Stack, name string) bool {
	blocks, _ := of(conf.Cfg, s, name)
	return len(blocks) > 0
}

// Runner runs hooks.
type Runner struct{ o Options }

// Options are what hooks are run with.
type Options struct {
	Redact func(string) string // takes secrets and control characters out of a text
	Log    *slog.Logger
}

// New makes what runs hooks.
func New(o Options) *Runner { return &Runner{o} }

// Hook runs the hooks of one kind in the run's directory, and returns what they said. A failure is an *[Error] with the end of what the
// command said. What was said before ctx ended is returned as well.
func (r *Runner) Hook(ctx context.Context, conf *active.Config, s *config.Stack, run *store.Run, name string) (said []store.HookNote, err error) {
	blocks, commands := of(conf.Cfg, s, name)
	for i, h := range blocks {
		note := store.HookNote{Hook: name, Command: nameOf(commands[i])}
		heard := &facts{clean: r.o.Redact}
		printed, err := r.run(ctx, conf, s, run, name, h, commands[i], heard)
		heard.end()
		note.Facts = heard.said
		var exit *exec.ExitError
		note.Warns = name == AfterPlan && ctx.Err() == nil && errors.As(err, &exit) && exit.ExitCode() == warned && !errors.Is(err, hostcommand.ErrTooSlow)
		well := ctx.Err() == nil && (err == nil || note.Warns)
		if well {
			note.Text = textOf(printed.String(), heard)
		}
		if note.Warns || note.Text != "" || len(note.Facts) > 0 {
			said = append(said, note)
		}
		if ctx.Err() != nil {
			return said, ctx.Err()
		}
		if !well {
			return said, &Error{said, name, fmt.Sprintf("the %s hook %s failed: %v%s", name, commands[i][0], err, printed.Shown(r.o.Redact))}
		}
	}
	return said, nil
}

func (r *Runner) run(ctx context.Context, conf *active.Config, s *config.Stack, run *store.Run, name string, h *config.Hooks, argv []string, heard *facts) (*hostcommand.Tail, error) {
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
	if name == AfterPlan {
		env = append(env, "SALLYPORT_PLAN_JSON="+filepath.Join(files, rundir.PlanDir, PlanJSONFile))
	}
	for key, value := range h.Env {
		env = append(env, key+"="+value.Reveal())
	}
	fault.Point("hook begins")
	r.o.Log.Info("running a hook", "hook", name, "run", run.ID, "stack", run.Stack, "commit", words.Short(run.Commit))
	return hostcommand.Command{Words: argv, Dir: dir, Env: env, Stdin: bytes.NewReader(told), Hears: heard, Timeout: h.Timeout}.Run(ctx)
}
