package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"

	"sallyport/agent/active"
	"sallyport/agent/asuser"
	"sallyport/agent/config"
	"sallyport/agent/datadir"
	"sallyport/agent/hint"
	"sallyport/agent/lifecycle/ending"
	"sallyport/agent/locks"
	"sallyport/agent/rundir"
	"sallyport/agent/runner"
	"sallyport/agent/terraform/diag"
	"sallyport/agent/terraform/environ"
	"sallyport/agent/terraform/jsonlog"
	"sallyport/agent/terraform/varfile"
	"sallyport/store"
)

// Job is everything that the runner needs. The plan and the files beside it were made by the plan of this very run.
func (e *Engines) Job(conf *active.Config, run *store.Run, s *config.Stack, user *asuser.User) (runner.Job, error) {
	dir := rundir.PlanBase(conf.Cfg.DataDir, run)
	applyEnv := maps.Clone(s.ApplyEnv)
	var lent *runner.AWSRole
	if role := active.AwsApply(s, fmt.Sprint(run.ID)); role != nil {
		// In the place of the plan's: neither is ever in reach of the other phase.
		aws, err := role.Write(filepath.Join(dir, rundir.PlanDir), user)
		if err != nil {
			return runner.Job{}, err
		}
		if applyEnv == nil {
			applyEnv = aws
		}
		maps.Copy(applyEnv, aws)
		lent = &runner.AWSRole{AWS: *role, ExternalID: role.ExternalID.Reveal(), Dir: filepath.Join(dir, rundir.PlanDir)}
	}
	env, err := environ.ForApply(filepath.Join(dir, rundir.PlanDir), s.Env, applyEnv)
	if err != nil {
		return runner.Job{}, fmt.Errorf("reading the plan's environment: %w", err)
	}
	plan := filepath.Join(dir, rundir.PlanDir, "plan.tfplan")
	if _, err := os.Stat(plan); err != nil {
		return runner.Job{}, hint.Refuse("sallyport plan "+run.Stack, "the approved plan is gone from the run's directory: %v", err)
	}
	vars, err := applyVars(dir, run)
	if err != nil {
		return runner.Job{}, err
	}
	work, err := realDir(conf, s, run.Commit)
	if err != nil {
		return runner.Job{}, err
	}
	return runner.Job{
		Run: run.ID, Stack: run.Stack, Digest: run.Plan.Digest, Program: run.Plan.Program,
		Terraform: run.Plan.Binary, TerraformDigest: run.Plan.BinaryDigest, TerraformFile: conf.Tools.File(run.Plan), LockDigest: run.Plan.LockDigest,
		Dir: filepath.Join(dir, rundir.SourceDir, filepath.FromSlash(work)), PlanFile: plan, Env: env,
		VarFile: vars, VarDigest: run.Plan.VarsDigest, LockTimeout: s.LockTimeout, User: user, AWS: lent,
	}, nil
}

// applyVars is the file with the values of ephemeral variables that the run's plan was made with; empty if it was made with none. No
// other values may take their place: nobody has seen what the plan would be with them.
func applyVars(base string, run *store.Run) (string, error) {
	if run.Plan.VarsDigest == "" {
		return "", nil
	}
	file := filepath.Join(base, rundir.PlanDir, varfile.ForApply)
	if _, err := os.Stat(file); err != nil {
		return "", hint.Refuse("sallyport plan "+run.Stack, "the values of ephemeral variables, which terraform keeps out of plan files, are lost: %v", err)
	}
	return file, nil
}

// SilenceApplyVars makes the values of ephemeral variables secrets again when an agent starts: the applies that need them go on, or
// are still to come, and what they print is told. Without its values a run is not applied.
func (e *Engines) SilenceApplyVars() error {
	var open []*store.Run
	if err := e.store.View(func(tx *store.Tx) (err error) {
		open, err = tx.OpenRuns()
		return err
	}); err != nil {
		return err
	}
	for _, run := range open {
		if run.Plan == nil || run.Plan.VarsDigest == "" {
			continue
		}
		values, err := varfile.ReadForApply(filepath.Join(rundir.PlanBase(e.active.Cfg().DataDir, run), rundir.PlanDir))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			e.log.Error("making secrets of the values of ephemeral variables", "run", run.ID, "stack", run.Stack, "err", err)
		}
		e.health.SilenceValues(values)
	}
	return nil
}

// Seen is what was seen of an apply that lives no more, and what its files say.
func (e *Engines) Seen(run *store.Run, state runner.State, p jsonlog.Progress) ending.Facts {
	f := e.seen(run, state, p)
	f.Stale, f.LockLeft = diag.StalePlan(p.Diagnostics), diag.LockLeft(p.Diagnostics)
	f.LeftState = state.ErroredState
	f.LastSign = runner.LastSign(datadir.Run(e.active.Cfg().DataDir, run.ID))
	if r := state.Result; r != nil && run.Apply != nil {
		f.LockAdvice = e.health.Redact(diag.LockAdvice(p.Diagnostics, diag.Period{Began: run.Apply.StartedAt, Ended: r.EndedAt}))
	}
	if f.Speechless() {
		f.LastWords = e.lastWords(run.ID)
	}
	return f
}

// seen is what is seen of both, an apply and a build.
func (e *Engines) seen(run *store.Run, state runner.State, p jsonlog.Progress) ending.Facts {
	f := ending.Facts{
		Run: run, Started: state.TerraformStarted, Done: p.Done, Total: p.Total, Open: p.Open, Errors: e.errorsOf(p.Diagnostics), Now: e.now(),
		Checks: e.failedChecks(p.Diagnostics),
	}
	if r := state.Result; r != nil {
		f.Result = &ending.Result{Orphaned: r.Orphaned, Refused: r.Refused, Signal: r.Signal, ExitCode: r.ExitCode}
	}
	if f.Result == nil || f.Result.Orphaned {
		f.Runner = e.runnersWords(run.ID)
	}
	return f
}

// Verdict says how an apply ended. It changes nothing.
func (e *Engines) Verdict(f ending.Facts) ending.Ending { return ending.OfApply(f) }

// RecordLeftovers notes what an ended apply leaves behind, or may: a state that waits to be pushed, resources that may be half-made,
// the state lock.
func (e *Engines) RecordLeftovers(tx *store.Tx, f ending.Facts, to store.Status) error {
	st, err := tx.Stack(f.Run.Stack)
	if err != nil {
		return err
	}
	if to == store.Applied {
		st.Checks = f.Checks
	}
	left := f.Leaves(to)
	if left.State != "" {
		st.LeftState = left.State
	}
	if err := learnState(e.active.Cfg().DataDir, st, f.Run, e.active.Current.Load().Stack(f.Run.Stack)); err != nil {
		e.log.Warn("looking which state an apply has made; the next plan tells", "run", f.Run.ID, "stack", f.Run.Stack, "err", err)
	}
	if left.Unfinished {
		st.Unfinished = f.Run.ID
	}
	if u := left.Unseen; u != nil {
		locks.Unseen(st, *u, u.Until)
	}
	return tx.PutStack(st)
}
