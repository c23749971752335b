package page

import (
	"fmt"
	"strings"
	"testing"

	"sallyport/agent/control"
	"sallyport/store"
)

// cases are pages of all kinds. Plans below testdata/plans are of a real terraform; those that it makes with real providers only are
// written as it documents them.
func cases(t *testing.T) map[string]RunPage {
	t.Helper()
	out := map[string]RunPage{}
	for _, name := range []string{"create", "update", "replace", "destroy", "outputs", "moved", "import", "sensitive", "modules"} {
		out[name] = waiting(planOf(t, name))
	}
	out["protected"] = protected(t)
	out["drift"] = drifted()
	out["errored"] = erroredPlan()
	out["applied"] = applied(t)
	out["gone"] = applied(t)
	gone := out["gone"]
	gone.Plan, gone.PlanGone = "", "The plan's own text is not kept any more."
	out["gone"] = gone
	out["image"] = image()
	out["hostile"] = hostile(t)
	return out
}

// protected is a plan that replaces something that an approval has to name, with everything that people have to say about it.
func protected(t *testing.T) RunPage {
	plan, text := planOf(t, "replace", "terraform_data.disk")
	p := waiting(plan, text)
	p.Run.Asks, p.Run.Held, p.Run.Hint = "auto_apply = no_destroy: 2 are destroyed", "apply_window opens at 22:00", "sallyport approve 12 --break-glass"
	p.Run.Approvals = &control.Approvals{Counted: 1, Needed: 2, WaitsFor: []string{"joe@example.com"}}
	by := at(12)
	p.Run.Decisions = []control.Decision{{Verdict: store.Approve, By: "slack:U1", At: &by, Text: "approve destroy 1"}}
	p.Run.People = map[string]string{"slack:U1": "eve"}
	p.Run.HookNotes = []control.HookNote{
		{Hook: "after_plan", Command: "check-policy", Warns: true, Text: "port 22 is open\nto everybody"},
		{Hook: "after_plan", Command: "cost", Facts: []control.HookFact{{Name: "monthly_cost", Value: "12 USD"}}},
	}
	p.Run.Warnings = []string{"there is no .terraform.lock.hcl"}
	p.Run.Plan.Checks = []control.Check{{Address: "check.dns", Status: "fail", Problems: []string{"the name has no address"}}}
	p.Run.Plan.Deferred = []control.Deferred{{Address: "terraform_data.later", Actions: []string{"create"}, Reason: "provider_config_unknown"}}
	p.Around.Stacks = []control.Neighbour{
		{Stack: "dns", Run: 11, Status: store.Planning, After: []string{"network"}},
		{Stack: "ghe", Label: "PROD", Run: 12, Status: store.Planned, After: []string{"network"}},
		{Stack: "monitoring", Run: 13, Status: store.Pending, After: []string{"dns", "ghe"}},
		{Stack: "network", Run: 10, Status: store.Applied, After: []string{}},
	}
	return p
}

// drifted is a plan of a drift check: an object is gone, and one was changed outside.
func drifted() RunPage {
	const text = `
Note: Objects have changed outside of Terraform

Terraform detected the following changes made outside of Terraform since the
last "terraform apply" which may have affected this plan:

  # aws_ebs_volume.data has been deleted
  - resource "aws_ebs_volume" "data" {
      - id   = "vol-1" -> null
        # (3 unchanged attributes hidden)
    }

  # aws_instance.web has changed
  ~ resource "aws_instance" "web" {
        id            = "i-1"
      ~ instance_type = "t3.small" -> "t3.large"
    }


Unless you have made equivalent changes to your configuration, or ignored the
relevant attributes using ignore_changes, the following plan may include
actions to undo or respond to these changes.

─────────────────────────────────────────────────────────────────────────────

Terraform used the selected providers to generate the following execution
plan. Resource actions are indicated with the following symbols:
  + create
  ~ update in-place

Terraform will perform the following actions:

  # aws_ebs_volume.data will be created
  + resource "aws_ebs_volume" "data" {
      + id   = (known after apply)
      + size = 100
    }

  # aws_instance.web will be updated in-place
  ~ resource "aws_instance" "web" {
        id            = "i-1"
      ~ instance_type = "t3.large" -> "t3.small"
    }

Plan: 1 to add, 1 to change, 0 to destroy.
`
	plan := &store.Plan{Digest: strings.Repeat("d", 64), Add: 1, Change: 1, Version: "1.11.4", Changes: []store.Change{
		{Address: "aws_ebs_volume.data", Actions: []string{"create"}, Class: store.ClassRecreate, Protected: true},
		{Address: "aws_instance.web", Actions: []string{"update"}, Class: store.ClassDrift, Attributes: []string{"instance_type"}},
	}}
	p := waiting(plan, text)
	p.Run.Kind, p.Run.Reason, p.Around.Label = store.KindDrift, "the schedule", ""
	return p
}

