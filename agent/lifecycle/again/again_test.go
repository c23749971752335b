package again_test

import (
	"fmt"
	"slices"
	"testing"

	"sallyport/agent/lifecycle/again"
	"sallyport/store"
)

const volume = "aws_ebs_volume.data"

func change(address string, actions ...string) store.Change {
	return store.Change{Address: address, Actions: actions, Class: store.ClassConfig}
}

func protected(c store.Change) store.Change {
	c.Protected = true
	return c
}

func of(class store.Class, c store.Change) store.Change {
	c.Class = class
	return c
}

func moved(from string, c store.Change) store.Change {
	c.Previous = from
	return c
}

// A protected object that a plan makes has to be named if the stack had it, and if nobody can tell; what is new does not.
func TestMark(t *testing.T) {
	makes := protected(change(volume, "create"))
	remembers := func(since ...string) *store.Guarded {
		return &store.Guarded{Addresses: []string{volume, "aws_ebs_volume.logs"}, Since: since}
	}
	for name, tt := range map[string]struct {
		change    store.Change
		guarded   *store.Guarded
		applied   int
		resources int // in the state now
		had       int // when it was last looked at
		want      store.Before
	}{
		"the first apply":                         {change: makes},
		"nothing was ever made, and looked at":    {change: makes, guarded: &store.Guarded{Since: []string{"*.data"}}},
		"new in a stack that is watched":          {change: makes, guarded: &store.Guarded{Since: []string{"*.data"}}, applied: 3, resources: 2},
		"the state has lost it":                   {change: makes, guarded: remembers("*.data"), applied: 3, resources: 2, want: store.BeforeThere},
		"the state has lost it, and all else":     {change: makes, guarded: remembers("*.data"), applied: 3, want: store.BeforeThere},
		"it is remembered, and no apply is":       {change: makes, guarded: remembers(), resources: 2, want: store.BeforeThere},
		"it has another address now":              {change: moved(volume, protected(change("aws_ebs_volume.new", "create"))), guarded: remembers("*"), applied: 3, want: store.BeforeThere},
		"a stack of before this was remembered":   {change: makes, applied: 3, resources: 2, want: store.BeforeUnknown},
		"a state that somebody else has made":     {change: makes, resources: 2, want: store.BeforeUnknown},
		"its state held something once":           {change: makes, had: 2, want: store.BeforeUnknown},
		"protected only since":                    {change: makes, guarded: &store.Guarded{Since: []string{"*.logs"}}, applied: 3, want: store.BeforeUnknown},
		"more than is remembered":                 {change: makes, guarded: &store.Guarded{Full: true, Since: []string{"*"}}, applied: 3, want: store.BeforeUnknown},
		"more than is remembered, not applied":    {change: makes, guarded: &store.Guarded{Full: true, Since: []string{"*"}}, want: store.BeforeUnknown},
		"not protected":                           {change: change(volume, "create"), applied: 3, resources: 2},
		"it vanished, which the plan itself says": {change: of(store.ClassRecreate, makes), guarded: remembers("*"), applied: 3, resources: 2},
		"replaced":   {change: protected(change(volume, "delete", "create")), applied: 3, resources: 2},
		"changed":    {change: protected(change(volume, "update")), applied: 3, resources: 2},
		"brought in": {change: protected(change(volume, "import")), applied: 3, resources: 2},
	} {
		t.Run(name, func(t *testing.T) {
			before := tt.change.MustName()
			p := &store.Plan{Changes: []store.Change{tt.change}}
			again.Mark(p, &store.StackState{AppliedRun: tt.applied, Resources: tt.had, Guarded: tt.guarded}, again.State{Resources: tt.resources})
			if got := p.Changes[0]; got.Before != tt.want || got.MustName() != (before || tt.want != "") {
				t.Errorf("before: %q, must be named: %t; want %q", got.Before, got.MustName(), tt.want)
			}
		})
	}
}

