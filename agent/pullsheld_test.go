package agent_test

import (
	"strings"
	"testing"

	"sallyport/agent/control"
	"sallyport/notify/github/githubtest"
	"sallyport/store"
)

// TestHeldPullRequests: which programs terraform downloads is not for the author alone to say.
func TestHeldPullRequests(t *testing.T) {
	t.Parallel()
	r, gh := newRepository(t), site(t)
	base := push(r, gh, "one", map[string]string{"box/main.tf": data("one", "1"), "bag/main.tf": data("one", "1")})
	h := newHouse(t, hosted(t, r, gh, "trusted")+twoStacks).start()
	h.Reaches("box", store.Planned)
	backend := "terraform {\n  backend \"local\" {}\n}\n"
	head := r.propose(1, base, "a backend", map[string]string{"box/main.tf": backend + data("two", "2"), "bag/main.tf": backend + data("two", "2")})
	n := gh.OpenPull(infra, githubtest.Pull{Author: "jane", Head: head})
	stands(t, gh, head, "box", "pending", "not planned: it changes its backend or providers")
	commented(t, gh, n, "sallyport plan "+head)
	if runs := h.previews(); len(runs) > 0 {
		t.Fatalf("it was planned: %+v", runs)
	}

	// On the command line: at the head that waits, and no other.
	ask := func(wanted control.StartRequest) error {
		_, err := h.Client.Start(t.Context(), wanted)
		return err
	}
	for part, wanted := range map[string]control.StartRequest{
		"pull request 1 is at " + head[:10]: {Stack: "bag", PullRequest: n, Commit: base},
		"pull request 9 is not open":        {Stack: "bag", PullRequest: 9},
	} {
		if err := ask(wanted); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%+v: %v, want %q", wanted, err, part)
		}
	}
	if err := ask(control.StartRequest{Stack: "bag", PullRequest: n, Commit: head[:12]}); err != nil {
		t.Fatal(err)
	}
	stands(t, gh, head, "bag", "success", "1 to create")
	if err := ask(control.StartRequest{Stack: "bag", PullRequest: n}); err == nil || !strings.Contains(err.Error(), "does not wait") {
		t.Errorf("asked twice: %v", err)
	}

	// Words that do not count: of another head, of somebody whom no person block names, edited.
	gh.Comment(infra, n, "jane", "sallyport plan "+base)
	id := gh.Comment(infra, n, "jane", "nothing")
	gh.EditComment(infra, id, "sallyport plan "+head)
	gh.Comment(infra, n, "joe", "sallyport plan "+head)
	commented(t, gh, n, "of joe did not count")
	if runs := h.previews(); len(runs) != 1 {
		t.Fatalf("it was planned: %+v", runs)
	}
	gh.Comment(infra, n, "jane", "`sallyport plan "+head+"`\n")
	stands(t, gh, head, "box", "success", "1 to create")
}

// TestPullRequestOfWhoMayOnlyRead: it waits for somebody who has looked, whatever it changes.
func TestPullRequestOfWhoMayOnlyRead(t *testing.T) {
	t.Parallel()
	r, gh := newRepository(t), site(t)
	gh.SetAccess(infra, "joe", "read")
	base := push(r, gh, "one", map[string]string{"box/main.tf": data("one", "1"), "bag/main.tf": data("one", "1")})
	h := newHouse(t, hosted(t, r, gh, "trusted")+twoStacks).start()
	h.Reaches("box", store.Planned)
	head := r.propose(1, base, "two", map[string]string{"box/main.tf": data("two", "2")})
	n := gh.OpenPull(infra, githubtest.Pull{Author: "joe", Head: head})
	stands(t, gh, head, "box", "pending", "not planned: its author joe may read")
	if runs := h.previews(); len(runs) > 0 {
		t.Fatalf("it was planned: %+v", runs)
	}
	if _, err := h.Client.Start(t.Context(), control.StartRequest{Stack: "box", PullRequest: n}); err != nil {
		t.Fatal(err)
	}
	stands(t, gh, head, "box", "success", "1 to create")
}

// TestHeldPullRequestBySlack: what waits for an approver's word is planned when one says it to the bot, and for nobody else.
func TestHeldPullRequestBySlack(t *testing.T) {
	t.Parallel()
	r, gh, slack := newRepository(t), site(t), workspace(t)
	base := push(r, gh, "one", map[string]string{"box/main.tf": data("one", "1"), "bag/main.tf": data("one", "1")})
	h := newHouse(t, hosted(t, r, gh, "trusted")+twoStacks+asking(slack)).start()
	h.Reaches("box", store.Planned)
	head := r.propose(1, base, "a backend", map[string]string{"box/main.tf": "terraform {\n  backend \"local\" {}\n}\n" + data("two", "2")})
	gh.OpenPull(infra, githubtest.Pull{Author: "jane", Head: head})
	stands(t, gh, head, "box", "pending", "not planned: it changes its backend or providers")
	answer := func(user, text, part string) {
		t.Helper()
		said(t, slack, slack.Say(user, ops, "<@"+slack.BotUserID()+"> "+text), part)
	}
	answer(eve, "plan box pr 1", "not one of the approvers")
	answer(jane, "plan box pr 9", "pull request 9 is not open")
	if runs := h.previews(); len(runs) > 0 {
		t.Fatalf("it was planned: %+v", runs)
	}
	answer(jane, "plan box PR #1", "planning box of pull request 1 at "+head[:10])
	stands(t, gh, head, "box", "success", "1 to create")
	if runs := h.previews(); len(runs) != 1 || runs[0].RequestedBy != "slack:"+jane {
		t.Errorf("previews %+v", runs)
	}
}
