package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/agent/patience"
	"sallyport/notify/button"
	"sallyport/notify/slack/modal"
	"sallyport/notify/slack/slacktest"
	"sallyport/notify/slack/slacktest/blockkit"
)

// tries is how often somebody presses again.
const tries = 50

// hand is somebody in front of Slack, who presses again where that is what they are told.
type hand struct {
	t *testing.T
	s *slacktest.Server
}

// pressing is asking with buttons.
func pressing(s *slacktest.Server) string {
	return strings.Replace(asking(s), "slack {", fmt.Sprintf("slack {\n  app_token = %q", s.Live.Token()), 1)
}

func (h hand) wait(what string, until func() bool) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), patience.Limit())
	defer cancel()
	if err := h.s.WaitFor(ctx, until); err != nil {
		h.t.Fatalf("%s: %v", what, err)
	}
}

// listened waits until so many agents hear what is pressed.
func (h hand) listened(agents int) {
	h.t.Helper()
	h.wait("nobody listens", func() bool { open, _, _ := h.s.Live.Socket.Count(); return open == agents })
}

func (h hand) acknowledged(p *slacktest.Press) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), patience.Limit())
	defer cancel()
	if err := p.Wait(ctx); err != nil {
		h.t.Fatal(err)
	}
}

// top is the modal that somebody has before them; empty if there is none.
func (h hand) top(user string) slacktest.View {
	views := h.s.Live.Views(user)
	if len(views) == 0 {
		return slacktest.View{}
	}
	return views[len(views)-1]
}

// press presses a button of a card and returns what came of it: what the person alone was told, or the modal that opened.
func (h hand) press(user string, card slacktest.Message, a button.Action) string {
	h.t.Helper()
	for range tries {
		if said := h.once(user, card, a); !strings.Contains(said, "ress again") { // it was too early or took too long, which is true of a busy machine
			return said
		}
	}
	h.t.Fatalf("%s is told again and again to press again", user)
	return ""
}

// once is the same, whatever it is.
func (h hand) once(user string, card slacktest.Message, a button.Action) (said string) {
	h.t.Helper()
	before, hash := len(h.s.Ephemerals(ops)), h.top(user).Hash
	h.acknowledged(h.s.Live.Press(user, ops, card.TS, string(a)))
	h.wait("nothing came of it", func() bool {
		if view := h.top(user); view.Hash != hash {
			said = view.Visible()
		}
		for _, m := range h.s.Ephemerals(ops)[before:] {
			if m.User == user {
				said = m.Visible()
			}
		}
		return said != ""
	})
	return said
}

// submit submits the modal that somebody has before them, and returns what it shows then.
func (h hand) submit(user string, filled blockkit.Filled) string {
	h.t.Helper()
	h.acknowledged(h.s.Live.Submit(user, filled))
	view := h.top(user)
	if len(view.Errors) > 0 {
		return fmt.Sprint(view.Errors)
	}
	return view.Visible()
}

// does presses a button that asks, and submits what it asks for.
func (h hand) does(user string, card slacktest.Message, a button.Action, fill func(slacktest.View) blockkit.Filled) string {
	h.t.Helper()
	for range tries {
		if said, opened := h.press(user, card, a), h.top(user); opened.Callback == modal.CallbackResult || opened.ID == "" {
			return said
		}
		if said := h.submit(user, fill(h.top(user))); !strings.Contains(said, "ress again") {
			return said
		}
	}
	h.t.Fatalf("%s is told again and again to press again", user)
	return ""
}

// ticks ticks everything that there is to tick.
func ticks(v slacktest.View) blockkit.Filled {
	filled := blockkit.Filled{}
	for _, b := range v.Blocks {
		block := fmt.Sprint(b["block_id"])
		if !strings.HasPrefix(block, modal.Ticks) {
			continue
		}
		var element struct {
			Options []struct{ Value string }
		}
		raw, err := json.Marshal(b["element"])
		if err == nil {
			err = json.Unmarshal(raw, &element)
		}
		if err != nil {
			panic(err)
		}
		var values []string
		for _, o := range element.Options {
			values = append(values, o.Value)
		}
		filled[block] = map[string]any{block: values}
	}
	return filled
}

func nothing(slacktest.View) blockkit.Filled { return nil }

