package agent

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sallyport/agent/asuser"
	"sallyport/agent/clock"
	"sallyport/agent/config"
	"sallyport/agent/datadir"
	"sallyport/agent/fault"
	"sallyport/agent/hint"
	"sallyport/agent/lifecycle"
	"sallyport/agent/runner"
	"sallyport/agent/terraform/diag"
	"sallyport/agent/terraform/environ"
	"sallyport/agent/terraform/jsonlog"
	"sallyport/notify/words"
	"sallyport/store"
)

// progressEvery is how often the card follows a running apply at most; Slack allows about one edit a second for the
// whole workspace.
const progressEvery = 5 * time.Second

// job is everything that the runner needs. The plan and the files beside it were made by the plan of this very run.
func (a *engines) job(w *world, run *store.Run, s *config.Stack, user *asuser.User) (runner.Job, error) {
	dir := planBase(w.cfg.DataDir, run)
	applyEnv := maps.Clone(s.ApplyEnv)
	var lent *runner.AWSRole
	if role := awsApply(s, fmt.Sprint(run.ID)); role != nil {
		// In the place of the plan's: neither is ever in reach of the other phase.
		aws, err := role.Write(filepath.Join(dir, planDir), user)
		if err != nil {
			return runner.Job{}, err
		}
		if applyEnv == nil {
			applyEnv = aws
		}
		maps.Copy(applyEnv, aws)
		lent = &runner.AWSRole{AWS: *role, ExternalID: role.ExternalID.Reveal(), Dir: filepath.Join(dir, planDir)}
	}
	env, err := environ.ForApply(filepath.Join(dir, planDir), s.Env, applyEnv)
	if err != nil {
		return runner.Job{}, fmt.Errorf("reading the plan's environment: %w", err)
	}
	plan := filepath.Join(dir, planDir, "plan.tfplan")
	if _, err := os.Stat(plan); err != nil {
		return runner.Job{}, hint.Refuse("sallyport plan "+run.Stack, "the approved plan is gone from the run's directory: %v", err)
	}
	work, err := realDir(w, s, run.Commit)
	if err != nil {
		return runner.Job{}, err
	}
	return runner.Job{
		Run: run.ID, Stack: run.Stack, Digest: run.Plan.Digest,
		Terraform: run.Plan.Binary, TerraformDigest: run.Plan.BinaryDigest, TerraformFile: w.tools.file(run.Plan), LockDigest: run.Plan.LockDigest,
		Dir: filepath.Join(dir, sourceDir, filepath.FromSlash(work)), PlanFile: plan, Env: env,
		LockTimeout: s.LockTimeout, User: user, AWS: lent,
	}, nil
}

// follow watches a runner until it ended, keeps the progress, and records the end.
func (a *executor) follow(ctx context.Context, w *world, run *store.Run) {
	last := time.Time{}
	var seen jsonlog.Progress
	state, err := runner.Follow(ctx, datadir.Run(w.cfg.DataDir, run.ID), func(p jsonlog.Progress) {
		seen = p.Redacted(a.redact)
		if now := a.now(); now.Sub(last) >= progressEvery {
			last = now
			if err := a.progress(run, seen); err != nil {
				a.storeFault(err)
			}
		}
	})
	if ctx.Err() != nil {
		return // stopping; the next agent follows it
	}
	if err != nil {
		a.log.Error("following an apply", "run", run.ID, "stack", run.Stack, "err", err)
		a.work.rest(run.ID)
		if err := a.hold(run, lifecycle.FollowFails+"it cannot be followed: "+a.redact(err.Error()), "it is tried again by itself; see the modes of "+datadir.Run(w.cfg.DataDir, run.ID)); err != nil {
			a.storeFault(err)
		}
		return // the loop starts following again, a little later
	}
	if err := a.finish(w, run, state, seen); err != nil && !errors.Is(err, store.ErrConflict) {
		a.work.rest(run.ID)
		a.storeFault(err)
		return
	}
	a.awaitRunner(ctx, run)
}

// awaitRunner gives the user of an ended apply back as soon as its runner is gone, which most often is at once. What an apply left
// running keeps it longer; see sweep.
func (a *executor) awaitRunner(ctx context.Context, run *store.Run) {
	if a.world.Load().pool == nil {
		return
	}
	for began := time.Now(); time.Since(began) < runnerExit && ctx.Err() == nil; clock.Sleep(ctx, exitLook, nil) {
		state, err := runner.Attach(datadir.Run(a.cfg().DataDir, run.ID))
		if err == nil && !state.StillHeld && state.Phase != runner.Running {
			if err := a.giveBack(run); err != nil {
				a.log.Error("taking back what an apply had", "run", run.ID, "stack", run.Stack, "err", err)
			}
			return
		}
	}
}