// What was marked comes before what is only changed on the card, and nothing else leaves its place.
func TestMarkedComesFirst(t *testing.T) {
	p := &store.Plan{Changes: []store.Change{
		change("a.gone", "delete"), of(store.ClassRecreate, change("a.vanished", "create")), change("a.changed", "update"),
		change("a.new", "create"), protected(change(volume, "create")), protected(change("aws_ebs_volume.new", "create")),
	}}
	again.Mark(p, &store.StackState{AppliedRun: 1, Guarded: &store.Guarded{Addresses: []string{volume}, Since: []string{"*"}}}, again.State{Resources: 9})
	var got []string
	for _, c := range p.Changes {
		got = append(got, c.Address)
	}
	if want := []string{"a.gone", "a.vanished", volume, "a.changed", "a.new", "aws_ebs_volume.new"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// What a stack had is learned from each plan and each apply, and since when nothing is missing.
func TestLearn(t *testing.T) {
	protect := []string{"*.data"}
	makes, changes := &store.Plan{Changes: []store.Change{protected(change(volume, "create"))}}, &store.Plan{Changes: []store.Change{protected(change(volume, "update"))}}
	holds := again.State{Resources: 2, Addresses: []string{"aws_instance.node", "module.m." + volume}}
	for name, tt := range map[string]struct {
		before  *store.StackState
		protect []string
		plan    *store.Plan
		state   again.State
		partial bool
		want    string
	}{
		"the first plan":                   {&store.StackState{}, protect, makes, again.State{}, false, "[] since [*.data]"},
		"the first plan, with options":     {&store.StackState{}, protect, makes, again.State{}, true, "[] since []"},
		"taken over, nothing to make":      {&store.StackState{}, protect, changes, holds, false, "[module.m.aws_ebs_volume.data] since [*.data]"},
		"taken over, something to make":    {&store.StackState{}, protect, makes, holds, false, "[module.m.aws_ebs_volume.data] since []"},
		"only a part was planned":          {&store.StackState{}, protect, changes, holds, true, "[module.m.aws_ebs_volume.data] since []"},
		"what it had stays":                {&store.StackState{AppliedRun: 1, Guarded: &store.Guarded{Addresses: []string{volume}, Since: protect}}, protect, makes, again.State{}, false, "[aws_ebs_volume.data] since [*.data]"},
		"another pattern, something new":   {&store.StackState{AppliedRun: 1, Guarded: &store.Guarded{Since: []string{"*.logs"}}}, protect, makes, holds, false, "[module.m.aws_ebs_volume.data] since [*.logs]"},
		"another pattern, nothing to make": {&store.StackState{AppliedRun: 1, Guarded: &store.Guarded{Since: []string{"*.logs"}}}, protect, changes, holds, false, "[module.m.aws_ebs_volume.data] since [*.data]"},
		"nothing is protected":             {&store.StackState{}, nil, makes, holds, false, "nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			again.Learn(tt.before, tt.protect, tt.plan, tt.state, !tt.partial)
			got := "nothing"
			if g := tt.before.Guarded; g != nil {
				got = fmt.Sprintf("%v since %v", g.Addresses, g.Since)
			}
			if got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

// Where a stack has more protected objects than are remembered, none of them is taken for new.
func TestLearnTooMany(t *testing.T) {
	var all []string
	for i := range again.MaxKept + 1 {
		all = append(all, fmt.Sprintf("aws_ebs_volume.v[%d]", i))
	}
	st := &store.StackState{}
	again.Learn(st, []string{"*"}, &store.Plan{}, again.State{Resources: len(all), Addresses: all}, true)
	if !st.Guarded.Full || len(st.Guarded.Addresses) != again.MaxKept {
		t.Fatalf("%d are remembered, and full: %t", len(st.Guarded.Addresses), st.Guarded.Full)
	}
	p := &store.Plan{Changes: []store.Change{protected(change("aws_ebs_volume.other", "create"))}}
	if again.Mark(p, st, again.State{}); p.Changes[0].Before != store.BeforeUnknown {
		t.Errorf("before: %q", p.Changes[0].Before)
	}
}

// An apply that has made a protected object is remembered, though no plan has seen it yet.
func TestMade(t *testing.T) {
	st := &store.StackState{AppliedRun: 1, Guarded: &store.Guarded{Since: []string{"*"}}}
	made := &store.Plan{Changes: []store.Change{protected(change(volume, "create")), change("aws_instance.node", "create"), protected(change("a.b", "delete"))}}
	again.Made(st, made)
	if got := st.Guarded.Addresses; !slices.Equal(got, []string{volume}) || len(st.Guarded.Since) != 1 {
		t.Errorf("%q", got)
	}
	next := &store.Plan{Changes: []store.Change{protected(change(volume, "create"))}}
	if again.Mark(next, st, again.State{Resources: 1}); next.Changes[0].Before != store.BeforeThere {
		t.Errorf("before: %q", next.Changes[0].Before)
	}
	if none := (&store.StackState{}); true {
		again.Made(none, &store.Plan{Changes: []store.Change{change("aws_instance.node", "create")}})
		if none.Guarded != nil {
			t.Errorf("without anything protected: %+v", none.Guarded)
		}
	}
}
