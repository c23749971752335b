package agent_test

import (
	"slices"
	"strings"
	"testing"

	"sallyport/agent/control"
	"sallyport/notify/slack/slacktest"
	"sallyport/store"
)

// People read names, in Slack and in a shell; accounts stand in JSON only. Whose approval is waited for is told by name, too, and
// nothing of it rings a phone.
func TestPeopleAreCalledByName(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	s.ChangeUser(joe, func(u *slacktest.User) { u.DisplayName = "Joe <!here> <@" + eve + ">" })
	s.SetGroup(slacktest.Group{ID: "S01PLAT", Handle: "platform", Users: []string{eve}})
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	people := "person \"jdoe\" { slack = \"" + jane + "\" }\n"
	h := newHouse(t, box(r, "approvals = 2\napprovers = [\""+jane+"\", \""+joe+"\", \"S01PLAT\"]")+asking(s)+people).start()
	card := said(t, s, "", "1 to create")
	s.Reply(jane, ops, card.TS, "approve")
	run := h.Until("1", "approved once, and the others are known by name", func(r control.Run) bool {
		return len(r.Decisions) == 1 && r.People["slack:"+joe] != "" && r.People["slack:S01PLAT"] != ""
	})
	if run.Decisions[0].By != "slack:"+jane || run.People["slack:"+jane] != "jdoe" || run.Approvals == nil ||
		!slices.Equal(run.Approvals.WaitsFor, []string{"slack:" + joe, "slack:S01PLAT"}) {
		t.Errorf("run: %+v, people %v, approvals %+v", run.Decisions, run.People, run.Approvals)
	}
	if text := run.Called().Approvals.String(); text != "1 of 2 approvals, waits for one of Joe !here "+eve+", platform" {
		t.Errorf("in a shell: %s", text)
	}
	said(t, s, "", "It waits for one of @Joe !here "+eve+", @platform.")
	s.Reply(joe, ops, card.TS, "deny see <@"+jane+">, <#C01XYZ|net> and <https://x.example/y|x.example/y>")
	said(t, s, card.TS, "denied by @Joe !here "+eve+": see @jdoe, #net and x.example/y")
	run = h.Reaches("1", store.Discarded)
	if !strings.HasPrefix(run.Error, "denied by slack:"+joe) || !strings.Contains(run.Called().Error, "see jdoe, #net") {
		t.Errorf("error %q, for people %q", run.Error, run.Called().Error)
	}
	for _, m := range s.Messages(ops) {
		for _, id := range m.Active() {
			if strings.Contains(id, eve) || strings.Contains(id, "here") {
				t.Errorf("a name mentions: %q", id)
			}
		}
	}
}