func (a *executor) progress(run *store.Run, p jsonlog.Progress) error {
	return a.update(func(tx *Tx) error {
		now, err := tx.ChangeRun(run.ID, func(r *store.Run) error {
			if r.Status == store.Applying && r.Apply != nil {
				r.Apply.Done, r.Apply.Current = p.Done, p.Current
				r.Apply.Total = max(p.Total, r.Apply.Total)
				if strings.HasPrefix(r.Held, lifecycle.FollowFails) && r.CancelBy == "" {
					r.Held, r.Hint, r.HeldAt = "", "", time.Time{} // it can again
				}
			}
			return nil
		})
		if err != nil || now.Status != store.Applying {
			return err
		}
		return a.refreshCard(tx.Tx, now)
	})
}

// finish records what terraform's exit code says; when nobody saw it, that nobody did.
func (a *executor) finish(w *world, run *store.Run, state runner.State, p jsonlog.Progress) error {
	dir := datadir.Run(w.cfg.DataDir, run.ID)
	left, err := rescueState(dir, state.ErroredState)
	if err != nil {
		return err
	}
	if left == "" && state.ErroredState != "" {
		a.log.Error("in the place of the state that an apply could not save lies something else: a link, a pipe, or what is too large", "run", run.ID, "stack", run.Stack, "path", state.ErroredState)
	}
	state.ErroredState = left
	if err := a.keepLog(dir); err != nil {
		a.log.Warn("keeping the log of an apply", "run", run.ID, "stack", run.Stack, "err", err)
	}
	on := a.engineOf(run.Engine)
	end := on.verdict(run, state, p)
	err = a.update(func(tx *Tx) error {
		before, err := tx.Run(run.ID)
		if err != nil {
			return err
		}
		if before.CancelBy != "" && (end.to == store.Errored || end.to == store.Stale) {
			end.to = store.Canceled
			end.text = fmt.Sprintf("canceled by %s in the middle of its apply, what was begun may be half-made: %s\n%s", before.CancelBy, soFar(before, p), end.text)
			end.hint = strings.TrimPrefix(end.hint, mendFirst) // what a person stopped is not broken
		}
		if err := on.leaves(tx.Tx, before, state, p, end.to); err != nil {
			return err
		}
		moved, err := a.move(tx, w, run, store.Move{From: store.Applying, To: end.to, Text: end.text}, func(r *store.Run) error {
			r.Error, r.Hint, r.Held = end.text, end.hint, ""
			if r.Apply == nil {
				r.Apply = &store.Apply{}
			}
			r.Apply.EndedAt, r.Apply.ExitCode = a.now().UTC(), -1
			r.Apply.Done, r.Apply.Total = p.Done, max(p.Total, r.Apply.Total)
			r.Apply.Outputs, r.Apply.Open, r.Apply.Current = p.Outputs, p.Open, ""
			r.Apply.LeftState, r.Artifacts = state.ErroredState, end.artifacts
			if state.Result != nil {
				r.Apply.ExitCode = state.Result.ExitCode
				r.Apply.EndedAt = state.Result.EndedAt.UTC()
			}
			return nil
		})
		if err != nil {
			return err
		}
		if err := errors.Join(a.doubtEnd(tx.Tx, run.ID), a.oweHook(tx.Tx, w, moved)); err != nil {
			return err
		}
		switch end.to {
		case store.Stale:
			return a.succeed(tx, w, moved, fmt.Sprintf("planned again after #%d: terraform says that the plan is stale", run.ID))
		case store.Interrupted:
			return a.succeed(tx, w, moved, fmt.Sprintf("nobody saw the end of #%d", run.ID))
		}
		return nil
	})
	if err != nil {
		return err
	}
	a.snapshotSoon()
	if end.to == store.Applied {
		a.keep(w.repos[run.Repository], run)
	}
	return nil
}

// leaves notes what an ended apply leaves behind, or may: a state that waits to be pushed, resources that may be half-made,
// the state lock. Whether the lock is there only terraform can say, when it wants it the next time.
func (a *engines) leaves(tx *store.Tx, run *store.Run, state runner.State, p jsonlog.Progress, to store.Status) error {
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
		if sign := runner.LastSign(datadir.Run(a.cfg().DataDir, run.ID)); state.Result == nil && !sign.IsZero() && sign.Before(until) {
			until = sign // what somebody else locked after its death, before we noticed, is not its own
		}
		unseen(st, u, until)
	}
	return tx.PutStack(st)
}

