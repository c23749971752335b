package cli

import (
	"errors"
	"time"

	"sallyport/notify/people"
	"sallyport/store"
)

// move moves a run from wherever it is, with what belongs to the new status.
func move(tx *store.Tx, id int, to store.Status) error {
	r, err := tx.Run(id)
	if err != nil {
		return err
	}
	_, err = tx.Transition(id, store.Move{From: r.Status, To: to}, func(r *store.Run) error {
		switch to {
		case store.Planned:
			r.Plan = &store.Plan{Digest: "d1", Add: 1, Changes: []store.Change{
				{Address: "null_resource.web", Actions: []string{"create"}, Class: store.ClassConfig},
			}}
		case store.Applying:
			r.Apply = &store.Apply{StartedAt: clock(), Done: 1, Total: 3, Current: "null_resource.web"}
		case store.Errored:
			r.Error, r.Hint = "no such key\nat main.tf line 3", "mend main.tf"
		}
		return nil
	})
	return err
}

// seed makes a world: ghe waits for a person with a dangerous plan, net was applied and is paused, old went wrong.
func seed(tx *store.Tx) error {
	const text = "Terraform will perform the following actions:\n\n" +
		"  # aws_instance.ghe must be replaced\n-/+ resource \"aws_instance\" \"ghe\" {\n      ~ ami = \"a\" -> \"b\" # forces replacement\n    }\n\n" +
		"Plan: 1 to add, 0 to change, 1 to destroy.\n"
	ghe := &store.Run{
		Stack: "ghe", Repository: "infra", Kind: store.KindCommit, Commit: "0123456789abcdef0123456789abcdef01234567",
		Author: "Jane Doe", Subject: "Bigger disk\x1b[31m for everybody", Position: "with 2 commits that were not applied yet",
	}
	err := errors.Join(
		tx.CreateRun(ghe), move(tx, 1, store.Planning), move(tx, 1, store.Planned),
		tx.PutPlanText(1, text),
		tx.PutRepository(&store.RepositoryState{
			Name: "infra", URL: "ssh://git@ghe/ops/infra.git", Branch: "main", Head: ghe.Commit, PolledAt: before(time.Minute),
			Error: "connecting: no route to host", ErrorAt: before(5 * time.Minute),
		}),
	)
	if err != nil {
		return err
	}
	_, err = tx.ChangeRun(1, func(r *store.Run) error {
		r.PlannedAt, r.ExpiresAt = before(4*time.Minute), clock().Add(20*time.Hour)
		r.Warnings = []string{"there is no .terraform.lock.hcl"}
		r.Plan = &store.Plan{Digest: "d1", Add: 2, Destroy: 1, Version: "1.11.4", Changes: []store.Change{
			{Address: "aws_instance.ghe", Actions: []string{"delete", "create"}, Class: store.ClassConfig},
			{Address: "aws_ebs_volume.data", Actions: []string{"create"}, Class: store.ClassRecreate, Protected: true},
		}, Outputs: []store.Output{{Name: "ip", Actions: []string{"update"}}}}
		r.HookNotes = []store.HookNote{
			{Hook: "after_plan", Command: "cost", Text: "12 USD a month", Facts: []store.HookFact{{Name: "monthly_cost", Value: "12 USD"}}},
			{Hook: "after_plan", Command: "check-policy", Warns: true, Text: "port 22 is open to everybody"},
		}
		r.Decisions = []store.Decision{{Verdict: store.Approve, By: "slack:U1", At: before(time.Minute), Text: "approve destroy 2"}}
		return nil
	})
	if err != nil {
		return err
	}
	return errors.Join(seedOthers(tx))
}

func seedOthers(tx *store.Tx) error {
	net := &store.Run{Stack: "net", Repository: "infra", Kind: store.KindManual, Reason: "after the outage", RequestedBy: "cli:jane"}
	old := &store.Run{Stack: "old", Repository: "infra", Kind: store.KindDrift, Reason: "the schedule"}
	if err := errors.Join(tx.CreateRun(net), tx.CreateRun(old)); err != nil {
		return err
	}
	for _, to := range []store.Status{store.Planning, store.Planned, store.Approved, store.Applying, store.Applied} {
		if err := move(tx, net.ID, to); err != nil {
			return err
		}
	}
	if err := errors.Join(move(tx, old.ID, store.Planning), move(tx, old.ID, store.Errored)); err != nil {
		return err
	}
	st, err := tx.Stack("net")
	if err != nil {
		return err
	}
	st.AppliedCommit, st.AppliedAt = "fedcba9876543210", before(48*time.Hour)
	st.Paused = &store.Pause{By: "slack:U1", At: before(2 * time.Hour), Reason: "holidays"}
	st.Drift = &store.Drift{Schedule: "@hourly", CheckedAt: before(5 * time.Minute), Gone: 1, Changed: 2, Since: before(3 * time.Hour)}
	gone, err := tx.Stack("old")
	if err != nil {
		return err
	}
	gone.Error, gone.Behind = "its directory left the branch; its state still holds 3 resources", 2
	return errors.Join(tx.PutStack(st), tx.PutStack(gone), people.SlackSetting.Put(tx, map[string]string{"slack:U1": "eve"}))
}
