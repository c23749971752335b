// Package again finds out whether a plan makes a protected object that the stack had before. A state forgets: somebody takes an
// object out of it, or refreshes it while the object is gone, and from then on a plan makes a new and empty one as if there had
// never been another. So what a stack was seen to have is remembered beside its state. Pure.
package again

import (
	"slices"

	"sallyport/agent/terraform/planjson"
	"sallyport/store"
)

// MaxKept is how many protected objects are remembered of a stack. Of one with more nobody knows what it had.
const MaxKept = 1000

// State is what is known of the state that a plan was made on.
type State struct {
	Resources int      // how many objects it holds
	Addresses []string // theirs
}

// Mark notes of the protected objects that a plan makes whether the stack had them before, and puts those that it had, or may have
// had, before what is only changed, as on every card.
func Mark(p *store.Plan, st *store.StackState, is State) {
	known := st.Guarded
	if known == nil {
		known = &store.Guarded{}
	}
	if first(st, known, is) {
		return
	}
	marked := false
	for i, c := range p.Changes {
		if !madeUnseen(c) {
			continue
		}
		p.Changes[i].Before = before(known, c)
		marked = marked || p.Changes[i].Before != ""
	}
	if marked {
		slices.SortStableFunc(p.Changes, func(a, b store.Change) int { return order(a) - order(b) })
	}
}

// first reports whether the stack has nothing and never had anything, so that all of it is new.
func first(st *store.StackState, known *store.Guarded, is State) bool {
	return is.Resources == 0 && st.Resources == 0 && st.AppliedRun == 0 && len(known.Addresses) == 0 && !known.Full
}

// madeUnseen reports whether a change makes a protected object of which neither the state nor the plan says that it was there.
func madeUnseen(c store.Change) bool {
	return c.Protected && slices.Contains(c.Actions, "create") && !c.Destroys() && !c.Forgets() && c.Class != store.ClassRecreate
}

func before(known *store.Guarded, c store.Change) store.Before {
	for _, address := range []string{c.Address, c.Previous} {
		if _, found := slices.BinarySearch(known.Addresses, address); found && address != "" {
			return store.BeforeThere
		}
	}
	if known.Full || !matches(known.Since, c.Address) {
		return store.BeforeUnknown
	}
	return ""
}

// order keeps the order of the card: what is lost or not known, what comes back, all else.
func order(c store.Change) int {
	switch {
	case c.Unknown, c.Destroys(), c.Forgets(), c.Invokes():
		return 0
	case c.Class == store.ClassRecreate, c.Before != "":
		return 1
	}
	return 2
}

// Learn notes which protected objects a state holds on which the stack was planned. Whole is a plan of all that its configuration has:
// where such a one makes no protected object, none is missing.
func Learn(st *store.StackState, protect []string, p *store.Plan, is State, whole bool) {
	if len(protect) == 0 && st.Guarded == nil {
		return
	}
	known := copyOf(st.Guarded)
	began := first(st, &known.Guarded, is)
	for _, address := range is.Addresses {
		if matches(protect, address) {
			known.add(address)
		}
	}
	if whole && (began || !slices.ContainsFunc(p.Changes, madeUnseen)) {
		known.Since = slices.Clone(protect)
	}
	st.Guarded = known.kept()
}

// Made notes the protected objects that an apply has made.
func Made(st *store.StackState, p *store.Plan) {
	known := copyOf(st.Guarded)
	for _, c := range p.Changes {
		if c.Protected && slices.Contains(c.Actions, "create") {
			known.add(c.Address)
		}
	}
	if st.Guarded != nil || len(known.Addresses) > 0 {
		st.Guarded = known.kept()
	}
}

// memory is what is remembered while something is added to it.
type memory struct{ store.Guarded }

func copyOf(g *store.Guarded) *memory {
	if g == nil {
		return &memory{}
	}
	return &memory{store.Guarded{Addresses: slices.Clone(g.Addresses), Full: g.Full, Since: slices.Clone(g.Since)}}
}

func (m *memory) add(address string) {
	i, found := slices.BinarySearch(m.Addresses, address)
	switch {
	case found:
	case len(m.Addresses) >= MaxKept:
		m.Full = true
	default:
		m.Addresses = slices.Insert(m.Addresses, i, address)
	}
}

func (m *memory) kept() *store.Guarded { return &m.Guarded }

func matches(patterns []string, address string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return planjson.Matches(pattern, address) })
}