func (a *engines) verdict(run *store.Run, state runner.State, p jsonlog.Progress) ending {
	end := a.verdictOf(run, state, p)
	if left := state.ErroredState; left != "" {
		end.text += "\nThe state could not be written to its backend; it is kept in " + left
		push := fmt.Sprintf("bring the backend back, then: sallyport state push %d; nothing of the stack is planned before", run.ID)
		if end.to == store.Interrupted {
			push += ". Look at what was started and not completed"
		}
		end.hint = push
	}
	return end
}

// afterInterrupted is what a person does about an apply whose end nobody saw.
const afterInterrupted = "look at what was started and not completed; a new plan is made, which also shows whether the state lock was left behind, " +
	"and nothing is repeated by itself"

// mendFirst begins the hint of an apply that failed by itself.
const mendFirst = "mend the cause, then: "

// soFar says how far an apply had come.
func soFar(run *store.Run, p jsonlog.Progress) string {
	text := fmt.Sprintf("%d of %d resources were reported done", p.Done, max(p.Total, len(run.Plan.Changes)))
	if len(p.Open) > 0 {
		text += "; started and not completed: " + joinSome(p.Open, 20)
	}
	return text
}

func (a *engines) verdictOf(run *store.Run, state runner.State, p jsonlog.Progress) ending {
	result := state.Result
	switch {
	case result == nil && !state.TerraformStarted, result != nil && result.Orphaned:
		return ending{to: store.Interrupted, text: "the agent stopped between the decision to apply and the start; terraform was not seen to run" + a.runnersWords(run.ID)}
	case result == nil && fault.Without("end seen"):
		return ending{to: store.Applied}
	case result == nil:
		return ending{to: store.Interrupted, text: "nobody saw the end of the apply: " + soFar(run, p) + a.runnersWords(run.ID), hint: afterInterrupted}
	case result.Refused != "":
		return ending{to: store.Errored, text: "the apply was refused and terraform did not run: " + result.Refused, hint: "sallyport plan " + run.Stack}
	case result.Signal != "":
		return ending{to: store.Interrupted, text: fmt.Sprintf("terraform was killed (%s) in the middle of the apply: %s", result.Signal, soFar(run, p)), hint: afterInterrupted}
	case result.ExitCode == 0:
		return ending{to: store.Applied}
	case diag.StalePlan(p.Diagnostics):
		return ending{to: store.Stale, text: "terraform: the saved plan is stale, the state was changed since"}
	}
	text, hint := a.errorsOf(p.Diagnostics), mendFirst+"sallyport plan "+run.Stack
	if text == "" {
		text = fmt.Sprintf("terraform ended with exit code %d%s", result.ExitCode, a.lastWords(run.ID))
		hint = fmt.Sprintf("see sallyport show %d --log; %s", run.ID, hint)
	}
	if run.Apply != nil {
		if advice := diag.LockAdvice(p.Diagnostics, run.Apply.StartedAt); advice != "" {
			hint = a.redact(advice) + "; then: sallyport plan " + run.Stack
		}
	}
	return ending{to: store.Errored, text: a.redact(text), hint: hint}
}

// joinSome joins at most n strings and says how many more there are.
func joinSome(list []string, n int) string { return words.List(list, n) }

// takeFollow follows the runner, whoever started it.
func (a *executor) takeFollow(w *world, run *store.Run, step lifecycle.Step) (time.Duration, error) {
	dir := datadir.Run(w.cfg.DataDir, run.ID)
	if step.Interrupt {
		if err := runner.Interrupt(dir); err != nil {
			a.log.Warn("interrupting an apply", "run", run.ID, "stack", run.Stack, "err", err)
			if err := a.hold(run, lifecycle.FollowFails+"it cannot be interrupted: "+a.redact(err.Error()), "it is tried again by itself; see the modes of "+dir); err != nil {
				return workRest, err
			}
		}
	}
	if step.Start && !a.work.do(run.ID, workOn(run.Engine, workFollow), func(ctx context.Context) { a.follow(ctx, w, run) }) {
		return workRest, nil
	}
	if step.Long > 0 {
		return 0, a.tellLong(run, step.Long, step.Usual)
	}
	return step.Reason.Recheck, nil
}
