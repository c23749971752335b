package notify_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"sallyport/notify"
	"sallyport/notify/golden"
	"sallyport/store"
)

func card(with func(*notify.Card)) notify.Card {
	c := notify.Card{
		Run: 12, Label: "PROD", Stack: "ghe", Kind: store.KindCommit, Status: store.Planned,
		Commit: "1a2b3c4d5e6f70819203a4b5c6d7e8f901234567", Author: "Jane Doe", Subject: "Move the code host to a bigger node",
		Plan:      plan(change("aws_instance.ghe", "create"), change("aws_eip.ghe", "create")),
		Approvals: 1, Agent: "5d41402abc4b2a76", ShowAddresses: true,
		ExpiresAt: time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC),
	}
	if with != nil {
		with(&c)
	}
	return c
}

func importing(c store.Change) store.Change {
	c.Importing = true
	return c
}

func unknown(c store.Change) store.Change {
	c.Unknown = true
	return c
}

// failing are so many checks that do not hold.
func failing(n int) []store.FailedCheck {
	var checks []store.FailedCheck
	for i := range n {
		checks = append(checks, store.FailedCheck{Address: fmt.Sprintf("check.c%d", i), Status: "fail", Problems: []string{"it does\nnot answer"}})
	}
	return checks
}

func TestText(t *testing.T) {
	vital := plan(protected(change("aws_ebs_volume.v", "delete", "create")), protected(change("aws_x.w", "delete")))
	apply := &store.Apply{Done: 3, Total: 7}
	many := plan()
	for i := range 20 {
		many.Changes = append(many.Changes, protected(change(fmt.Sprintf("aws_x.a[%d]", i), "delete")))
	}
	tests := map[string]struct {
		with func(*notify.Card)
		want string
	}{
		"creates":  {nil, "PROD ghe #12: 2 to create, nothing destroyed. Reply approve or deny"},
		"no label": {func(c *notify.Card) { c.Label = "" }, "ghe #12: 2 to create, nothing destroyed. Reply approve or deny"},
		"destroys": {func(c *notify.Card) { c.Plan = plan(change("a.b", "delete"), change("a.c", "create")) },
			"PROD ghe #12: 1 to create, 1 to destroy. Reply approve destroy or deny"},
		"replaces": {func(c *notify.Card) { c.Plan = plan(change("a.b", "delete", "create"), change("a.c", "update")) },
			"PROD ghe #12: 1 to change, 1 to destroy and replace. Reply approve destroy or deny"},
		"protected": {func(c *notify.Card) { c.Plan = vital },
			"PROD ghe #12: 1 to destroy and replace, 1 to destroy. Reply approve destroy 1 2 or deny"},
		"many protected": {func(c *notify.Card) { c.Plan = many },
			"PROD ghe #12: 20 to destroy. Reply approve destroy with the 20 protected addresses or deny"},
		"recreates": {func(c *notify.Card) { c.Plan = plan(classed(change("a.b", "create"), store.ClassRecreate)) },
			"PROD ghe #12: 1 to create again, nothing destroyed. Reply approve or deny"},
		"outputs only": {func(c *notify.Card) { c.Plan = &store.Plan{Outputs: []store.Output{{Name: "ip"}}} },
			"PROD ghe #12: only 1 output to change, nothing destroyed. Reply approve or deny"},
		"counts only": {func(c *notify.Card) { c.Plan = &store.Plan{Add: 1, Destroy: 2} },
			"PROD ghe #12: 1 to create, 2 to destroy. Reply approve destroy or deny"},
		"forgets and moves": {func(c *notify.Card) {
			c.Plan = plan(change("a.b", "forget"), store.Change{Address: "a.c", Previous: "a.d", Actions: []string{"no-op"}})
		}, "PROD ghe #12: 1 to forget, 1 to move, nothing destroyed. Reply approve or deny"},
		"imports": {func(c *notify.Card) {
			c.Plan = plan(change("a.b", "import"), importing(change("a.c", "update")))
		}, "PROD ghe #12: 2 to import, 1 to change, nothing destroyed. Reply approve or deny"},
		"imported": {func(c *notify.Card) {
			c.Status, c.Plan = store.Applied, plan(change("a.b", "import"), change("action.a.b", "invoke"))
		}, "PROD ghe #12: applied: 1 imported, 1 action invoked, nothing destroyed"},
		"imports and changes what is protected": {func(c *notify.Card) { c.Plan = plan(protected(importing(change("a.c", "update")))) },
			"PROD ghe #12: 1 to import, 1 to change, nothing destroyed. Reply approve destroy 1 or deny"},
		"imports what is protected": {func(c *notify.Card) { c.Plan = plan(protected(importing(change("a.c", "import")))) },
			"PROD ghe #12: 1 to import, nothing else changes. Reply approve or deny"},
		"imports and an output": {func(c *notify.Card) {
			c.Plan = plan(change("a.b", "import"))
			c.Plan.Outputs = []store.Output{{Name: "ip", Actions: []string{"update"}}}
		}, "PROD ghe #12: 1 to import, nothing destroyed. Reply approve or deny"},
		"imports, and leaves something to another plan": {func(c *notify.Card) {
			c.Plan = plan(change("a.b", "import"))
			c.Plan.Deferred = []store.Deferred{{Address: "a.c", Actions: []string{"create"}, Reason: "provider_config_unknown"}}
		}, "PROD ghe #12: 1 to import, nothing destroyed. Reply approve or deny"},
		"imports only": {func(c *notify.Card) {
			c.Plan = plan(change("a.b", "import"), change("a.c", "import"), change("a.d", "import"))
		}, "PROD ghe #12: 3 to import, nothing else changes. Reply approve or deny"},
		"imported only": {func(c *notify.Card) {
			c.Status, c.Plan = store.Applied, plan(change("a.b", "import"))
		}, "PROD ghe #12: applied: 1 imported, nothing else changed"},
		"invokes": {func(c *notify.Card) { c.Plan = plan(change("a.b", "create"), change("action.a.b", "invoke")) },
			"PROD ghe #12: 1 to create, 1 action to invoke, nothing destroyed. Reply approve or deny"},
		"leaves the old one to itself": {func(c *notify.Card) { c.Plan = plan(change("a.b", "create", "forget")) },
			"PROD ghe #12: 1 to create, 1 to forget, nothing destroyed. Reply approve or deny"},
		"does what nobody knows": {func(c *notify.Card) {
			c.Plan = plan(unknown(change("plan.rockets", "unknown")), change("a.b", "create"))
		},
			"PROD ghe #12: 1 change of a kind that sallyport does not know, 1 to create, nothing destroyed. Reply approve destroy 1 or deny"},
		"a check fails": {func(c *notify.Card) { c.Plan.Checks = failing(1) },
			"PROD ghe #12: 2 to create, nothing destroyed; 1 check fails. Reply approve or deny"},
		"checks fail and there is nothing to do": {func(c *notify.Card) {
			c.Status, c.Plan = store.NoChanges, &store.Plan{Empty: true, Checks: failing(2)}
		}, "PROD ghe #12: no changes; 2 checks fail"},
		"a check fails after the apply": {func(c *notify.Card) { c.Status, c.Apply = store.Applied, &store.Apply{Checks: failing(1)} },
			"PROD ghe #12: applied: 2 created, nothing destroyed; 1 check fails"},
		"a check holds again after the apply": {func(c *notify.Card) {
			c.Status, c.Apply, c.Plan.Checks = store.Applied, &store.Apply{}, failing(1)
		}, "PROD ghe #12: applied: 2 created, nothing destroyed"},
		"nothing to do": {func(c *notify.Card) { c.Plan = &store.Plan{Empty: true} }, "PROD ghe #12: nothing to change. Reply approve or deny"},
		"two people": {func(c *notify.Card) { c.Approvals, c.Got = 2, 1 },
			"PROD ghe #12: 2 to create, nothing destroyed. Reply approve or deny (1 of 2 approvals)"},
		"approved":    {func(c *notify.Card) { c.Status = store.Approved }, "PROD ghe #12: approved: 2 to create, nothing destroyed"},
		"applying":    {func(c *notify.Card) { c.Status, c.Apply = store.Applying, apply }, "PROD ghe #12: applying 3 of 7"},
		"applied":     {func(c *notify.Card) { c.Status = store.Applied }, "PROD ghe #12: applied: 2 created, nothing destroyed"},
		"plan error":  {func(c *notify.Card) { c.Status, c.Plan = store.Errored, nil }, "PROD ghe #12: errored, nothing was changed"},
		"apply error": {func(c *notify.Card) { c.Status, c.Apply = store.Errored, apply }, "PROD ghe #12: errored after 3 of 7; the state may be partly changed"},
		"interrupted": {func(c *notify.Card) { c.Status, c.Apply = store.Interrupted, apply }, "PROD ghe #12: interrupted after 3 of 7: nobody saw the end of the apply"},
		"superseded":  {func(c *notify.Card) { c.Status = store.Superseded }, "PROD ghe #12: superseded by a newer run"},
		"expired":     {func(c *notify.Card) { c.Status = store.Expired }, "PROD ghe #12: expired: nobody decided in time"},
		"denied":      {func(c *notify.Card) { c.Status = store.Discarded }, "PROD ghe #12: discarded: denied"},
		"stale":       {func(c *notify.Card) { c.Status = store.Stale }, "PROD ghe #12: stale: the world moved since the plan"},
		"canceled":    {func(c *notify.Card) { c.Status = store.Canceled }, "PROD ghe #12: canceled"},
		"no changes":  {func(c *notify.Card) { c.Status = store.NoChanges }, "PROD ghe #12: no changes"},
		"held":        {func(c *notify.Card) { c.Status, c.Held, c.Plan = store.Pending, "paused", nil }, "PROD ghe #12: pending, held"},
		"destroy everything": {func(c *notify.Card) { c.Options.Destroy, c.Plan = true, plan(change("a.b", "delete")) },
			"PROD ghe #12: DESTROY EVERYTHING: 1 to destroy. Reply approve destroy or deny"},
		"back with a variable": {func(c *notify.Card) {
			c.Options = store.PlanOptions{Commit: true, Back: true, Vars: []string{"<!channel>"}}
		}, "PROD ghe #12: GOING BACK TO COMMIT 1a2b3c4d5e, NOT IN GIT: 2 to create, nothing destroyed. Reply approve or deny"},
		"refresh only": {func(c *notify.Card) {
			c.Options.RefreshOnly, c.Plan = true, plan(change("a.b", "refresh"), change("a.c", "forget"))
		},
			"PROD ghe #12: REFRESH ONLY: 1 to forget, 1 to refresh in the state, nothing destroyed. Reply approve or deny"},
		"comes back": {func(c *notify.Card) {
			lost := protected(change("a.b", "create"))
			lost.Before = store.BeforeThere
			c.Plan = plan(lost, change("a.c", "create"))
		}, "PROD ghe #12: 1 to create, 1 to create again, nothing destroyed. Reply approve destroy 1 or deny"},
		"headline": {func(c *notify.Card) { c.Status, c.Headline = store.Applying, "canceling" }, "PROD ghe #12: canceling"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := card(tt.with).Text(); got != tt.want {
				t.Errorf("\ngot  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestPlain(t *testing.T) {
	at := time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)
	tests := map[string]func(*notify.Card){
		"planned": nil,
		"effects": func(c *notify.Card) {
			invoked := change("action.local_command.notify", "invoke")
			invoked.Trigger = "AfterCreate of aws_instance.ghe"
			c.Plan = plan(unknown(change("plan.rockets", "unknown")), unknown(change("aws_x.b", "burn")), invoked,
				protected(importing(change("aws_db.d", "update"))), change("aws_x.i", "import"), change("aws_x.f", "create", "forget"))
			c.Plan.Checks = append(failing(6), store.FailedCheck{Address: "check.e", Status: "error"})
			c.Plan.Deferred = []store.Deferred{{Address: "aws_x.later", Actions: []string{"create"}, Reason: "instance_count_unknown"}}
		},
		"comes back": func(c *notify.Card) {
			lost, doubt := protected(change("aws_ebs_volume.lost", "create")), protected(change("aws_ebs_volume.doubt", "create"))
			lost.Before, doubt.Before = store.BeforeThere, store.BeforeUnknown
			restored := protected(classed(change("aws_db_instance.d", "create"), store.ClassRecreate))
			restored.Sources = []string{"snapshot_identifier"}
			c.Plan = plan(restored, lost, doubt, protected(change("aws_ebs_volume.new", "create")))
		},
		"drift": func(c *notify.Card) { c.Kind, c.Reason = store.KindDrift, "1 gone" },
		"canceled": func(c *notify.Card) {
			c.Status, c.Error, c.Apply = store.Canceled, "canceled by cli:jane", &store.Apply{Done: 1, Total: 2}
		},
		"effects without addresses": func(c *notify.Card) {
			c.ShowAddresses = false
			c.Plan = plan(unknown(change("plan.rockets", "unknown")))
			c.Plan.Checks, c.Plan.Deferred = failing(2), []store.Deferred{{Address: "aws_x.later", Actions: []string{"create"}}}
		},
		"everything": func(c *notify.Card) {
			c.Options = store.PlanOptions{Replace: []string{"aws_instance.old"}, Vars: []string{"size"}}
			c.Kind, c.Reason, c.RequestedBy = store.KindRecovery, "the node is gone", "cli:jane"
			c.Position, c.GitDown = "at the applied commit", "since 02:41 (connection refused)"
			c.Warnings = []string{"no .terraform.lock.hcl", "workspace prod was created"}
			c.Held, c.Approvals, c.Got = "paused by jane", 2, 1
			c.Asks = "auto_apply is recreate, but aws_ebs_volume.w is protected"
			c.Plan = plan(protected(change(`module.data["x y"].aws_ebs_volume.v[0]`, "delete", "create")),
				change("aws_instance.old", "delete"), change("aws_instance.b", "create", "delete"),
				change("aws_s3_object.x", "forget"), protected(classed(change("aws_ebs_volume.w", "create"), store.ClassRecreate)),
				classed(change("aws_instance.ghe", "create"), store.ClassRecreate),
				classed(protected(change("aws_security_group.s", "update")), store.ClassDrift),
				store.Change{Address: "aws_eip.new", Previous: "aws_eip.old", Actions: []string{"no-op"}},
				change("data.aws_ami.x", "read"))
			c.Plan.Outputs = []store.Output{{Name: "ip", Actions: []string{"update"}}, {Name: "url", Actions: []string{"create"}}}
			c.Plan.NewState = true
			c.Decisions = []store.Decision{
				{Verdict: store.Approve, By: "slack:U01JANE", At: at, Text: "approve destroy 1 5"},
				{Verdict: store.Approve, By: "cli:bob", At: at, Withdrawn: "no approver any more"},
			}
		},
		"errored": func(c *notify.Card) {
			c.Status, c.Apply = store.Errored, &store.Apply{StartedAt: at, EndedAt: at.Add(3*time.Minute + 7*time.Second), Done: 1, Total: 2, Open: []string{"aws_eip.ghe"}}
			c.Error = "Error: creating EC2 EIP: limit exceeded\n\n  on main.tf line 12:\n  12: resource \"aws_eip\" \"ghe\" {\n"
			c.Hint = "raise the quota, then: sallyport plan ghe"
		},
		"applied": func(c *notify.Card) {
			c.Status = store.Applied
			c.Apply = &store.Apply{StartedAt: at, EndedAt: at.Add(4200 * time.Millisecond), Done: 2, Total: 2, Outputs: []string{"ip"}}
			c.Decisions = []store.Decision{{Verdict: store.Approve, By: "slack:U01JANE", At: at, Text: "approve"}}
		},
		"denied": func(c *notify.Card) {
			c.Status = store.Discarded
			c.Decisions = []store.Decision{{Verdict: store.Deny, By: "slack:U01JANE", At: at, Text: "deny wrong `zone`"}}
		},
		"asked to destroy": func(c *notify.Card) {
			c.Kind, c.RequestedBy, c.Reason, c.Options = store.KindManual, "cli:jane", "the region is closed", store.PlanOptions{Destroy: true}
			c.Position, c.Plan = "at the applied commit", plan(protected(change("aws_ebs_volume.v", "delete")))
		},
		"asked to replace": func(c *notify.Card) {
			c.Kind, c.RequestedBy, c.Options = store.KindManual, "slack:U01JANE", store.PlanOptions{Replace: []string{"a.b"}}
		},
		"asked to recover": func(c *notify.Card) {
			c.Kind, c.RequestedBy, c.Reason, c.Recover, c.Position = store.KindManual, "slack:U01JANE", "the node died", true, "at the applied commit"
			c.GitDown = "the repository cannot be read since 2026-11-24 02:41 UTC: no route to host"
		},
		"first plan": func(c *notify.Card) { c.First, c.Plan.NewState = true, true },
		"ended": func(c *notify.Card) {
			c.GitDown = "since 02:41 (connection refused)"
			c.Kind, c.RequestedBy, c.Reason, c.Status, c.Position = store.KindManual, "cli:jane", "old disks", store.Applied, "nothing of this stack was applied by sallyport yet"
			c.Plan = plan(protected(change("aws_ebs_volume.v", "delete")), unknown(change("aws_x.b", "burn")))
			c.Plan.NewState = true
		},
		"hidden": func(c *notify.Card) {
			c.ShowAddresses = false
			c.Plan = plan(protected(change("aws_ebs_volume.v", "delete")))
			c.Asks = "auto_apply is always, but aws_ebs_volume.v is protected"
		},
	}
	for name, with := range tests {
		t.Run(name, func(t *testing.T) {
			golden.Is(t, filepath.Join("testdata", name+".txt"), card(with).Plain())
		})
	}
}

// TestHostileText: whatever a repository says, no line of a card is forged and nothing reaches a terminal as it is.
func TestHostileText(t *testing.T) {
	evil := "x\x1b[2J\x1b]0;t\a\u202e\u200b\u2028#12: applied\r\nPROD ghe #12: approved\x9b31m\xff"
	c := card(func(c *notify.Card) {
		c.Author, c.Subject, c.Origin, c.Reason, c.Position, c.GitDown, c.Held, c.Error, c.Hint = evil, evil, []string{evil}, evil, evil, evil, evil, evil, evil
		c.Label, c.Stack, c.RequestedBy, c.Headline, c.Agent, c.Commit = evil, evil, evil, evil, evil, evil
		c.Warnings, c.Decisions = []string{evil}, []store.Decision{{Verdict: store.Deny, By: evil, Text: "deny " + evil, Withdrawn: evil}}
		c.Plan = plan(store.Change{Address: evil, Actions: []string{evil}, Previous: evil})
		c.Plan.Outputs = []store.Output{{Name: evil, Actions: []string{"create"}}}
		c.Apply = &store.Apply{Open: []string{evil}, Current: evil, Outputs: []string{evil}}
	})
	for status := range store.Transitions() {
		c.Status = status
		texts := append([]string{c.Text(), c.Reply(), c.StatusWord(), c.Marker(), c.Counts(), c.Outputs()}, c.Lines()...)
		texts = append(texts, c.Facts()...)
		for _, s := range texts {
			if strings.ContainsAny(s, "\n\r\t") {
				t.Errorf("more than a line: %q", s)
			}
		}
		for _, r := range strings.Join(append(texts, c.Plain()), "") {
			if unicode.IsControl(r) && r != '\n' || unicode.Is(unicode.Cf, r) {
				t.Fatalf("%U is on a card", r)
			}
		}
		for _, l := range strings.Split(c.Plain(), "\n")[1:] {
			if l != "" && !strings.HasPrefix(l, "  ") {
				t.Errorf("a forged line: %q", l)
			}
		}
	}
}

// Where no Slack is there is no thread to reply in: the log says what to type in a shell.
func TestReplyInAShell(t *testing.T) {
	tests := map[string]struct {
		with func(*notify.Card)
		want string
	}{
		"plain": {nil, "To go on: sallyport approve 12; to refuse: sallyport deny 12."},
		"destroys": {func(c *notify.Card) { c.Plan = plan(change("a.b", "delete")) },
			"To go on: sallyport approve 12 destroy; to refuse: sallyport deny 12."},
		"protected": {func(c *notify.Card) { c.Plan = plan(protected(change("a.b", "delete"))) },
			"To go on: sallyport approve 12 destroy 1; to refuse: sallyport deny 12. 1 resource is protected: an approval names it, by number or by address."},
		"approved": {func(c *notify.Card) { c.Status = store.Approved }, "sallyport deny 12 stops it before it starts."},
		"expired":  {func(c *notify.Card) { c.Status = store.Expired }, "To plan it again: sallyport plan ghe"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := card(test.with)
			c.Shell = true
			if got := c.Reply(); got != test.want {
				t.Errorf("%q, not %q", got, test.want)
			}
		})
	}
}

// In Slack the bot is told what it does as well as a shell, who can give what is missing is counted, and what to do next does not
// run into the sentence before it.
func TestReplyInSlack(t *testing.T) {
	two := []string{"@jane", "@joe"}
	tests := map[string]struct {
		with func(*notify.Card)
		want string
	}{
		"one of two people": {func(c *notify.Card) { c.WaitsFor = two },
			"Reply approve in this thread, or deny with a reason. It waits for one of @jane, @joe."},
		"two of two people": {func(c *notify.Card) { c.WaitsFor, c.Approvals = two, 2 },
			"Reply approve in this thread, or deny with a reason. 2 different people have to approve; 0 so far. It waits for 2 of @jane, @joe."},
		"the second of two": {func(c *notify.Card) { c.WaitsFor, c.Approvals, c.Got = two[1:], 2, 1 },
			"Reply approve in this thread, or deny with a reason. 2 different people have to approve; 1 so far. It waits for @joe."},
		"paused": {func(c *notify.Card) { c.WaitsFor, c.Hint = two[:1], "sallyport resume ghe" },
			"Reply approve in this thread, or deny with a reason. It waits for @jane. Next: @sallyport resume ghe"},
		"applying": {func(c *notify.Card) { c.Status = store.Applying }, "It cannot be denied any more; @sallyport cancel 12 interrupts it."},
		"errored":  {func(c *notify.Card) { c.Status, c.Hint = store.Errored, "mend it, then: sallyport plan ghe" }, "mend it, then: @sallyport plan ghe"},
		"expired":  {func(c *notify.Card) { c.Status = store.Expired }, "To plan it again: @sallyport plan ghe"},
		"what only a shell can": {func(c *notify.Card) { c.Status, c.Hint = store.Errored, "sallyport exec ghe -- state list shows them" },
			"sallyport exec ghe -- state list shows them"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := card(test.with)
			c.Bot = "sallyport"
			if got := c.Reply(); got != test.want {
				t.Errorf("%q, not %q", got, test.want)
			}
		})
	}
}

// In a message about several runs stands what somebody has to do, and nothing about what goes on by itself; a warning of what a run did
// not wait for goes when it has ended.
func TestWhatIsLeftToDo(t *testing.T) {
	held := card(func(c *notify.Card) {
		c.Status, c.Held, c.Hint, c.Plan = store.Pending, "paused", "sallyport resume ghe", nil
	})
	if got, want := held.Line(), "PROD ghe #12: pending, held: paused. Next: sallyport resume ghe"; got != want {
		t.Errorf("%q, not %q", got, want)
	}
	if held.Hint = "it goes on by itself"; held.Line() != "PROD ghe #12: pending, held: paused" {
		t.Errorf("of what goes on by itself: %q", held.Line())
	}
	ahead := card(func(c *notify.Card) { c.Warnings = []string{notify.GoesAhead + "a commit's run waits for net"} })
	if !strings.Contains(ahead.Plain(), "warning: this goes ahead") {
		t.Errorf("no warning: %s", ahead.Plain())
	}
	if ahead.Status = store.Applied; strings.Contains(ahead.Plain(), "warning") {
		t.Errorf("a warning that is over: %s", ahead.Plain())
	}
}

// TestLongNames: the number of the run and what to reply are never cut off by a name.
func TestLongNames(t *testing.T) {
	long := strings.Repeat("accounts-production-", 9) + "network"
	card := notify.Card{Run: 123456, Label: strings.Repeat("L", 20), Stack: long, Status: store.Errored}
	if title := card.Title(); len(title) > 150 || !strings.HasSuffix(title, "-network #123456") || strings.Contains(title, long) {
		t.Errorf("the title is %q", title)
	}
	if card.Stack = long[:80]; card.Title() != card.Label+" "+long[:80]+" #123456" {
		t.Errorf("the title is %q", card.Title())
	}
}
