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
	"sallyport/agent/fault"
	"sallyport/agent/hint"
	"sallyport/agent/locks"
	"sallyport/agent/rundir"
	"sallyport/agent/runner"
	"sallyport/agent/terraform"
	"sallyport/agent/terraform/diag"
	"sallyport/agent/terraform/environ"
	"sallyport/agent/terraform/jsonlog"
	"sallyport/notify/words"
	"sallyport/store"
)

// Job is everything that the runner needs. The plan and the files beside it were made by the plan of this very run.
func (a *Engines) Job(w *active.Config, run *store.Run, s *config.Stack, user *asuser.User) (runner.Job, error) {
	dir := rundir.PlanBase(w.Cfg.DataDir, run)
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
	work, err := realDir(w, s, run.Commit)
	if err != nil {
		return runner.Job{}, err
	}
	return runner.Job{
		Run: run.ID, Stack: run.Stack, Digest: run.Plan.Digest,
		Terraform: run.Plan.Binary, TerraformDigest: run.Plan.BinaryDigest, TerraformFile: w.Tools.File(run.Plan), LockDigest: run.Plan.LockDigest,
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
	file := filepath.Join(base, rundir.PlanDir, terraform.ApplyVarsFile)
	if _, err := os.Stat(file); err != nil {
		return "", hint.Refuse("sallyport plan "+run.Stack, "the values of ephemeral variables, which terraform keeps out of plan files, are lost: %v", err)
	}
	return file, nil
}

// SilenceApplyVars makes the values of ephemeral variables secrets again when an agent starts: the applies that need them go on, or
// are still to come, and what they print is told. Without its values a run is not applied.
func (a *Engines) SilenceApplyVars() error {
	var open []*store.Run
	if err := a.store.View(func(tx *store.Tx) (err error) {
		open, err = tx.OpenRuns()
		return err
	}); err != nil {
		return err
	}
	for _, run := range open {
		if run.Plan == nil || run.Plan.VarsDigest == "" {
			continue
		}
		values, err := terraform.ReadApplyVars(filepath.Join(rundir.PlanBase(a.active.Cfg().DataDir, run), rundir.PlanDir))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			a.log.Error("making secrets of the values of ephemeral variables", "run", run.ID, "stack", run.Stack, "err", err)
		}
		a.health.SilenceValues(values)
	}
	return nil
}

// Leaves notes what an ended apply leaves behind, or may: a state that waits to be pushed, resources that may be half-made,
// the state lock. Whether the lock is there only terraform can say, when it wants it the next time.
func (a *Engines) Leaves(tx *store.Tx, run *store.Run, state runner.State, p jsonlog.Progress, to store.Status) error {
	st, err := tx.Stack(run.Stack)
	if err != nil {
		return err
	}
	if state.ErroredState != "" {
		st.LeftState = state.ErroredState
	}
	if to == store.Interrupted && len(p.Open) > 0 {
		st.Unfinished = run.ID
	}
	lost := to == store.Interrupted && state.TerraformStarted
	if lost || state.ErroredState != "" || diag.LockLeft(p.Diagnostics) {
		u := store.Unseen{Run: run.ID, Apply: true}
		if run.Apply != nil {
			u.Who, u.From = run.Apply.Who, run.Apply.StartedAt
		}
		until := a.now()
		if sign := runner.LastSign(datadir.Run(a.active.Cfg().DataDir, run.ID)); state.Result == nil && !sign.IsZero() && sign.Before(until) {
			until = sign // what somebody else locked after its death, before we noticed, is not its own
		}
		locks.Unseen(st, u, until)
	}
	return tx.PutStack(st)
}

func (a *Engines) Verdict(run *store.Run, state runner.State, p jsonlog.Progress) Ending {
	end := a.verdictOf(run, state, p)
	if left := state.ErroredState; left != "" {
		end.Text += "\nThe state could not be written to its backend; it is kept in " + left
		push := fmt.Sprintf("bring the backend back, then: sallyport state push %d; nothing of the stack is planned before", run.ID)
		if end.To == store.Interrupted {
			push += ". Look at what was started and not completed"
		}
		end.Hint = push
	}
	return end
}

// afterInterrupted is what a person does about an apply whose end nobody saw.
const afterInterrupted = "look at what was started and not completed; a new plan is made, which also shows whether the state lock was left behind, " +
	"and nothing is repeated by itself"

// MendFirst begins the hint of an apply that failed by itself.
const MendFirst = "mend the cause, then: "

// SoFar says how far an apply had come.
func SoFar(run *store.Run, p jsonlog.Progress) string {
	text := fmt.Sprintf("%d of %d resources were reported done", p.Done, max(p.Total, len(run.Plan.Changes)))
	if len(p.Open) > 0 {
		text += "; started and not completed: " + words.List(p.Open, 20)
	}
	return text
}

func (a *Engines) verdictOf(run *store.Run, state runner.State, p jsonlog.Progress) Ending {
	result := state.Result
	switch {
	case result == nil && !state.TerraformStarted, result != nil && result.Orphaned:
		return Ending{To: store.Interrupted, Text: "the agent stopped between the decision to apply and the start; terraform was not seen to run" + a.runnersWords(run.ID)}
	case result == nil && fault.Without("end seen"):
		return Ending{To: store.Applied}
	case result == nil:
		return Ending{To: store.Interrupted, Text: "nobody saw the end of the apply: " + SoFar(run, p) + a.runnersWords(run.ID), Hint: afterInterrupted}
	case result.Refused != "":
		return Ending{To: store.Errored, Text: "the apply was refused and terraform did not run: " + result.Refused, Hint: "sallyport plan " + run.Stack}
	case result.Signal != "":
		return Ending{To: store.Interrupted, Text: fmt.Sprintf("terraform was killed (%s) in the middle of the apply: %s", result.Signal, SoFar(run, p)), Hint: afterInterrupted}
	case result.ExitCode == 0:
		return Ending{To: store.Applied}
	case diag.StalePlan(p.Diagnostics):
		return Ending{To: store.Stale, Text: "terraform: the saved plan is stale, the state was changed since"}
	}
	text, hint := a.errorsOf(p.Diagnostics), MendFirst+"sallyport plan "+run.Stack
	if text == "" {
		text = fmt.Sprintf("terraform ended with exit code %d%s", result.ExitCode, a.lastWords(run.ID))
		hint = fmt.Sprintf("see sallyport show %d --log; %s", run.ID, hint)
	}
	if run.Apply != nil {
		if advice := diag.LockAdvice(p.Diagnostics, diag.Period{Began: run.Apply.StartedAt, Ended: result.EndedAt}); advice != "" {
			hint = a.health.Redact(advice) + "; then: sallyport plan " + run.Stack
		}
	}
	return Ending{To: store.Errored, Text: a.health.Redact(text), Hint: hint}
}
