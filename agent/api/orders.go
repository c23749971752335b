package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"sallyport/agent/archive"
	"sallyport/agent/control"
	"sallyport/agent/lifecycle/votes"
	"sallyport/agent/operator"
	"sallyport/agent/peercred"
	"sallyport/agent/terraform/diag"
	"sallyport/notify"
	"sallyport/store"
)

// lookOnly refuses what a command line without approvals may not do: it may look, pause and deny.
func (d Desktop) lookOnly() error {
	if d.active.Cfg().CLIApprovals {
		return nil
	}
	return control.LookOnly()
}

// inClear refuses to hand out states, which hold secrets, to whoever could not read them without the agent: being in the
// socket's group is for looking and deciding. The agent's own user has its files.
func inClear(c peercred.Caller) error {
	if c.UID == 0 || c.UID == os.Geteuid() {
		return nil
	}
	return control.Errorf(control.Refused, "this reads states in clear, with the secrets in them, and takes root").WithHint("use sudo")
}

// anyBackend refuses a backend of a person's own: its arguments name programs (credential_process, exec) and files of this machine, and
// it is asked with the credentials of the stack's plans.
func anyBackend(c peercred.Caller) error {
	if inClear(c) == nil {
		return nil
	}
	return control.Errorf(control.Refused, "a backend that is not the configuration's can run programs and read files of this machine, and takes root").WithHint("use sudo")
}

// Start implements control.Operator.
func (d Desktop) Start(ctx context.Context, r control.StartRequest) (control.StartResponse, error) {
	if err := d.lookOnly(); err != nil {
		return control.StartResponse{}, err
	}
	wish := operator.PlanWish{Commit: r.Commit, Replace: r.Replace, Targets: r.Targets, RefreshOnly: r.RefreshOnly, Destroy: r.Destroy, EmptyState: r.EmptyState, Vars: r.Vars, Images: r.Images}
	if r.PullRequest != 0 {
		run, err := d.operator.StartPreview(operator.WantedPreview{Stack: r.Stack, PullRequest: r.PullRequest, Commit: r.Commit, Wish: wish, By: r.By.By()})
		if err != nil {
			return control.StartResponse{}, crossing(err)
		}
		return control.StartResponse{Run: run.ID, Warnings: []string{}}, nil
	}
	if !r.Applied && r.Commit == "" {
		d.operator.Freshen(ctx, r.Stack)
	}
	run, warnings, err := d.operator.Start(operator.Request{
		Stack: r.Stack, Reason: r.Reason, By: r.By.By(), Applied: r.Applied,
		Wish: wish,
	})
	if err != nil {
		return control.StartResponse{}, crossing(err)
	}
	return control.StartResponse{Run: run.ID, Warnings: warnings}, nil
}

// Decide implements control.Operator.
func (d Desktop) Decide(_ context.Context, r control.DecideRequest) (control.DecideResponse, error) {
	run, err := d.find(r.Ref)
	if err != nil {
		return control.DecideResponse{}, err
	}
	words, ok, complaint := notify.ParseDecision(r.Words)
	if !ok {
		if complaint == "" {
			complaint = "the words are approve or deny"
		}
		return control.DecideResponse{}, control.Errorf(control.Usage, "%s", complaint)
	}
	if words.Verdict == store.Approve {
		if err := d.lookOnly(); err != nil {
			return control.DecideResponse{}, err
		}
	}
	text := r.Words
	if r.BreakGlass {
		if words.Verdict != store.Approve {
			return control.DecideResponse{}, control.Errorf(control.Usage, "only an approval breaks the glass")
		}
		text += " (break glass: " + r.Reason + ")"
	}
	v := votes.Vote{Run: run.ID, Words: words, By: r.By.By(), Text: text, At: d.now(), Digest: r.Digest, BreakGlass: r.BreakGlass, Reason: r.Reason}
	out, err := d.operator.Decide(v, nil)
	if err != nil {
		return control.DecideResponse{}, crossing(err)
	}
	of := fmt.Sprintf("\n  commit  %s\n  plan    %s", run.Commit, out.Run.Plan.Shown()) // whole, in 80 columns
	return control.DecideResponse{Run: control.RunOf(out.Run), Message: out.Message + of}, nil
}

// Cancel implements control.Operator.
func (d Desktop) Cancel(_ context.Context, r control.CancelRequest) (control.CancelResponse, error) {
	if err := d.lookOnly(); err != nil {
		return control.CancelResponse{}, err
	}
	run, err := d.find(r.Ref)
	if err != nil {
		return control.CancelResponse{}, err
	}
	out, text, err := d.operator.Cancel(run.ID, r.By.By())
	if err != nil {
		return control.CancelResponse{}, crossing(err)
	}
	return control.CancelResponse{Run: control.RunOf(out), Message: text}, nil
}

// Pause implements control.Operator.
func (d Desktop) Pause(_ context.Context, r control.PauseRequest) error {
	return crossing(d.operator.Pause(r.Stack, r.Reason, r.By.By()))
}

// Resume implements control.Operator.
func (d Desktop) Resume(_ context.Context, r control.ResumeRequest) (control.ResumeResponse, error) {
	if err := d.lookOnly(); err != nil {
		return control.ResumeResponse{}, err
	}
	was, err := d.operator.Unpause(r.Stack, r.By.By())
	return control.ResumeResponse(was), crossing(err)
}

// Accept implements control.Operator.
func (d Desktop) Accept(_ context.Context, r control.AcceptRequest) error {
	if err := d.lookOnly(); err != nil {
		return err
	}
	return crossing(d.operator.Accept(r.Repository, r.Commit, r.By.By()))
}

// Unlock implements control.Operator.
func (d Desktop) Unlock(ctx context.Context, r control.UnlockRequest) (control.RepairResponse, error) {
	if err := d.lookOnly(); err != nil {
		return control.RepairResponse{}, err
	}
	text, err := d.operator.Unlock(ctx, r.Stack, r.LockID, r.By.By())
	return control.RepairResponse{Message: text}, d.saidBy(err)
}

// PushState implements control.Operator.
func (d Desktop) PushState(ctx context.Context, r control.PushStateRequest) (control.RepairResponse, error) {
	if err := d.lookOnly(); err != nil {
		return control.RepairResponse{}, err
	}
	text, err := d.operator.PushState(ctx, r.Ref, r.By.By())
	return control.RepairResponse{Message: text}, d.saidBy(err)
}

// saidBy makes an error of terraform's fit for the socket, in its own words.
func (d Desktop) saidBy(err error) error {
	var failed *diag.Error
	if errors.As(err, &failed) {
		return control.Errorf(control.Refused, "%s", d.health.Redact(failed.Error())).WithHint("%s", failed.Hint)
	}
	return crossing(err)
}

// Backup implements control.Operator.
func (d Desktop) Backup(_ context.Context, r control.BackupRequest, w io.Writer) error {
	if err := errors.Join(d.lookOnly(), inClear(r.By)); err != nil {
		return err
	}
	return archive.Write(w, archive.Source{DataDir: d.active.Cfg().DataDir, Store: d.store})
}