// erroredPlan is a run whose plan terraform could not make.
func erroredPlan() RunPage {
	return pageOf(&store.Run{
		ID: 12, Stack: "ghe", Repository: "infra", Kind: store.KindManual, RequestedBy: "cli:jane", Reason: "after the outage", Status: store.Errored,
		Commit: "0123456789abcdef0123456789abcdef01234567", CreatedAt: at(10), EndedAt: at(11),
		Error: "Unsupported argument: An argument named \"colour\" is not expected here.\n\nError: Unsupported argument\n\n  on main.tf line 3, in resource \"aws_instance\" \"web\":\n   3:   colour = \"blue\"\n\nAn argument named \"colour\" is not expected here.",
		Hint:  "mend main.tf and push it",
	}, "")
}

// applied is a run that went half through.
func applied(t *testing.T) RunPage {
	plan, text := planOf(t, "modules")
	p := pageOf(&store.Run{
		ID: 12, Stack: "ghe", Kind: store.KindCommit, Status: store.Errored, Commit: "0123456789abcdef0123456789abcdef01234567", Reason: "changed: main.tf",
		CreatedAt: at(10), PlannedAt: at(11), EndedAt: at(15), Plan: plan, Error: "Error: no such key", Hint: "sallyport plan ghe", Card: &store.Card{Permalink: "https://slack.example/p1"},
		Decisions:  []store.Decision{{Verdict: store.Approve, By: "policy:recreate", At: at(12)}},
		Apply:      &store.Apply{StartedAt: at(13), EndedAt: at(15), Done: 1, Total: 7, Open: []string{"terraform_data.root"}, LeftState: "/var/lib/sallyport/runs/12/errored.tfstate"},
		BreakGlass: &store.BreakGlass{By: "slack:U1", At: at(12), Reason: "the site is down"},
	}, text)
	p.Log = "terraform_data.root: Creating...\nError: no such key\n"
	return p
}

// image is the build of an image.
func image() RunPage {
	return pageOf(&store.Run{
		ID: 12, Stack: "base", Kind: store.KindSchedule, Engine: "packer", Status: store.Applied, Commit: "0123456789abcdef0123456789abcdef01234567",
		CreatedAt: at(10), PlannedAt: at(11), EndedAt: at(19), Notes: []string{"changed since the last build: base.pkr.hcl"},
		Plan:      &store.Plan{Digest: strings.Repeat("e", 64), Add: 1, Version: "1.12.0", Changes: []store.Change{{Address: "amazon-ebs.base", Actions: []string{"create"}, Class: store.ClassConfig}}},
		Apply:     &store.Apply{StartedAt: at(12), EndedAt: at(19), Done: 1, Total: 1},
		Artifacts: []store.Artifact{{Builder: "amazon-ebs.base", ID: "ami-0123", Region: "eu-central-1"}},
	}, "base will be built from base.pkr.hcl with packer 1.12.0:\n\n  amazon-ebs.base\n")
}

// evil is what a hostile repository puts wherever it can write something.
const evil = "<script>alert(1)</script><img src=http://evil.example/x onerror=alert(1)>\"'></title></pre></style>" +
	"\u202egnp.exe\u2066\u200b\x1b[31m\x1b]8;;http://evil.example\x1b\\\x00\a\r{{.}} javascript:alert(1) "