func (h hand) says(what, got string, want ...string) {
	h.t.Helper()
	if !has(got, want...) {
		h.t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// A whole life by buttons, with the program as it is installed: looked at, approved, denied, approved by name through a kill, canceled.
func TestButtons(t *testing.T) {
	t.Parallel()
	i, gate := newInfra(t), t.TempDir()
	s := newWorkspaceWith(t, slacktest.Options{App: slacktest.App{TriggerLife: patience.Limit()}})
	b := hand{t, s}
	var many strings.Builder
	for n := range 60 {
		many.WriteString(thing(fmt.Sprintf("t%02d", n), "one"))
	}
	vital := thing("vital", "one")
	i.Commit("Add", map[string]string{"box/main.tf": many.String() + vital})
	h := newHouse(t, i.box(`protect = ["terraform_data.vital"]`)+pressing(s), slackEnv).start()
	first := card(t, s, 1)
	b.listened(1)
	b.looked(first)
	b.says("a stranger", b.press(eve, first, button.Approve), "@eve, your approve did not count: you may not approve box")
	b.says("a guest", b.press(guest, first, button.DenyAsk), "it is a guest account")
	b.late(first)
	if r := h.show("1"); r.Status != "planned" || len(r.Decisions) != 0 {
		t.Fatalf("the run is %s, with %d decisions", r.Status, len(r.Decisions))
	}
	b.approves(h, first)

	i.Commit("Drop", map[string]string{"box/main.tf": many.String()})
	second := card(t, s, 2)
	b.says("deny", b.does(jane, second, button.DenyAsk, func(slacktest.View) blockkit.Filled {
		return blockkit.Filled{modal.Reason: {modal.Reason: "not on a Friday"}}
	}), "Counted: #2 box is discarded.")
	if r := h.reaches("2", "discarded"); r.Error != "denied by slack:"+jane+": not on a Friday" || r.Decisions[0].Text != "button" {
		t.Errorf("error %q, decisions %+v", r.Error, r.Decisions)
	}
	replied(t, s, second.TS, "#2 box: denied by @jane with the button: not on a Friday")

	i.Commit("Drop it", map[string]string{"box/main.tf": many.String() + "# now\n"})
	b.says("the modal", b.press(joe, card(t, s, 3), button.ApproveAsk), "terraform_data.vital (PROTECTED")
	i.Commit("Drop it, and more", map[string]string{"box/main.tf": many.String() + gated(gate)})
	fourth := card(t, s, 4)
	b.says("a modal of a plan that waits no more", b.submit(joe, ticks(b.top(joe))), "This did not count: #3 has ended: superseded")
	b.killed(h, fourth)
	h.written(filepath.Join(gate, "ran"))
	b.says("a stranger cancels", b.press(eve, fourth, button.CancelAsk), "your cancel did not count")
	b.says("cancel", b.does(jane, fourth, button.CancelAsk, nothing), "#4 is applying: terraform is asked once to stop")
	if r := h.reaches("4", "canceled"); len(r.Decisions) != 1 || r.Decisions[0].By != "slack:"+jane {
		t.Errorf("decisions %+v", r.Decisions)
	}
	replied(t, s, fourth.TS, "#4 box: canceled by @jane with the button.")
	b.shared(i)
}

// looked turns the pages of what changes, and opens nothing once the time for it is over.
func (h hand) looked(card slacktest.Message) {
	h.says("details", h.press(eve, card, button.Details), "Page 1 of ", "# terraform_data.t00 will be created")
	for _, turn := range []struct {
		to   button.Action
		want string
	}{{button.Next, "Page 2 of "}, {button.Previous, "Page 1 of "}} {
		for n := 0; !strings.Contains(h.top(eve).Visible(), turn.want); n++ { // again where Slack took longer than anybody waits
			if n == tries {
				h.t.Fatalf("%s leads nowhere: %q", turn.to, h.top(eve).Visible())
			}
			h.s.Live.Socket.Hold() // pressed twice before the window changes: one of the two finds that it did
			twice := []*slacktest.Press{h.s.Live.PressIn(eve, string(turn.to), nil), h.s.Live.PressIn(eve, string(turn.to), nil)}
			h.s.Live.Socket.Release()
			for _, p := range twice {
				h.acknowledged(p)
			}
		}
	}
	before := len(h.s.Ephemerals(ops))
	h.s.Live.Socket.Hold()
	p := h.s.Live.Press(eve, ops, card.TS, string(button.Details))
	h.s.Live.ExpireTriggers()
	h.s.Live.Socket.Release()
	h.acknowledged(p)
	h.wait("who was too late is told", func() bool {
		told := h.s.Ephemerals(ops)[before:]
		return len(told) == 1 && has(told[0].Visible(), "ress again")
	})
}

// late is the press of somebody whose account is gone by the time that it comes.
func (h hand) late(card slacktest.Message) {
	h.s.Live.Socket.Hold()
	p := h.s.Live.Press(joe, ops, card.TS, string(button.Approve))
	h.s.ChangeUser(joe, func(u *slacktest.User) { u.Deleted = true })
	h.s.Live.Socket.Release()
	h.acknowledged(p)
	h.s.ChangeUser(joe, func(u *slacktest.User) { u.Deleted = false })
}

// approves presses once, and Slack tells of it three times.
func (h hand) approves(in *house, card slacktest.Message) {
	const times = 3
	counted := false
	for n := 0; !counted; n++ { // again where Slack did not say in time who it is
		if n == tries {
			h.t.Fatal("it never counts")
		}
		before := len(h.s.Ephemerals(ops))
		h.s.Live.Socket.Hold()
		p := h.s.Live.Press(jane, ops, card.TS, string(button.Approve))
		for range times - 1 {
			p.Again()
		}
		h.s.Live.Socket.Release()
		h.acknowledged(p)
		h.wait("not all were answered", func() bool { return len(h.s.Ephemerals(ops)) == before+times })
		for _, m := range h.s.Ephemerals(ops)[before:] {
			counted = counted || has(m.Visible(), "Counted: #1 box is approved.")
		}
	}
	r := in.reaches("1", "applied")
	if len(r.Decisions) != 1 || r.Decisions[0].By != "slack:"+jane || r.Decisions[0].Text != "button" {
		h.t.Errorf("decisions %+v", r.Decisions)
	}
	replied(h.t, h.s, card.TS, "is applied")
	n := 0
	for _, m := range h.s.Thread(ops, card.TS) {
		n += strings.Count(m.Visible(), "approved by @jane with the button")
	}
	if n != 1 {
		h.t.Errorf("the thread tells %d times of one vote", n)
	}
	m, _ := h.s.Message(ops, card.TS)
	for _, block := range m.Blocks {
		if block["type"] == "actions" {
			h.t.Error("it has ended and has buttons")
		}
	}
}

// killed ticks what has to be named while the agent is down.
func (h hand) killed(in *house, card slacktest.Message) {
	h.t.Helper()
	h.says("nothing is ticked", h.does(jane, card, button.ApproveAsk, nothing), "1 protected address must be named")
	for range tries {
		h.s.Live.Socket.Hold()
		p := h.s.Live.Submit(jane, ticks(h.top(jane)))
		in.kill()
		in.start()
		h.listened(1)
		h.s.Live.Socket.Release()
		h.acknowledged(p)
		said := h.top(jane).Visible()
		if !strings.Contains(said, "ress again") {
			h.says("what was ticked while nobody listened", said, "Counted: #4 box is approved.")
			return
		}
		h.press(jane, card, button.ApproveAsk)
	}
	h.t.Fatal("it never counts")
}

// shared has a second agent on the same token: each hears a part of what is pressed, and says so of what is not its own.
func (h hand) shared(i *infra) {
	i.Commit("Another", map[string]string{"other/main.tf": thing("a", "one")})
	newHouse(h.t, i.block()+stackBlock("other", `approvals = 2`)+pressing(h.s), slackEnv).start()
	var theirs slacktest.Message
	h.wait("the other agent asks nobody", func() bool {
		for _, m := range h.s.Messages(ops) {
			if _, stack, _, _, ok := m.Run(); ok && stack == "other" {
				theirs = m
			}
		}
		return theirs.TS != ""
	})
	h.listened(2)
	elsewhere, counted := false, false
	for range 20 {
		said := h.press(joe, theirs, button.Approve)
		elsewhere = elsewhere || said == "This card belongs to another agent; reply in its thread."
		counted = counted || has(said, "Counted: 1 of 2 approvals of #1 other.")
		if elsewhere && counted {
			return
		}
	}
	h.t.Errorf("told that it is another's: %t, counted: %t", elsewhere, counted)
}
