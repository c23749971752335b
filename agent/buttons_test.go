package agent_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"sallyport/agent/control"
	"sallyport/notify/button"
	"sallyport/notify/slack/modal"
	"sallyport/notify/slack/slacktest"
	"sallyport/notify/slack/socket"
	"sallyport/store"
)

// A press is weighed like a reply, counts once, and is told in the thread; who pressed is told alone what was counted or why not. One
// agent goes through all of it, run after run.
func TestButtons(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one") + data("vital", "one")})
	p := &presser{t: t, s: s, h: newHouse(t, box(r, `protect = ["terraform_data.vital"]`)+asking(s))} // pressed on cards that show no button yet
	p.start()
	first := said(t, s, "", "2 to create")
	said(t, s, first.TS, "plan-1-") // the agent knows by then where the card is
	t.Run("does not count", func(t *testing.T) { p.neverCounts(t, first) })
	t.Run("counts once", func(t *testing.T) { p.countsOnce(t, first) })

	r.commit("Drop", map[string]string{"box/main.tf": data("a", "two")})
	second := said(t, s, "", "1 to destroy")
	said(t, s, second.TS, "plan-2-") // the agent knows by then where the card is
	t.Run("names are wanted", func(t *testing.T) { p.wantsNames(t, second) })
	t.Run("deny", func(t *testing.T) { p.denies(t, second) })

	gate := t.TempDir()
	r.commit("Drop it now", map[string]string{"box/main.tf": data("a", "three") + slow(gate)})
	third := said(t, s, "", "#3: planned")
	said(t, s, third.TS, "plan-3-") // the agent knows by then where the card is
	t.Run("looked up again", func(t *testing.T) { p.lookedUpAgain(t, third) })
	t.Run("after a restart", func(t *testing.T) { p.afterRestart(t, third) })
	p.h.waitFor(filepath.Join(gate, "started"))
	t.Run("cancel", func(t *testing.T) { p.cancels(t, third) })
}

