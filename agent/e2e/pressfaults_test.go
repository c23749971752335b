package e2e

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"sallyport/agent/need"
	"sallyport/agent/patience"
	"sallyport/notify/button"
	"sallyport/notify/slack/slacktest"
)

// presses presses once and reports whether Slack shows that it worked. What came of it is told beside.
func (h hand) presses(user string, card slacktest.Message, a button.Action, then func()) bool {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), patience.Limit())
	defer cancel()
	p := h.s.Live.Press(user, ops, card.TS, string(a))
	then()
	err := p.Wait(ctx)
	if ctx.Err() != nil {
		h.t.Fatalf("nothing comes of what %s pressed: %v", user, err)
	}
	return err == nil
}

// The websocket is lost before, while and after two people vote: each presses again until Slack shows that it worked, and each is one vote
// with one line in the thread. (A thousand cuts are tried where nobody rests between two tries: notify/slack/socket, TestThousandCuts.)
func TestPressesThroughCuts(t *testing.T) {
	t.Parallel()
	need.Long(t, "it waits for the rests between two tries")
	people := []string{jane, joe}
	i, s, o := newInfra(t), newWorkspace(t), newOracle(t)
	b := hand{t, s}
	i.Commit("Add", map[string]string{"box/main.tf": thing("a", "one")})
	h := newHouse(t, i.box("approvals = 2")+pressing(s)+o.block(), slackEnv).start()
	card := card(t, s, 1)
	cut := func() { s.Live.Socket.Cut(1) }
	lost := 0
	for _, user := range people {
		b.listened(1)
		cut()
		if !b.presses(user, card, button.Approve, func() {}) {
			lost++
		}
		b.listened(1)
		if !b.presses(user, card, button.Approve, cut) { // it may have been heard: nobody can know
			lost++
		}
		b.listened(1)
		if said := b.press(user, card, button.Approve); !has(said, "Counted: ") && !has(said, "counts already") {
			t.Errorf("%s is told %q", user, said)
		}
	}
	if lost == 0 {
		t.Error("nothing was lost by any cut: this shows nothing")
	}
	r := h.reaches("1", "applied")
	replied(t, s, card.TS, "is applied")
	if len(r.Decisions) != 2 || r.Decisions[0].By != "slack:"+jane || r.Decisions[1].By != "slack:"+joe {
		t.Errorf("decisions %+v", r.Decisions)
	}
	for _, who := range []string{"@jane", "@joe"} {
		n := 0
		for _, m := range s.Thread(ops, card.TS) {
			n += strings.Count(m.Visible(), "approved by "+who+" with the button")
		}
		if n != 1 {
			t.Errorf("the thread tells %d times of the vote of %s", n, who)
		}
	}
	if n := len(o.applies()); n != 1 {
		t.Errorf("%d applies were started", n)
	}
}

// A vote that cannot be written down does not count, and who pressed is told so at once; what they are told is true of each.
func TestDiskIsFullAtAPress(t *testing.T) {
	t.Parallel()
	need.Long(t, "it fills a disk")
	const people = 40
	i, s := newInfra(t), newWorkspace(t)
	b := hand{t, s}
	var ids []string
	for n := range people {
		id := fmt.Sprintf("U0PRESS%02d", n)
		s.AddUser(slacktest.User{ID: id, Name: fmt.Sprintf("person%d", n)})
		ids = append(ids, fmt.Sprintf("%q", id))
	}
	i.Commit("Add", map[string]string{"box/main.tf": thing("a", "one")})
	h := newHouse(t, i.box(fmt.Sprintf("approvals = %d\n  approvers = [%s]", people, strings.Join(ids, ", ")))+pressing(s), slackEnv)
	h.smallDisk()
	h.start()
	card := card(t, s, 1)
	b.listened(1)
	h.sees("nothing is left to say", func(st status) bool { return st.Outbox == 0 })
	ballast := h.Data("ballast")
	fill(t, ballast)
	// The store has pages to spare, which is what these take: each time with less, until there is none for a word.
	for _, size := range []int{100_000, 20_000, 4_000, 500, 1} {
		for range 200 {
			if h.try("pause", "box", "--reason", strings.Repeat("x", size)).code != 0 {
				break
			}
			if h.try("resume", "box").code != 0 {
				break
			}
		}
	}
	counted, refused := 0, ""
	for n := 0; refused == "" && n < people-1; n++ {
		user := strings.Trim(ids[n], `"`)
		said := b.once(user, card, button.Approve)
		for try := 1; try < tries && has(said, "Slack did not say in time"); try++ { // which is true of a busy machine
			said = b.once(user, card, button.Approve)
		}
		switch {
		case has(said, "not recorded and does not count", "the agent's disk is full"):
			refused = user
		case has(said, "Counted: "):
			counted++
		default:
			t.Fatalf("%s is told %q", user, said)
		}
	}
	if refused == "" {
		t.Fatalf("%d votes found room on a full disk", counted)
	}
	if r := h.show("1"); r.Status != "planned" || len(r.Decisions) != counted {
		t.Errorf("the run is %s with %d decisions, and %d people were told that they count", r.Status, len(r.Decisions), counted)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	h.sees("there is room", func(st status) bool { return st.problem("disk") == nil && st.problem("store") == nil })
	b.says("with room", b.press(refused, card, button.Approve), fmt.Sprintf("Counted: %d of %d approvals", counted+1, people))
	if r := h.show("1"); len(r.Decisions) != counted+1 {
		t.Errorf("%d decisions, want %d", len(r.Decisions), counted+1)
	}
}
