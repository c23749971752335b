package lifecycle

import (
	"strings"
	"testing"

	"sallyport/store"
)

func TestStranger(t *testing.T) {
	known := store.StackState{Name: "box", Lineage: "l1", Resources: 3}
	first := store.StackState{Name: "box", Resources: 3} // applied once: which state it was made in is not known yet
	for _, c := range []struct {
		name string
		st   store.StackState
		now  PlannedOn
		made []string
		want string // in the reason; empty: there is none
	}{
		{name: "never applied", st: store.StackState{Name: "box"}, now: PlannedOn{Lineage: "l2", Resources: 7}},
		{name: "never applied, no state", st: store.StackState{Name: "box"}},
		{name: "an empty one was known", st: store.StackState{Name: "box", Lineage: "l1"}, now: PlannedOn{Lineage: "l2", Resources: 7}},
		{name: "the same", st: known, now: PlannedOn{Lineage: "l1", Resources: 2}},
		{name: "the same, and somebody has emptied it", st: known, now: PlannedOn{Lineage: "l1"}},
		{name: "none", st: known, want: "there is no state where"},
		{name: "an empty one", st: known, now: PlannedOn{Lineage: "l2"}, want: "holds nothing, and the stack was applied with another one of 3 resources"},
		{name: "somebody else's", st: known, now: PlannedOn{Lineage: "l2", Resources: 3}, want: "(lineage l2) is not the one that the stack was applied with (lineage l1, 3 resources)"},
		{name: "none after the first apply", st: first, want: "there is no state where"},
		{name: "an empty one after the first apply", st: first, now: PlannedOn{Lineage: "l2"}, want: "holds nothing"},
		{name: "the first that is seen", st: first, now: PlannedOn{Lineage: "l2", Resources: 3, Addresses: []string{"a.b", "a.c"}}, made: []string{"a.c", "a.d"}},
		{name: "the first that is seen, of an older store", st: first, now: PlannedOn{Lineage: "l2", Resources: 3, Addresses: []string{"a.b"}}},
		{name: "the first that is seen is somebody else's", st: first, now: PlannedOn{Lineage: "l2", Resources: 2, Addresses: []string{"x.y", "x.z"}}, made: []string{"a.c"}, want: "has nothing of what"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Stranger(&c.st, c.now, c.made)
			switch {
			case c.want == "" && got.Any():
				t.Errorf("held: %q", got.Why)
			case !strings.Contains(got.Why, c.want):
				t.Errorf("why %q, want %q", got.Why, c.want)
			case c.want != "" && (!strings.Contains(got.Hint, "state migrate box") || !strings.Contains(got.Hint, "plan box --empty-state")):
				t.Errorf("hint %q", got.Hint)
			}
		})
	}
}

func TestMadeAgain(t *testing.T) {
	p := &store.Plan{Changes: []store.Change{
		{Address: "a.gone", Actions: []string{"delete"}},
		{Address: "a.free", Actions: []string{"create"}, Class: store.ClassConfig},
		{Address: "a.db", Actions: []string{"create"}, Class: store.ClassConfig, Protected: true},
		{Address: "a.disk", Actions: []string{"update"}, Class: store.ClassConfig, Protected: true},
	}}
	MadeAgain(p)
	if got := strings.Join(p.MustName(), " "); got != "a.db" {
		t.Errorf("an approval has to name %q", got)
	}
	if p.Changes[1].Address != "a.db" || p.Changes[0].Address != "a.gone" || p.Changes[2].Class != store.ClassConfig {
		t.Errorf("%+v", p.Changes)
	}
}
