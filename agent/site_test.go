package agent_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"sallyport/agent/control"
	"sallyport/store"
)

func TestCommitStatuses(t *testing.T) { atEachSite(t, commitStatuses) }

func commitStatuses(t *testing.T, b hub) {
	r, sl := b.repository(t), workspace(t)
	first := b.pushes(r, "one box", map[string]string{"box/main.tf": data("one", "1")})
	h := newHouse(t, b.hosted(r, "off")+"stack \"box\" {\n  dir = \"box\"\n}\nperson \"jane\" {\n  slack = \"U01JANE0\"\n}\n"+asking(sl)).start()

	card := said(t, sl, "", "#1")
	b.waits(t, first, "box", ": 1 to create")
	sl.Reply(jane, ops, card.TS, "approve")
	st := b.stands(t, first, "box", "success", "applied by jane: 1 created")
	if link := st.target; !strings.Contains(link, strings.ReplaceAll(card.TS, ".", "")) {
		t.Errorf("the status leads to %q, not to the thread of %s", link, card.TS)
	}
	var descriptions []string
	for _, one := range b.statuses(first, "sallyport/box") {
		descriptions = append(descriptions, one.state+" "+one.description+" "+one.target)
	}
	if len(slices.Compact(slices.Clone(descriptions))) != len(descriptions) {
		t.Errorf("the same was said twice: %q", descriptions)
	}

	// What is denied, and what fails.
	second := b.pushes(r, "two", map[string]string{"box/main.tf": data("two", "2")})
	b.waits(t, second, "box", "")
	h.Reaches("2", store.Planned)
	h.MustDecide("box", "deny not today")
	b.stands(t, second, "box", "failure", "denied")
	third := b.pushes(r, "three", map[string]string{"box/main.tf": "resource {"})
	b.stands(t, third, "box", "failure", "the plan failed, nothing was changed")
}

// TestOutageOfASite: what it delays are statuses, and nothing else.
func TestOutageOfASite(t *testing.T) { atEachSite(t, outageOfASite) }

func outageOfASite(t *testing.T, b hub) {
	r := b.repository(t)
	b.Down()
	first := b.pushes(r, "one box", map[string]string{"box/main.tf": data("one", "1")})
	h := newHouse(t, b.hosted(r, "trusted")+"stack \"box\" {\n  dir = \"box\"\n}\n").start()
	h.Reaches("box", store.Planned)
	h.MustDecide("box", "approve")
	h.Reaches("1", store.Applied)
	h.Eventually("the outage shows", func(s control.Status) bool {
		return slices.ContainsFunc(s.Problems, func(p control.Problem) bool { return strings.HasPrefix(p.Source, b.kind+" infra") })
	})
	h.stop()
	b.Heal()
	h.start()
	b.stands(t, first, "box", "success", "applied by")
	if n := len(b.statuses(first, "sallyport/box")); n != 1 {
		t.Errorf("%d statuses were set after the outage, want the last one only", n)
	}
	h.Eventually("the outage is over", func(s control.Status) bool {
		return s.Outbox == 0 && !slices.ContainsFunc(s.Problems, func(p control.Problem) bool { return strings.HasPrefix(p.Source, b.kind) })
	})
}

// TestStatusesAreNeverLost: answers that get lost, limits, a commit that is not known yet, a right that is taken away for a while.
func TestStatusesAreNeverLost(t *testing.T) { atEachSite(t, statusesAreNeverLost) }

func statusesAreNeverLost(t *testing.T, b hub) {
	r := b.repository(t)
	b.lost[0]()
	base := b.pushes(r, "one box", map[string]string{"box/main.tf": data("one", "1")})
	newHouse(t, b.hosted(r, "trusted")+"stack \"box\" {\n  dir = \"box\"\n}\n").start()
	b.waits(t, base, "box", ": 1 to create")
	for i, lose := range b.lost[1:] {
		lose()
		head := r.propose(i+1, base, "a text", map[string]string{fmt.Sprintf("text-%d", i): "x"})
		b.open(proposal{author: "jane", head: head})
		b.stands(t, head, "box", "success", "not touched by this "+b.noun)
	}
}
