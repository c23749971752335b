package agent_test

import (
	"strings"
	"testing"

	"sallyport/agent/control"
	"sallyport/store"
)

func TestSlackCommands(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	s.Say(jane, ops, "<@"+s.BotUserID()+"> pause from long ago")
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, "")+asking(s)).start()
	card := said(t, s, "", "1 to create")
	bot := "<@" + s.BotUserID() + "> "
	answer := func(user, text, part string) {
		t.Helper()
		said(t, s, s.Say(user, ops, bot+text), part)
	}
	answer(eve, "status", "#1 box is planned")
	answer(eve, "plan box", "not one of the approvers")
	answer(eve, "sing", "approve")
	answer(jane, "plan box the node is gone", "#2")
	h.Reaches("1", store.Superseded)
	run := h.Reaches("2", store.Planned)
	if run.RequestedBy != "slack:"+jane || run.Reason != "the node is gone" {
		t.Errorf("run 2: %+v", run)
	}
	answer(jane, "plan box --replace terraform_data.b", "no terraform_data.b to replace")
	answer(jane, "plan box --var size=3", "has no variable \"size\"")
	answer(jane, "plan box --commit 0123456789", "is not on the branch")
	h.Reaches("2", store.Planned) // as before
	answer(jane, "pause box storm", "paused")
	h.Eventually("paused", func(s control.Status) bool { return s.Stacks[0].Paused })
	answer(jane, "pause box flood", "It was paused already, by @jane since ")
	answer(jane, "resume", "The agent was not paused. Still paused: box. To let one go on: @sallyport resume box")
	answer(jane, "resume box", "goes on")
	answer(jane, "resume box", "Stack box was not paused")
	answer(jane, "plan --destroy box", "The stack comes first: `plan STACK --destroy`")
	answer(jane, "plan box worn out —destroy", "--destroy would be a part of the reason there")
	answer(jane, "plan box pr 7", "repository infra has no github block")
	answer(jane, "help frobnicate", "I did not understand \"frobnicate\". What I know:")
	answer(jane, "pause bx", "There is no stack bx. Did you mean box?")
	answer(jane, "pause the storm is coming", "There is no stack the. There is box. To hold everything: `pause`, or with a reason: `pause all REASON`")
	answer(jane, "resume bx", "There is no stack bx. Did you mean box?")
	answer(jane, "resume box please", "`please` is too much after resume. It is: `resume [STACK]`")
	answer(jane, "plan bx now", "There is no stack bx. Did you mean box?")
	answer(jane, "plan", "Which stack? `plan box`")
	answer(jane, "recover", "Which stack? `recover box`")
	answer(jane, "cancel", "Which run? `cancel 2` (box)")
	answer(jane, "cancel bx", "There is no stack bx. Did you mean box?")
	answer(jane, "cancel 99", "there is no run #99. Next: @sallyport runs lists them")
	answer(jane, "accept", "No branch is held")
	answer(jane, "accept", "nothing to accept")
	answer(jane, "accept infar 1a2b3c4", "There is no repository infar. Did you mean infra?")
	answer(jane, "unlock", "No stack is known to wait for a state lock")
	answer(jane, "state push", "No apply has left a state")
	answer(jane, "why box\n"+bot+"plan box", "\nOne command a message; this was not done: `plan box`")
	answer(jane, "plna box", "I do not know plna. Did you mean plan?")
	answer(jane, "help pause", "Without a stack everything is held")
	if s := h.Eventually("a status", func(control.Status) bool { return true }); s.Agent.Paused || s.Stacks[0].Paused {
		t.Error("something is paused that nobody has named")
	}
	link := "<https://home.slack.com/archives/" + ops + "/p" + strings.ReplaceAll(card.TS, ".", "") + "|#1 box>"
	answer(eve, "approve", "This did not count here: reply approve in the thread of #2 box.")
	answer(eve, "approve", "|#2 box>")
	answer(jane, "approve 1", "#1 box has ended (superseded); there is nothing to approve.")
	answer(jane, "approve 1", link)
	answer(jane, "deny 2 no", "|#2 box>")
	answer(eve, "show 1", link)
	answer(eve, "show box", "box #2: planned\n1 to create, nothing destroyed")
	answer(eve, "show", "Which run? `show 2` (box) or `show 1` (box)")
	answer(eve, "show bx", "There is no stack bx. Did you mean box?")
	answer(eve, "runs", "box #2: planned, 1 to create, nothing destroyed\nbox #1: superseded")
	answer(eve, "runs bx", "There is no stack bx. Did you mean box?")
	answer(eve, "why box", "#2 (manual, planned)")
	answer(eve, "why", "Which stack? `why box`")
	answer(eve, "status", "|#2 box>")
	if run := h.Reaches("2", store.Planned); len(run.Decisions) != 0 {
		t.Errorf("it counted in the channel: %+v", run.Decisions)
	}
	answer(jane, "pause all the storm is coming", "Paused everything (by @jane). Approvals still count, nothing runs while it is paused. To go on: @sallyport resume")
	paused := h.Eventually("all paused", func(s control.Status) bool { return s.Agent.Paused })
	if paused.Agent.Pause.Reason != "the storm is coming" || paused.Agent.Pause.By != "slack:"+jane {
		t.Errorf("pause %+v", paused.Agent.Pause)
	}
	answer(jane, "resume box", "Nothing of it runs yet: the agent is paused by @jane since ")
	answer(jane, "resume all", "The agent goes on")
	answer(eve, "cancel box", "not one of the approvers")
	answer(jane, "cancel box", "#2 is being canceled")
	h.Reaches("2", store.Canceled)
	answer(jane, "cancel box", "No run of box is open")
	answer(jane, "deny", "No run waits")
	if s.Message(ops, card.TS); h.Reaches("1", store.Superseded).Status != store.Superseded {
		t.Error("the command of long ago was obeyed")
	}
}