// hostile is a page about what a hostile repository made up, in every field.
func hostile(t *testing.T) RunPage {
	plan, text := planOf(t, "hostile") // as an older agent kept it, with a forged block
	long := evil + strings.Repeat("Wort", 60)
	for i := range plan.Changes {
		c := &plan.Changes[i]
		c.Attributes, c.Follows, c.Sources, c.Trigger = append(c.Attributes, long), []string{evil}, []string{evil}, evil
	}
	plan.Changes = append(plan.Changes, store.Change{Address: "module." + evil + ".x.y", Actions: []string{evil}, Unknown: true})
	plan.Outputs = append(plan.Outputs, store.Output{Name: long, Actions: []string{evil}})
	plan.Checks = []store.FailedCheck{{Address: evil, Status: evil, Problems: []string{long}}}
	plan.Deferred = []store.Deferred{{Address: evil, Actions: []string{evil}, Reason: evil}}
	r := &store.Run{
		ID: 12, Stack: evil, Repository: evil, Kind: store.Kind(evil), Status: store.Planned, Commit: evil, Author: long, Subject: long, Reason: long, RequestedBy: evil,
		Position: evil, GitDown: evil, Warnings: []string{evil, long}, Notes: []string{long}, CreatedAt: at(10), PlannedAt: at(11), ExpiresAt: at(59),
		HookNotes: []store.HookNote{{Hook: evil, Command: evil, Warns: true, Text: long, Facts: []store.HookFact{{Name: evil, Value: long}}}},
		Decisions: []store.Decision{{Verdict: store.Verdict(evil), By: evil, At: at(12), Text: long}, {Verdict: store.Deny, By: "policy:" + evil, At: at(12), Text: evil}},
		Plan:      plan, Error: long, Hint: long, Held: long, Asks: long, Artifacts: []store.Artifact{{Builder: evil, ID: evil, Region: evil}},
		Images: []store.ImageUse{{Variable: evil, Image: evil}}, Card: &store.Card{Permalink: "javascript:alert(1)"},
		Apply:      &store.Apply{StartedAt: at(13), Current: evil, Open: []string{evil}, Outputs: []string{evil}, LeftState: evil, PushedBy: evil},
		BreakGlass: &store.BreakGlass{By: evil, At: at(12), Reason: evil, ReviewedBy: evil, Review: evil},
	}
	p := pageOf(r, text+"\n"+evil+"\n  # "+evil+" will be created\n")
	p.Run.Options.Kinds = []string{evil}
	p.Run.Approvals = &control.Approvals{Needed: 3, WaitsFor: []string{evil}}
	p.Run.People = map[string]string{"slack:U1": evil}
	p.Log, p.PlanGone, p.Version = long, "", "1.2.3"
	p.Around.Label = evil
	for i := range 3 {
		p.Around.Stacks = append(p.Around.Stacks, control.Neighbour{Stack: fmt.Sprint(evil, i), Label: evil, Run: i, Status: store.Status(evil), After: []string{fmt.Sprint(evil, (i+1)%3)}})
	}
	p.Around.Events = append(p.Around.Events, control.AuditEntry{At: at(3), Event: evil, By: evil, Outcome: evil, Text: long})
	return p
}

// many is a page about that many changes, in modules of a hundred.
func many(n int) RunPage {
	var text strings.Builder
	text.WriteString("Terraform will perform the following actions:\n")
	plan := &store.Plan{Digest: strings.Repeat("f", 64), Version: "1.11.4"}
	for i := range n {
		c := store.Change{Address: fmt.Sprintf("module.part[%d].aws_instance.node[%d]", i/100, i%100), Actions: []string{"create"}, Class: store.ClassConfig}
		sign, word := "+", "created"
		switch i % 50 {
		case 7:
			c.Actions, sign, word = []string{"delete"}, "-", "destroyed"
		case 9:
			c.Actions, sign, word = []string{"update"}, "~", "updated in-place"
		}
		fmt.Fprintf(&text, "\n  # %s will be %s\n  %s resource \"aws_instance\" \"node\" {\n", c.Address, word, sign)
		for k := range 15 {
			fmt.Fprintf(&text, "      %s attribute_%d = \"value %d of it\"\n", sign, k, i)
		}
		fmt.Fprintf(&text, "      %s id           = (known after apply)\n    }\n", sign)
		plan.Changes = append(plan.Changes, c)
	}
	return waiting(plan, text.String())
}
