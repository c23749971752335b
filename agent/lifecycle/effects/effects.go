// Package effects is what a plan does, as its changes show: whether two plans do the same, how much is more afterwards, how much
// had drifted. Pure.
package effects

import (
	"fmt"
	"slices"
	"strings"

	"sallyport/store"
)

// Grown is how many objects more a state holds after a plan was applied. What had vanished was still in it.
func Grown(p *store.Plan) int {
	n := 0
	for _, c := range p.Changes {
		if c.Imports() {
			n++
		}
		for _, action := range c.Actions {
			switch {
			case action == "create" && (c.Class != store.ClassRecreate || p.NewState):
				n++
			case action == "delete", action == "forget":
				n--
			}
		}
	}
	return n
}

// NoteFound counts what a plan changes, by class.
func NoteFound(d *store.Drift, p *store.Plan) {
	d.Gone, d.Changed, d.Config, d.Outputs = 0, 0, 0, 0
	if p.Empty {
		return
	}
	for _, c := range p.Changes {
		switch c.Class {
		case store.ClassRecreate:
			d.Gone++
		case store.ClassDrift:
			d.Changed++
		default:
			d.Config++
		}
	}
	d.Outputs = len(p.Outputs)
}

// An effect is what a plan does at one address.
type effect struct {
	actions string
	rest    string // everything else that is compared, values by their digest
}

// effects are what a plan does, by address. A deposed object shares its address with its successor.
func effects(p *store.Plan) map[string][]effect {
	out := map[string][]effect{}
	add := func(name string, actions []string, values string, rest ...any) {
		out[name] = append(out[name], effect{strings.Join(actions, ", "), fmt.Sprint(append(rest, values)...)})
	}
	for _, c := range p.Changes {
		add(c.Address, c.Actions, c.Values, c.Class, c.Previous, c.MustName(), c.Imports(), c.Trigger)
	}
	for _, o := range p.Outputs {
		add("output "+o.Name, o.Actions, o.Values)
	}
	for _, list := range out {
		slices.SortFunc(list, func(a, b effect) int { return strings.Compare(a.actions+a.rest, b.actions+b.rest) })
	}
	return out
}

// Differences says what two plans do not do alike: addresses and actions, never values. None: whoever approved the one has
// approved the other.
func Differences(shown, fresh *store.Plan) []string {
	was, is := effects(shown), effects(fresh)
	var names []string
	for name := range was {
		names = append(names, name)
	}
	for name := range is {
		if was[name] == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var out []string
	for _, name := range names {
		before, after := actionsOf(was[name]), actionsOf(is[name])
		switch {
		case slices.Equal(was[name], is[name]):
		case before == "":
			out = append(out, name+": "+after+" is new")
		case after == "":
			out = append(out, name+": "+before+" is gone")
		case before == after:
			out = append(out, name+": "+after+", and not with the same values or for the same reason")
		default:
			out = append(out, name+": "+after+" in the place of "+before)
		}
	}
	if shown.Configuration != fresh.Configuration && shown.Configuration != "" {
		out = append(out, "the configuration, modules from elsewhere included, is not the same")
	}
	if len(out) == 0 && shown.Empty != fresh.Empty {
		out = append(out, "whether there is anything to apply at all")
	}
	return out
}

func actionsOf(list []effect) string {
	var words []string
	for _, e := range list {
		words = append(words, e.actions)
	}
	return strings.Join(words, " and ")
}
