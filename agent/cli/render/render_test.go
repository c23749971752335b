package render

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/agent/control"
	"sallyport/notify/golden"
	"sallyport/notify/redact"
	"sallyport/store"
)

// clock is ten past three.
func clock() time.Time { return time.Date(2026, 3, 1, 3, 10, 0, 0, time.UTC) }

// before is some time ago.
func before(d time.Duration) *time.Time { at := clock().Add(-d); return &at }

// planInAllColours has every sign that terraform prints.
const planInAllColours = `
Terraform will perform the following actions:

  # aws_instance.a will be created
  + resource "aws_instance" "a" {
      + ami = "x"
    }

  # aws_instance.b will be destroyed
  # (because it is not in configuration)
  - resource "aws_instance" "b" {
      - ami = "x" -> null
    }

  # aws_instance.c must be replaced
-/+ resource "aws_instance" "c" {
      ~ ami  = "x" -> "y" # forces replacement
        tags = { "a-b" = "-1" }
    }

  # aws_instance.d must be replaced
+/- resource "aws_instance" "d" {}

  # data.x.e will be read during apply
 <= data "x" "e" {}

Plan: 3 to add, 0 to change, 3 to destroy.

Changes to Outputs:
  ~ ip = "1" -> (known after apply)

Warning: Argument is deprecated
`

func TestPlanColours(t *testing.T) {
	golden.Is(t, filepath.Join("testdata", "plan.ansi"), PlanColours(planInAllColours))
}

func TestLogColours(t *testing.T) {
	golden.Is(t, filepath.Join("testdata", "log.ansi"), LogColours("x: Creating...\n\n╷\n│ Error: no such key\n╵\nApply complete! Resources: 1 added.\n"))
}

func TestStatusInColour(t *testing.T) {
	planned, polled := before(4*time.Minute), before(time.Minute)
	golden.Is(t, filepath.Join("testdata", "status.ansi"), Width(0).Status(control.Status{
		Agent:  control.Agent{Running: true, Version: "1.2.3", StartedAt: planned, Pause: &control.Pause{By: "cli:jane", At: *planned}},
		Outbox: 2,
		Problems: []control.Problem{
			{Source: "slack", Error: "invalid_auth\x1b[2J", Hint: "a new token", Since: planned},
			{Source: "repository infra: stacks: names", Error: "12 names of stacks are wanted more than once:\na of \"a\" and \"A\";\nb\x1b[2J of \"b\" and \"B\";\nc of \"c\" and \"C\";\nand 9 more", Hint: "a block each", Since: planned},
			{Source: "configuration", Error: "one\n\ntwo\nthree\nfour\nfive\nsix\n"},
		},
		Repositories: []control.Repository{{Name: "infra", Branch: "main", PolledAt: polled, Error: "no route"}},
		Stacks: []control.Stack{
			{Name: "ghe", Approvals: &control.Approvals{Counted: 1, Needed: 2}, Run: &control.Run{
				ID: 12, Stack: "ghe", Status: store.Planned, PlannedAt: planned,
				Plan: &control.Plan{Add: 1, Changes: []control.Change{{Address: "a", Actions: []string{"create"}}}},
			}},
			{Name: "net", Run: &control.Run{
				ID: 13, Stack: "net", Status: store.Applying, Apply: &control.Apply{Done: 1, Total: 3, Current: "x.y"},
			}},
			{Name: "up", Run: &control.Run{
				ID: 14, Stack: "up", Status: store.Pending, UpdatedAt: planned, Held: "net is not applied yet", Hint: "wait",
			}},
			{Name: "new"},
		},
	}, clock()))
}

func TestCounts(t *testing.T) {
	change := []control.Change{{Address: "a", Actions: []string{"forget"}}}
	for _, tc := range []struct {
		name string
		plan *control.Plan
		want string
	}{
		{"not planned", nil, ""},
		{"nothing", &control.Plan{}, "no changes"},
		{"outputs only", &control.Plan{Outputs: []control.Output{{Name: "ip"}}}, "1 output to change"},
		{"forgets only", &control.Plan{Changes: change}, "0 to add, 0 to change, 0 to destroy, 1 to forget"},
		{"imports", &control.Plan{Change: 1, Import: 2, Changes: []control.Change{{Actions: []string{"import"}, Importing: true}, {Actions: []string{"update"}, Importing: true}}},
			"2 to import, 0 to add, 1 to change, 0 to destroy"},
		{"an action and what nobody knows", &control.Plan{Changes: []control.Change{{Actions: []string{"invoke"}}, {Actions: []string{"burn"}, Unknown: true}}},
			"0 to add, 0 to change, 0 to destroy, 1 to invoke, 1 of a kind that sallyport does not know"},
		{"a replace", &control.Plan{Add: 1, Destroy: 1, Changes: change}, "1 to add, 0 to change, 1 to destroy, 1 to forget"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := Counts(tc.plan); got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}

// What holds a run reads as one sentence, whether its reason begins with the word or not.
func TestWaits(t *testing.T) {
	for held, want := range map[string]string{
		"waits for ghe #1, which is planned":          "waits for ghe #1, which is planned",
		"the stack is paused by cli:jane":             "waits, the stack is paused by cli:jane",
		"approved; waits for room on the disk: full":  "waits for room on the disk: full",
		"approved; a newer commit is being looked at": "waits, a newer commit is being looked at",
		"the stack is paused by \x1b[31mcli:jane: no": "waits, the stack is paused by cli:jane: no",
	} {
		if got := waits(held); got != want {
			t.Errorf("%q became %q, not %q", held, got, want)
		}
	}
}

// Of a run that somebody ended, or that only took too long, it is told why; an error is what went wrong by itself.
func TestErrorOfARun(t *testing.T) {
	for status, want := range map[store.Status]string{
		store.Errored: "error", store.Interrupted: "error", store.Canceled: "why", store.Discarded: "why", store.Superseded: "why", store.Expired: "why",
	} {
		text := Run(control.Run{ID: 3, Stack: "ghe", Status: status, Error: "no such key"}, time.Time{})
		var word string
		for line := range strings.Lines(text) {
			if fields := strings.Fields(redact.Clean(line)); len(fields) > 1 && strings.HasSuffix(strings.TrimSpace(redact.Clean(line)), "no such key") {
				word = fields[0]
			}
		}
		if word != want {
			t.Errorf("%s: it is called %q, not %q:\n%s", status, word, want, text)
		}
	}
}

// A decision reads as a sentence: who denied, when and why, and not the word twice.
func TestDecisionsOfARun(t *testing.T) {
	at := time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"deny not that volume": "deny by eve 1 minute ago: not that volume", "deny": "deny by eve 1 minute ago\n", "Deny: no": "deny by eve 1 minute ago: no\n",
	} {
		got := Run(control.Run{ID: 3, Stack: "ghe", Status: store.Discarded, Decisions: []control.Decision{
			{Verdict: store.Deny, By: "eve", Text: text, At: &at},
		}}, at.Add(time.Minute))
		if !strings.Contains(redact.Clean(got), want) {
			t.Errorf("%q reads\n%s", text, got)
		}
	}
}
