package agent_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"sallyport/agent/control"
	"sallyport/agent/datadir"
	"sallyport/store"
)

// Whoever asks in Slack hears the end below what they wrote, also the ends that are told nowhere else.
func TestWhoAsksInSlackHearsTheEnd(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": "locals {}\n"})
	h := newHouse(t, box(r, "")+asking(s)).start()
	h.Reaches("1", store.NoChanges)
	ask := func(text string) string { return s.Say(jane, ops, "<@"+s.BotUserID()+"> "+text) }

	said(t, s, ask("plan box"), "#2 box: nothing to do, all is as applied.")
	said(t, s, ask("recover box"), "#3 box: nothing to do, all is as applied.")
	r.commit("Break the box", map[string]string{"box/main.tf": "resource \"terraform_data\" \"a\" {\n  input = nosuch.thing\n}\n"})
	h.Reaches("4", store.Errored)
	said(t, s, ask("plan box"), "#5 box could not be planned.")
	if err := h.Client.Pause(context.Background(), control.PauseRequest{Stack: "box"}); err != nil {
		t.Fatal(err)
	}
	first := ask("plan box")
	said(t, s, first, "#6")
	h.plan("box", false)
	said(t, s, first, "#6 box was superseded: ")
}

// What failed waits for a person over a restart, until a run of its stack ends well.
func TestWhatFailedNeedsALookUntilARunEndsWell(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Break the box", map[string]string{"box/main.tf": "resource \"terraform_data\" \"a\" {\n  input = nosuch.thing\n}\n"})
	h := newHouse(t, box(r, "")).start()
	h.Reaches("1", store.Errored)
	h.stop()
	h.start()
	look := func(what string, want func(*control.Look) bool) {
		t.Helper()
		h.Eventually(what, func(s control.Status) bool { return want(s.Stacks[0].Look) })
	}
	look("the restart forgot it", func(l *control.Look) bool {
		return l != nil && l.Run == 1 && l.Text == "box #1 could not be planned" && strings.Contains(l.Cause, "undeclared resource")
	})
	r.commit("Mend the box", map[string]string{"box/main.tf": data("a", "one")})
	h.Reaches("2", store.Planned)
	look("the new plan shows the way", func(l *control.Look) bool { return l != nil && strings.Contains(l.Hint, "sallyport show 2") })
	h.MustDecide("2", "approve")
	h.Reaches("2", store.Applied)
	look("it ended well", func(l *control.Look) bool { return l == nil })
}

// Somebody who has looked says so with resume; where a version of before noted nothing, the newest run tells.
func TestResumeSaysThatSomebodyHasLooked(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Break the box", map[string]string{"box/main.tf": "resource \"terraform_data\" \"a\" {\n  input = nosuch.thing\n}\n"})
	h := newHouse(t, box(r, "")).start()
	h.Reaches("1", store.Errored)
	h.stop()
	kept, err := store.Open(store.Options{Path: datadir.Store(h.Data())})
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(kept.Update(func(tx *store.Tx) error {
		st, err := tx.Stack("box")
		if err != nil {
			return err
		}
		st.Look = nil
		return tx.PutStack(st)
	}), kept.Close())
	if err != nil {
		t.Fatal(err)
	}
	h.start()
	h.Eventually("the newest run tells", func(s control.Status) bool { return s.Stacks[0].Look != nil })
	was, err := h.Client.Resume(context.Background(), control.ResumeRequest{Stack: "box"})
	if err != nil || was.Held || was.Seen != 1 {
		t.Errorf("resume: %+v, %v", was, err)
	}
	h.stop()
	h.start()
	status := h.Eventually("the agent answers", func(s control.Status) bool { return len(s.Stacks) == 1 })
	if st := status.Stacks[0]; st.Look != nil || st.Seen != 1 || st.Run.Status != store.Errored {
		t.Errorf("after the restart it is %+v", st)
	}
}

// A stack says when it was applied, when it was found to need nothing, and that it was destroyed, and no card of it says afterwards
// that nothing was ever applied.
func TestAppliedCheckedDestroyed(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	now, skip := clock()
	h := newHouse(t, box(r, ""))
	h.now = now
	h.start()
	if run := h.Reaches("1", store.Planned); run.Position != "nothing of this stack was applied by sallyport yet" {
		t.Errorf("the first plan is %q", run.Position)
	}
	h.MustDecide("1", "approve")
	h.Reaches("1", store.Applied)
	applied := h.Eventually("applied", func(s control.Status) bool { return s.Stacks[0].AppliedAt != nil }).Stacks[0]
	skip(time.Minute)
	h.Reaches(fmt.Sprint(h.plan("box", false)), store.NoChanges)
	checked := h.Eventually("checked", func(s control.Status) bool { return s.Stacks[0].CheckedAt != nil }).Stacks[0]
	if !checked.AppliedAt.Equal(*applied.AppliedAt) || !checked.CheckedAt.After(*checked.AppliedAt) {
		t.Errorf("applied at %v, now %v; checked at %v", applied.AppliedAt, checked.AppliedAt, checked.CheckedAt)
	}

	r.commit("Change", map[string]string{"box/main.tf": data("a", "two")})
	if run := h.Reaches("3", store.Planned); run.Position != "" {
		t.Errorf("the one commit is told as %q", run.Position)
	}
	three := h.Plan(control.StartRequest{Stack: "box", Destroy: true})
	h.Reaches(fmt.Sprint(three), store.Planned)
	h.MustDecide(fmt.Sprint(three), "approve destroy")
	h.Reaches(fmt.Sprint(three), store.Applied)
	gone := h.Eventually("destroyed", func(s control.Status) bool { return s.Stacks[0].Destroyed != nil }).Stacks[0]
	if gone.Destroyed.Run != three || gone.Destroyed.At == nil || gone.AppliedAt != nil || gone.AppliedCommit != "" {
		t.Errorf("after the destroy: %+v", gone)
	}
	again := h.Reaches(fmt.Sprint(h.plan("box", false)), store.Planned)
	if want := fmt.Sprintf("nothing of this stack is applied: #%d destroyed it", three); again.Position != want {
		t.Errorf("after the destroy its plan is %q, want %q", again.Position, want)
	}
	h.MustDecide(fmt.Sprint(again.ID), "approve")
	h.Reaches(fmt.Sprint(again.ID), store.Applied)
	h.Eventually("it is there again", func(s control.Status) bool {
		return s.Stacks[0].Destroyed == nil && s.Stacks[0].AppliedAt != nil
	})
}