func (p *presser) neverCounts(t *testing.T, card slacktest.Message) {
	p.s.ChangeUser(joe, func(u *slacktest.User) { u.Deleted = true })
	at := func(change func(*socket.Event)) socket.Event {
		e := p.click(jane, card, button.Approve)
		change(&e)
		return e
	}
	other := strings.Repeat("0f", 32)
	for name, c := range map[string]struct {
		e    socket.Event
		want string
	}{
		"a stranger":         {p.click(eve, card, button.Approve), "@eve, your approve did not count: you may not approve box, since you are not one of the approvers."},
		"a stranger denies":  {p.click(eve, card, button.DenyAsk), "@eve, your deny did not count: you may not deny box"},
		"a stranger cancels": {p.submit(eve, card, modal.CallbackCancel, nil), "your cancel did not count"},
		"a stranger submits": {p.submit(eve, card, modal.CallbackApprove, ticked("1")), "your approve did not count"},
		"a guest":            {p.click(guest, card, button.Approve), "This did not count: it is a guest account."},
		"deactivated":        {p.submit(joe, card, modal.CallbackDeny, nil), "This did not count: the account is deactivated."},
		"nobody":             {at(func(e *socket.Event) { e.User = "" }), "error: "},
		"no account":         {at(func(e *socket.Event) { e.User = "jane> <!channel" }), "error: "},
		"another agent's card": {at(func(e *socket.Event) { e.Block = button.Block("another") }),
			"This card belongs to another agent; reply in its thread."},
		"no agent's card":  {at(func(e *socket.Event) { e.Block = "b1" }), "This card belongs to another agent; reply in its thread."},
		"another message":  {at(func(e *socket.Event) { e.Message = "1.1" }), "This did not count: this is not the message of #1 any more."},
		"another channel":  {at(func(e *socket.Event) { e.Channel = "C0000XXX" }), ""},
		"another plan":     {at(func(e *socket.Event) { e.Value = "1:" + other }), "This did not count: the plan of #1 that waits now is "},
		"another run":      {at(func(e *socket.Event) { e.Value = "99:" + other }), "This did not count: nothing is known of #99 any more."},
		"no run":           {at(func(e *socket.Event) { e.Value = "1" }), "This did not count: the button does not say which plan it is about."},
		"another's modal":  {p.submitted(jane, "1:"+other+" "+button.Mark("another")), "This card belongs to another agent; reply in its thread."},
		"no modal of ours": {p.submitted(jane, "approve everything"), "This card belongs to another agent; reply in its thread."},
		"a modal of another plan": {p.submitted(jane, "1:"+other+" "+strings.Fields(p.submit(jane, card, "", nil).View.Private)[1]),
			"This did not count: the plan of #1 that waits now is "},
		"nothing to cancel":  {p.submit(jane, card, modal.CallbackCancel, nil), "This did not count: #1 is planned, not applying; deny is the word that stops it."},
		"details of another": {at(func(e *socket.Event) { e.Value, e.Action = "1:"+other, string(button.Details) }), "the plan of #1 is another one than this message showed"},
	} {
		if c.want == "" { // nobody can be told there
			if _, err := p.h.agent.Press(t.Context(), c.e); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		} else if got := p.told(c.e); !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		p.undecided("1")
	}
	p.s.ChangeUser(joe, func(u *slacktest.User) { u.Deleted = false })

	const presses = 100
	before := p.s.Calls("users.info")
	for range presses {
		for _, a := range []button.Action{button.Approve, button.DenyAsk, button.Details} {
			if _, err := p.h.agent.Press(t.Context(), p.click(eve, card, a)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if asked := p.s.Calls("users.info") - before; asked >= presses {
		t.Errorf("a stranger who presses %d times has Slack asked %d times who that is, of all that we may ask", 2*presses, asked)
	}
	p.undecided("1")

	p.full.Store(true)
	for _, e := range []socket.Event{p.click(jane, card, button.Approve), p.submit(jane, card, modal.CallbackDeny, nil)} {
		if got := p.told(e); !strings.Contains(got, "This is not recorded and does not count: the agent's disk is full.") {
			t.Errorf("on a full disk: %q", got)
		}
	}
	p.full.Store(false)
	p.undecided("1")
	p.s.Fail("users.info", 1000, slacktest.Fault{Kind: slacktest.ServerError})
	if got := p.toldOnce(p.click(jane, card, button.Approve)); !strings.Contains(got, "This did not count: Slack did not say in time who you are.") {
		t.Errorf("Slack does not say who it is: %q", got)
	}
	p.s.Heal()
	p.undecided("1")
}

// The same press, several times at once, late, and after the end, is one vote.
func (p *presser) countsOnce(t *testing.T, card slacktest.Message) {
	const times = 4
	e, before := p.click(jane, card, button.Approve), len(p.s.Ephemerals(ops))
	var group sync.WaitGroup
	for range times {
		group.Go(func() {
			if _, err := p.h.agent.Press(t.Context(), e); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	wait(t, p.s, "not all were answered", func() bool { return len(p.s.Ephemerals(ops)) == before+times })
	if got := p.told(e); !strings.Contains(got, "Your approval of #1 counts already") && !strings.Contains(got, "Counted: #1 box is approved.") {
		t.Errorf("the same press once more: %q", got)
	}
	run := p.h.Reaches("1", store.Applied)
	if d := run.Decisions; len(d) != 1 || d[0].By != "slack:"+jane || d[0].Text != "button" || d[0].Verdict != store.Approve {
		t.Errorf("decisions %+v", d)
	}
	said(t, p.s, card.TS, "is applied")
	if n := p.lines(card, "#1 box: approved by @jane with the button."); n != 1 {
		t.Errorf("%d lines tell of the vote", n)
	}
	if got := p.told(e); !strings.Contains(got, "Your approval of #1 counts already; it is applied.") {
		t.Errorf("the same press after the end: %q", got)
	}
	if got := p.told(p.click(joe, card, button.Approve)); !strings.Contains(got, "This did not count: #1 is already applied") {
		t.Errorf("somebody else after the end: %q", got)
	}
	if got := p.told(p.click(jane, card, button.CancelAsk)); !strings.Contains(got, "#1 has ended (applied), so there is nothing to cancel.") {
		t.Errorf("cancel after the end: %q", got)
	}
}

// Where an approval has to name something, nothing but its name will do: not the plain button, and not ticks of another plan.
func (p *presser) wantsNames(t *testing.T, card slacktest.Message) {
	for name, c := range map[string]struct {
		e    socket.Event
		want string
	}{
		"the plain button":    {p.click(jane, card, button.Approve), "This did not count: This plan destroys 1 resource, and 1 protected address must be named"},
		"nothing is ticked":   {p.submit(jane, card, modal.CallbackApprove, ticked("")), "errors: map[sallyport_typed:This plan destroys 1 resource, and 1 protected address must be named.]"},
		"another is typed":    {p.submit(jane, card, modal.CallbackApprove, ticked("2")), "errors: map[sallyport_typed:Protected and not named: terraform_data.vital (number 1).]"},
		"a forged tick":       {p.submit(jane, card, modal.CallbackApprove, ticked("", "1:0000000000000000")), "what was ticked is not in this plan"},
		"only destroy":        {p.submit(jane, card, modal.CallbackApprove, ticked("", "destroy")), "Protected and not named"},
		"words are typed":     {p.submit(jane, card, modal.CallbackApprove, ticked("go on")), "neither an address nor a number"},
		"no such window":      {p.submit(jane, card, "other", ticked("1")), "none of the windows that I open"},
		"the run before":      {p.click(jane, said(t, p.s, "", "applied: 2"), button.Approve), "Your approval of #1 counts already"},
		"nothing applies yet": {p.click(jane, card, button.CancelAsk), "deny is the word that stops it"},
	} {
		if got := p.told(c.e); !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		p.undecided("2")
	}
}

func (p *presser) denies(t *testing.T, card slacktest.Message) {
	why := map[string]map[string]socket.Field{modal.Reason: {modal.Reason: {Value: "not on a <!channel> Friday"}}}
	if got := p.told(p.submit(jane, card, modal.CallbackDeny, why)); !strings.Contains(got, "Counted: #2 box is discarded.") {
		t.Errorf("deny: %q", got)
	}
	run := p.h.Reaches("2", store.Discarded)
	if d := run.Decisions; len(d) != 1 || d[0].Text != "button" || d[0].Verdict != store.Deny || run.Error != "denied by slack:"+jane+": not on a <!channel> Friday" {
		t.Errorf("error %q, decisions %+v", run.Error, d)
	}
	line := said(t, p.s, card.TS, "#2 box: denied by @jane with the button: not on a")
	if active := line.Active(); len(active) != 0 {
		t.Errorf("a reason does something in Slack: %q", active)
	}
	if got := p.told(p.submit(jane, card, modal.CallbackDeny, why)); !strings.Contains(got, "Your deny of #2 counts: it is discarded.") {
		t.Errorf("deny again: %q", got)
	}
	if got := p.told(p.submit(joe, card, modal.CallbackApprove, ticked("1"))); !strings.Contains(got, "This did not count: #2 has ended: discarded") {
		t.Errorf("approve what was denied: %q", got)
	}
}

// Right before the apply whoever pressed is looked up again; what the bot wrote of the press can be deleted.
func (p *presser) lookedUpAgain(t *testing.T, card slacktest.Message) {
	if err := p.h.Client.Pause(t.Context(), control.PauseRequest{Stack: "box"}); err != nil {
		t.Fatal(err)
	}
	vital := p.ticks(t, "3")
	if len(vital) != 1 {
		t.Fatalf("to tick: %v", vital)
	}
	if got := p.told(p.submit(joe, card, modal.CallbackApprove, ticked("", vital...))); !strings.Contains(got, "Counted: #3 box is approved.") {
		t.Fatalf("approve: %q", got)
	}
	line := said(t, p.s, card.TS, "#3 box: approved by @joe with the button.")
	p.s.Delete(ops, line.TS)
	p.s.ChangeUser(joe, func(u *slacktest.User) { u.Deleted = true })
	if _, err := p.h.Client.Resume(t.Context(), control.ResumeRequest{Stack: "box"}); err != nil {
		t.Fatal(err)
	}
	run := p.h.Until("3", "withdrawn", func(r control.Run) bool { return r.Status == store.Planned && len(r.Decisions) == 0 })
	said(t, p.s, card.TS, "The approval of @joe does not count any more: not an approver any more.")
	if run.Apply != nil {
		t.Errorf("it was applied: %+v", run.Apply)
	}
}

// What was pressed while nobody listened, or in a modal from before, counts when the agent is back.
func (p *presser) afterRestart(t *testing.T, card slacktest.Message) {
	vital := p.ticks(t, "3")
	e := p.submit(jane, card, modal.CallbackApprove, ticked("terraform_data.vital", vital...))
	for _, buttons := range []bool{true, false, true} { // cards that wait get them, and lose them, with the configuration
		p.h.stop()
		body := p.h.Body
		if buttons {
			body = strings.Replace(body, "slack {", fmt.Sprintf("slack {\n  app_token = %q", p.s.Live.Token()), 1)
		}
		p.configured(body)
		wait(t, p.s, fmt.Sprintf("buttons on the card: never %t", buttons), func() bool { return hasButtons(p.s, card) == buttons })
	}
	if got := p.told(e); !strings.Contains(got, "Counted: #3 box is approved.") {
		t.Fatalf("after a restart: %q", got)
	}
	p.h.Reaches("3", store.Applying)
}

func (p *presser) cancels(t *testing.T, card slacktest.Message) {
	for user, want := range map[string]string{eve: "your cancel did not count", guest: "it is a guest account"} {
		if got := p.told(p.submit(user, card, modal.CallbackCancel, nil)); !strings.Contains(got, want) {
			t.Errorf("%s cancels: %q", user, got)
		}
	}
	if got := p.told(p.submit(jane, card, modal.CallbackApprove, ticked("1"))); !strings.Contains(got, "Your approval of #3 counts already; it is applying.") {
		t.Errorf("approve again: %q", got)
	}
	e := p.submit(jane, card, modal.CallbackCancel, nil)
	for range 2 {
		if got := p.told(e); !strings.Contains(got, "#3 is applying: terraform is asked once to stop") && !strings.Contains(got, "has ended (canceled)") {
			t.Errorf("cancel: %q", got)
		}
	}
	run := p.h.Reaches("3", store.Canceled)
	if !strings.Contains(run.Error, "canceled by slack:"+jane) || len(run.Decisions) != 1 {
		t.Errorf("error %q, decisions %+v", run.Error, run.Decisions)
	}
	said(t, p.s, card.TS, "#3 box was canceled")
	if n := p.lines(card, "#3 box: canceled by @jane with the button."); n != 1 {
		t.Errorf("%d lines tell of it", n)
	}
}
