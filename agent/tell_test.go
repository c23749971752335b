package agent_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/agent/control"
	"sallyport/agent/patience"
	"sallyport/store"
)

// clock is a time that a test can move on.
func clock() (now func() time.Time, skip func(time.Duration)) {
	var by atomic.Int64
	return func() time.Time { return time.Now().Add(time.Duration(by.Load())) }, func(d time.Duration) { by.Add(int64(d)) }
}

func TestFirstStacksAreSummedUpInOneMessage(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	r := newRepository(t)
	r.commit("Add", map[string]string{
		"box/main.tf": data("a", "one"), "late/main.tf": data("a", "one"), "clean/main.tf": "locals {}\n", "bad/main.tf": "resource \"terraform_data\" \"x\" {\n  input = nosuch.y\n}\n",
	})
	h := newHouse(t, box(r, "")+"stack \"clean\" { dir = \"clean\" }\nstack \"bad\" { dir = \"bad\" }\n"+
		"stack \"late\" {\n  dir = \"late\"\n  depends_on = [\"box\"]\n}\n"+asking(s)).start()
	note := said(t, s, "", "4 stacks were seen for the first time")
	for _, part := range []string{"Without changes, taken as they are: clean", "With changes: box", "Could not be planned: bad", "Planned once others have ended well: late"} {
		if !strings.Contains(note.Text, part) {
			t.Errorf("%q is not in %q", part, note.Text)
		}
	}
	h.Eventually("the outbox is empty", func(s control.Status) bool { return s.Outbox == 0 })
	if n := len(s.Messages(ops)); n != 3 { // box, bad and the sum
		t.Errorf("%d messages in the channel", n)
	}
	status := h.Eventually("clean is the baseline", func(s control.Status) bool { return s.Stacks[2].AppliedCommit != "" })
	if status.Stacks[2].Run.Status != store.NoChanges {
		t.Errorf("clean: %+v", status.Stacks[2])
	}
}

func TestALastingGitErrorIsToldOnceAndItsEndToo(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": "locals {}\n"})
	h := newHouse(t, box(r, "")+asking(s))
	now, skip := clock()
	h.now = now
	h.start()
	h.Reaches("1", store.NoChanges)
	if err := os.Rename(r.dir, r.dir+".gone"); err != nil {
		t.Fatal(err)
	}
	h.Eventually("the error is shown", func(s control.Status) bool { return s.Repositories[0].Error != "" })
	skip(time.Hour)
	said(t, s, "", "cannot be read since")
	if err := os.Rename(r.dir+".gone", r.dir); err != nil {
		t.Fatal(err)
	}
	said(t, s, "", "can be read again")
	if n := len(s.Messages(ops)); n != 2 {
		t.Errorf("%d messages in the channel", n)
	}
}

func TestQuietEndsPostNothing(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": "locals {}\n"})
	h := newHouse(t, box(r, "")+asking(s)).start()
	h.Reaches("1", store.NoChanges)
	r.commit("Change", map[string]string{"box/main.tf": data("a", "one")})
	card := said(t, s, "", "1 to create")
	r.commit("Change again", map[string]string{"box/main.tf": data("a", "two")})
	h.Reaches("2", store.Superseded)
	ctx, cancel := context.WithTimeout(context.Background(), patience.Limit())
	defer cancel()
	if err := s.WaitFor(ctx, func() bool {
		m, _ := s.Message(ops, card.TS)
		return strings.Contains(m.Visible()+m.Text, "superseded")
	}); err != nil {
		t.Error("the old message does not say that it is superseded: ", err)
	}
	h.Reaches("3", store.Planned)
	h.Eventually("the outbox is empty", func(s control.Status) bool { return s.Outbox == 0 })
	if n := len(s.Messages(ops)); n != 2 {
		t.Errorf("%d messages in the channel", n)
	}
}

// The state moves between the plan and the apply: terraform refuses, and another plan asks.
func TestStalePlanIsPlannedAgain(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	state := t.TempDir()
	backend := fmt.Sprintf("terraform {\n  backend \"local\" {\n    path = \"%s/x.tfstate\"\n  }\n}\n", state)
	r.commit("Add", map[string]string{"box/main.tf": backend + data("a", "one")})
	h := newHouse(t, box(r, "")).start()
	h.Reaches("1", store.Planned)
	h.MustDecide("1", "approve")
	h.Reaches("1", store.Applied)
	r.commit("Change", map[string]string{"box/main.tf": backend + data("a", "two")})
	h.Reaches("2", store.Planned)
	file := state + "/x.tfstate"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	moved := strings.Replace(string(text), `"serial": `, `"serial": 7`, 1)
	if err := os.WriteFile(file, []byte(moved), 0o600); err != nil {
		t.Fatal(err)
	}
	h.MustDecide("2", "approve")
	h.Reaches("2", store.Stale)
	run := h.Reaches("3", store.Planned)
	if run.Kind != store.KindRecovery || run.After != 2 || len(run.Decisions) != 0 {
		t.Errorf("what takes over: %+v", run)
	}
}

func TestTwoStacksOnOneStateAreRefused(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	state := t.TempDir()
	backend := fmt.Sprintf("terraform {\n  backend \"local\" {\n    path = \"%s/x.tfstate\"\n  }\n}\n", state)
	r.commit("Add", map[string]string{"box/main.tf": backend + data("a", "one")})
	h := newHouse(t, box(r, "")).start()
	h.Reaches("1", store.Planned)
	h.MustDecide("1", "approve")
	h.Reaches("1", store.Applied)
	h.plan("box", false) // the lineage is known from the plan of a state that exists
	h.Reaches("2", store.NoChanges)
	r.commit("Copy", map[string]string{"copy/main.tf": backend + data("a", "one")})
	h.Body += "stack \"copy\" { dir = \"copy\" }\n"
	if err := h.agent.Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
	run := h.Reaches("3", store.Errored)
	if !strings.Contains(run.Error, "have the same state") || run.Hint == "" {
		t.Errorf("error %q, hint %q", run.Error, run.Hint)
	}
}

func TestRemovedDirectorySaysWhatItsStateHolds(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one"), "README.md": "x"})
	h := newHouse(t, box(r, "")).start()
	h.Reaches("1", store.Planned)
	h.MustDecide("1", "approve")
	h.Reaches("1", store.Applied)
	r.commit("Remove the box", map[string]string{"box/main.tf": ""})
	h.Eventually("the error says what is left", func(s control.Status) bool {
		return strings.Contains(s.Stacks[0].Error, "still holds 1 resource")
	})
}
