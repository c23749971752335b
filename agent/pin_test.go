package agent_test

import (
	"context"
	"strings"
	"testing"

	"sallyport/agent/control"
	"sallyport/store"
)

// Going back pins the stack: the next commit waits, and says so, until somebody resumes it. A recovery in between stays there.
func TestGoingBackPinsUntilResumed(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	r := newRepository(t)
	good := r.commit("Good", map[string]string{"box/main.tf": data("a", "good")})
	h := newHouse(t, box(r, "")+asking(s)).start()
	h.settle()
	r.commit("Bad", map[string]string{"box/main.tf": data("a", "bad")})
	h.Reaches("2", store.Planned)
	h.MustDecide("2", "approve")
	h.Reaches("2", store.Applied)

	h.refused(control.StartRequest{Stack: "box", Commit: strings.Repeat("ab", 20)}, "not on the branch main")
	h.refused(control.StartRequest{Stack: "box", Commit: "xyz"}, "is not a commit")
	s.Say(jane, ops, "<@"+s.BotUserID()+"> plan box --commit "+good[:8]+" the bad one breaks logins")
	card := said(t, s, "", "GOING BACK TO COMMIT "+good[:8])
	run := h.Reaches("3", store.Planned)
	if run.Commit != good || !run.Options.Back || !strings.Contains(run.Position, "1 commit of the branch") || !strings.Contains(card.Visible(), "GOING BACK TO COMMIT") {
		t.Errorf("%+v\n%s", run, card.Visible())
	}
	s.Reply(jane, ops, card.TS, "approve")
	h.Reaches("3", store.Applied)
	said(t, s, card.TS, "box is pinned from now on at commit "+good[:10])

	worse := r.commit("Worse", map[string]string{"box/main.tf": data("a", "worse")})
	run = h.Until("4", "held", func(c control.Run) bool { return c.Commit == worse && strings.Contains(c.Held, "pinned") })
	if run.Status != store.Pending || !strings.Contains(run.Held, "slack:"+jane) || !strings.Contains(run.Held, "breaks logins") || run.Hint != "sallyport resume box" {
		t.Errorf("%+v", run)
	}
	said(t, s, "", "box #4 waits: the stack is pinned at commit "+good[:10])
	pin := h.Eventually("pinned", func(s control.Status) bool { return s.Stacks[0].Pin != nil }).Stacks[0].Pin
	if pin.Commit != good || !pin.Back || pin.By != "slack:"+jane || pin.Run != 3 {
		t.Errorf("%+v", pin)
	}

	// A restart changes nothing; a recovery is at the commit that is applied, and leaves the pin alone.
	h.stop()
	h.start()
	again := h.plan("box", true)
	if run = h.Reaches(num(again), store.NoChanges); run.Commit != good {
		t.Errorf("recovered at %s, applied is %s", run.Commit, good)
	}
	run = h.Until("6", "held again", func(c control.Run) bool { return c.Commit == worse && strings.Contains(c.Held, "pinned") })
	if _, err := h.Client.Resume(context.Background(), control.ResumeRequest{Stack: "box"}); err != nil {
		t.Fatal(err)
	}
	if run = h.Reaches("6", store.Planned); run.Commit != worse {
		t.Errorf("%+v", run)
	}
	said(t, s, "", "box follows the branch again")
	h.Eventually("not pinned", func(s control.Status) bool { return s.Stacks[0].Pin == nil })
}

// What is not in git is undone by the next commit, so it pins too; a recovery and a resume know of it.
func TestGivenVariablePinsAndIsInherited(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	config := "variable \"snapshot\" { default = \"latest\" }\n" + "resource \"terraform_data\" \"volume\" { input = var.snapshot }\n"
	r.commit("Add", map[string]string{"box/main.tf": config})
	h := newHouse(t, box(r, "")).start()
	h.settle()
	id := h.begin(control.StartRequest{Stack: "box", Vars: map[string]string{"snapshot": "of-tuesday"}, Reason: "the volume is broken"})
	h.Reaches(num(id), store.Planned)
	h.MustDecide(num(id), "approve")
	h.Reaches(num(id), store.Applied)
	st := h.Eventually("pinned", func(s control.Status) bool { return s.Stacks[0].Pin != nil }).Stacks[0]
	if strings.Join(st.Pin.Vars, "") != "snapshot" || st.Pin.Reason != "the volume is broken" {
		t.Errorf("%+v", st.Pin)
	}
	// The agent was restarted, and the value is known to a recovery only from its pin: without it there would be a change.
	h.stop()
	h.start()
	again := h.plan("box", true)
	if run := h.Reaches(num(again), store.NoChanges); strings.Join(run.Options.Vars, "") != "snapshot" {
		t.Errorf("%+v", run.Options)
	}
	// Somebody who has the branch applied knowingly is told what that undoes.
	plain, err := h.Client.Start(context.Background(), control.StartRequest{Stack: "box"})
	if err != nil || !strings.Contains(strings.Join(plain.Warnings, " "), "pinned") {
		t.Fatalf("%+v, %v", plain, err)
	}
	run := h.Reaches(num(plain.Run), store.Planned)
	if !strings.Contains(strings.Join(run.Warnings, " "), "applying this run undoes that") || run.Plan.Change != 1 {
		t.Errorf("%+v", run)
	}
	h.MustDecide(num(plain.Run), "approve")
	h.Reaches(num(plain.Run), store.Applied)
	h.Eventually("not pinned", func(s control.Status) bool { return s.Stacks[0].Pin == nil })
}
