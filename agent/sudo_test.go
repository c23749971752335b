package agent_test

import (
	"os"
	"strings"
	"testing"

	"sallyport/agent/control"
	"sallyport/agent/peercred"
	"sallyport/store"
)

// Whatever somebody does as root is recorded with who had logged in. What root may is allowed, and it counts as the human's.
func TestWhoBecameRootIsRecorded(t *testing.T) {
	t.Parallel()
	const ann = "cli:root (logged in as ann)"
	sudo := peercred.Caller{UID: 0, User: "root", LoginUser: "ann", PID: os.Getpid()}
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	r := newRepository(t)
	first := r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, `
		approvals           = 2
		break_glass         = ["root"]
		allow_self_approval = false`)+`
person "author" { github = "jane" }
person "boss" { os = "ann" }
`).start()
	root := h.agent.CommandLine()
	h.Reaches("1", store.Planned)
	_, err := root.Decide(ctx, control.DecideRequest{Ref: "1", Words: "approve", By: sudo})
	must(err)
	_, err = root.Decide(ctx, control.DecideRequest{Ref: "1", Words: "approve", BreakGlass: true, Reason: "night", By: sudo})
	must(err)
	run := h.Reaches("1", store.Applied)
	if d := run.Decisions[0]; d.By != "cli:root" || d.Login != "ann" || d.Text != "approve" {
		t.Errorf("the decision: %+v", d)
	}
	if g := run.BreakGlass; g == nil || g.By != "cli:root" {
		t.Errorf("the glass: %+v", g)
	}

	second := r.commit("Second", map[string]string{"box/main.tf": data("a", "two")})
	h.Reaches("2", store.Planned)
	started, err := root.Start(ctx, control.StartRequest{Stack: "box", By: sudo})
	must(err)
	if told := strings.Join(started.Warnings, "\n"); !strings.Contains(told, "it takes the place of #2, which was planned") {
		t.Errorf("whoever asks is not told what makes way: %q", told)
	}
	if run = h.Reaches("2", store.Superseded); run.Error != "superseded: "+ann+" asked for another plan" {
		t.Errorf("what made way: %q", run.Error)
	}
	if run = h.Reaches("3", store.Planned); run.RequestedBy != "cli:root" || run.RequestedLogin != "ann" {
		t.Errorf("requested by %q, %q", run.RequestedBy, run.RequestedLogin)
	}
	must(root.Pause(ctx, control.PauseRequest{Stack: "box", By: sudo}))
	run = h.Until("3", "held", func(r control.Run) bool { return r.Held != "" })
	if !strings.Contains(run.Held, "paused by "+ann) {
		t.Errorf("held: %q", run.Held)
	}
	if p := h.Eventually("paused", func(s control.Status) bool { return s.Stacks[0].Paused }).Stacks[0].Pause; p.By != "cli:root" || p.Login != "ann" {
		t.Errorf("the pause: %+v", p)
	}
	_, err = root.Resume(ctx, control.ResumeRequest{Stack: "box", By: sudo})
	must(err)
	_, err = root.Cancel(ctx, control.CancelRequest{Ref: "3", By: sudo})
	must(err)
	h.Reaches("3", store.Canceled)
	r.reset(first)
	other := r.commit("Other second", map[string]string{"box/main.tf": data("a", "three")})
	h.Eventually("held", func(s control.Status) bool {
		return s.Repositories[0].HeldHead == other && s.Repositories[0].Head == second
	})
	must(root.Accept(ctx, control.AcceptRequest{Repository: "infra", Commit: other, By: sudo}))

	seen := map[string]bool{}
	events, err := h.agent.History()
	must(err)
	for _, e := range events {
		if e.By == ann {
			seen[e.Type] = true
		} else if strings.Contains(e.By, "root") {
			t.Errorf("the history has %s by %q", e.Type, e.By)
		}
	}
	for _, kind := range []string{"decision", "break_glass", "request", "transition", "pause", "resume", "cancel", "accept"} {
		if !seen[kind] {
			t.Errorf("no %s of root's in the history", kind)
		}
	}
}
