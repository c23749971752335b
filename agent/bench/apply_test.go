package bench

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sallyport/agent/control"
	"sallyport/notify/button"
	"sallyport/store"
)

// applyTarget is in milliseconds.
const applyTarget = 60

// BenchmarkDecisionToApply is what lies between a decision and terraform apply: recording it, reading approvals and branch
// once more, starting the runner, checking the digest of the plan there, and that terraform is the one that was seen.
//
//	slack  from the answer in which Slack tells of the reply, until the runner executes terraform
//	button from the press of a button until the runner executes terraform, all calls to Slack and git included
//	shell  from the call of `sallyport approve`; the repository lies on this disk
//
// agent-ms is the agent's own time; what Slack and git took while the agent waited for them is subtracted. With slack,
// with-remotes-ms is all of it.
func BenchmarkDecisionToApply(b *testing.B) {
	b.Run("slack", decideInSlack)
	b.Run("button", decideByButton)
	b.Run("shell", decideInShell)
}

func decideInSlack(b *testing.B) {
	entry := begin(b, partToApply, "reply in Slack to terraform apply started, less git's and Slack's time", "ms", atMost(applyTarget))
	r, s := newInfra(b), newWorkspace(b)
	r.Commit("first", hundred())
	h := newHouse(b, r.config()+s.config()+"stack \"box\" {\n  dir = \"box\"\n}\n")
	var own, all samples
	n := 0
	for b.Loop() {
		for range turns.get() {
			run := h.planned("box").ID
			thread := card(b, s, run).TS
			h.quiet()
			before := time.Now()
			s.Reply(jane, ops, thread, "approve")
			seen := s.api.wait(b, before, "conversations.replies").end
			started := h.terraformStarted(run)
			waited := s.api.busy(seen, started, "conversations.replies", "users.info") + r.git.busy(seen, started, "/git-upload-pack")
			all.add(started.Sub(seen))
			own.add(started.Sub(seen) - waited)
			h.quiet()
			n++
			r.push("next", map[string]string{"box/main.tf": resource("a", fmt.Sprint(n))})
		}
	}
	entry.is(ms(own.median()))
	against(b, ms(own.median()), applyTarget, "agent-ms")
	all.report(b, "with-remotes-ms")
	disk(b)
	noTime(b)
}

// buttonTarget is in milliseconds.
const buttonTarget = 1000

func decideByButton(b *testing.B) {
	entry := begin(b, partToApply, "press of a button to terraform apply started, all included", "ms", atMost(buttonTarget))
	r, s := newInfra(b), newWorkspace(b)
	r.Commit("first", hundred())
	slack := strings.Replace(s.config(), "slack {", fmt.Sprintf("slack {\n  app_token = %q", s.Live.Token()), 1)
	h := newHouse(b, r.config()+slack+"stack \"box\" {\n  dir = \"box\"\n}\n")
	var all samples
	n := 0
	for b.Loop() {
		for range turns.get() {
			run := h.planned("box").ID
			thread := card(b, s, run).TS
			h.quiet()
			pressed := time.Now()
			must(b, s.Live.Press(jane, ops, thread, string(button.Approve)).Wait(b.Context()))
			all.add(h.terraformStarted(run).Sub(pressed))
			h.quiet()
			n++
			r.push("next", map[string]string{"box/main.tf": resource("a", fmt.Sprint(n))})
			h.Until("box", "planned again", func(x control.Run) bool { return x.ID > run && x.Status == store.Planned })
		}
	}
	entry.is(ms(all.median()))
	against(b, ms(all.median()), buttonTarget, "press-ms")
	disk(b)
	noTime(b)
}

func decideInShell(b *testing.B) {
	entry := begin(b, partToApply, "sallyport approve to terraform apply started", "ms", atMost(applyTarget))
	r := newInfra(b)
	r.Commit("first", hundred())
	h := newHouse(b, fmt.Sprintf("repository \"infra\" {\n  url = \"file://%s\"\n  branch = \"main\"\n  schedule = \"@every 1s\"\n}\n", r.Bare)+
		"stack \"box\" {\n  dir = \"box\"\n}\n")
	var own samples
	n := 0
	for b.Loop() {
		for range turns.get() {
			run := h.planned("box").ID
			h.quiet()
			decided := time.Now()
			h.MustDecide(fmt.Sprint(run), "approve")
			own.add(h.terraformStarted(run).Sub(decided))
			h.quiet()
			n++
			r.Commit("next", map[string]string{"box/main.tf": resource("a", fmt.Sprint(n))})
			h.Until("box", "planned again", func(x control.Run) bool { return x.ID > run && x.Status == store.Planned })
		}
	}
	entry.is(ms(own.median()))
	against(b, ms(own.median()), applyTarget, "agent-ms")
	disk(b)
	noTime(b)
}
