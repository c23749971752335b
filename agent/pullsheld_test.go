package agent_test

import (
	"strings"
	"testing"

	"sallyport/agent/control"
	"sallyport/store"
)

// TestHeldPullRequests: which programs terraform downloads is not for the author alone to say.
func TestHeldPullRequests(t *testing.T) { atEachSite(t, heldPullRequests) }

func heldPullRequests(t *testing.T, b hub) {
	r := b.repository(t)
	base := b.pushes(r, "one", map[string]string{"box/main.tf": data("one", "1"), "bag/main.tf": data("one", "1")})
	h := newHouse(t, b.hosted(r, "trusted")+b.twoStacks()).start()
	h.Reaches("box", store.Planned)
	backend := "terraform {\n  backend \"local\" {}\n}\n"
	head := r.propose(1, base, "a backend", map[string]string{"box/main.tf": backend + data("two", "2"), "bag/main.tf": backend + data("two", "2")})
	n := b.open(proposal{author: "jane", head: head})
	b.stands(t, head, "box", "pending", "not planned: it changes its backend or providers")
	b.says(t, n, "sallyport plan "+head)
	if runs := h.previews(); len(runs) > 0 {
		t.Fatalf("it was planned: %+v", runs)
	}

	// On the command line: at the head that waits, and no other.
	ask := func(wanted control.StartRequest) error {
		_, err := h.Client.Start(t.Context(), wanted)
		return err
	}
	for part, wanted := range map[string]control.StartRequest{
		b.plain(1) + " is at " + head[:10]: {Stack: "bag", PullRequest: n, Commit: base},
		b.plain(9) + " is not open":        {Stack: "bag", PullRequest: 9},
	} {
		if err := ask(wanted); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%+v: %v, want %q", wanted, err, part)
		}
	}
	if err := ask(control.StartRequest{Stack: "bag", PullRequest: n, Commit: head[:12]}); err != nil {
		t.Fatal(err)
	}
	b.stands(t, head, "bag", "success", "1 to create")
	if err := ask(control.StartRequest{Stack: "bag", PullRequest: n}); err == nil || !strings.Contains(err.Error(), "does not wait") {
		t.Errorf("asked twice: %v", err)
	}

	// Words that do not count: of another head, of somebody whom no person block names, edited.
	b.comment(n, "jane", "sallyport plan "+base)
	id := b.comment(n, "jane", "nothing")
	b.edit(id, "sallyport plan "+head)
	b.comment(n, "joe", "sallyport plan "+head)
	b.says(t, n, "of joe did not count")
	if runs := h.previews(); len(runs) != 1 {
		t.Fatalf("it was planned: %+v", runs)
	}
	b.comment(n, "jane", "`sallyport plan "+head+"`\n")
	b.stands(t, head, "box", "success", "1 to create")
}

// TestPullRequestOfWhoMayOnlyRead: it waits for somebody who has looked, whatever it changes.
func TestPullRequestOfWhoMayOnlyRead(t *testing.T) { atEachSite(t, pullRequestOfWhoMayOnlyRead) }

func pullRequestOfWhoMayOnlyRead(t *testing.T, b hub) {
	r := b.repository(t)
	b.access("joe", false)
	base := b.pushes(r, "one", map[string]string{"box/main.tf": data("one", "1"), "bag/main.tf": data("one", "1")})
	h := newHouse(t, b.hosted(r, "trusted")+b.twoStacks()).start()
	h.Reaches("box", store.Planned)
	head := r.propose(1, base, "two", map[string]string{"box/main.tf": data("two", "2")})
	n := b.open(proposal{author: "joe", head: head})
	if b.strict {
		b.says(t, n, "its author joe is neither a member nor a collaborator")
	} else {
		b.stands(t, head, "box", "pending", "not planned: its author joe may read")
	}
	if runs := h.previews(); len(runs) > 0 {
		t.Fatalf("it was planned: %+v", runs)
	}
	_, err := h.Client.Start(t.Context(), control.StartRequest{Stack: "box", PullRequest: n})
	if b.strict {
		if err == nil || len(b.statuses(head, "")) > 0 || len(h.previews()) > 0 {
			t.Fatalf("asked for: %v, previews %+v", err, h.previews())
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	b.stands(t, head, "box", "success", "1 to create")
}

// TestHeldPullRequestBySlack: what waits for an approver's word is planned when one says it to the bot, and for nobody else.
func TestHeldPullRequestBySlack(t *testing.T) { atEachSite(t, heldPullRequestBySlack) }

func heldPullRequestBySlack(t *testing.T, b hub) {
	r, slack := b.repository(t), workspace(t)
	base := b.pushes(r, "one", map[string]string{"box/main.tf": data("one", "1"), "bag/main.tf": data("one", "1")})
	h := newHouse(t, b.hosted(r, "trusted")+b.twoStacks()+asking(slack)).start()
	h.Reaches("box", store.Planned)
	head := r.propose(1, base, "a backend", map[string]string{"box/main.tf": "terraform {\n  backend \"local\" {}\n}\n" + data("two", "2")})
	b.open(proposal{author: "jane", head: head})
	b.stands(t, head, "box", "pending", "not planned: it changes its backend or providers")
	answer := func(user, text, part string) {
		t.Helper()
		said(t, slack, slack.Say(user, ops, "<@"+slack.BotUserID()+"> "+text), part)
	}
	answer(eve, "plan box pr 1", "not one of the approvers")
	answer(jane, "plan box pr 9", b.plain(9)+" is not open")
	if runs := h.previews(); len(runs) > 0 {
		t.Fatalf("it was planned: %+v", runs)
	}
	answer(jane, "plan box PR #1", "planning box of "+b.plain(1)+" at "+head[:10])
	b.stands(t, head, "box", "success", "1 to create")
	if runs := h.previews(); len(runs) != 1 || runs[0].RequestedBy != "slack:"+jane {
		t.Errorf("previews %+v", runs)
	}
}
