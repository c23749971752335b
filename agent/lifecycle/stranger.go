package lifecycle

import (
	"fmt"
	"slices"

	"sallyport/notify/words"
	"sallyport/store"
)

// A plan is made on whatever state the configuration and the credentials lead to. When a commit names another backend, or a
// credential belongs to another account, terraform finds nothing, or something of somebody else's, and plans in good faith to make
// everything a second time.

// PlannedOn is the state that a plan was made on.
type PlannedOn struct {
	Lineage   string // empty: there is none yet
	Resources int
	Addresses []string // of what is in it
}

// Stranger says why that state is not the one that the stack was applied with, and what to do; nothing if it is, or if nothing is
// known. Made are the addresses that the stack's first apply has made, where that is all that is known of its state.
func Stranger(st *store.StackState, now PlannedOn, made []string) Reason {
	if st.Resources == 0 {
		return Reason{} // nothing could be made twice
	}
	had := words.Count(st.Resources, "resource")
	next := fmt.Sprintf("a state that is to move: sallyport state migrate %s [--from FILE]; one that was lost: sallyport state restore %s NAME; "+
		"where the backend or a credential is wrong, mend that; if this is meant: sallyport plan %s --empty-state", st.Name, st.Name, st.Name)
	same := st.Lineage != "" && st.Lineage == now.Lineage
	switch {
	case same:
		return Reason{}
	case now.Lineage == "":
		return Reason{Why: fmt.Sprintf("there is no state where the configuration says that it is, and the stack was applied with one of %s: all of it would be made a second time", had), Hint: next}
	case now.Resources == 0:
		return Reason{Why: fmt.Sprintf("the state where the configuration says that it is holds nothing, and the stack was applied with another one of %s: all of it would be made a second time", had), Hint: next}
	case st.Lineage != "":
		return Reason{Why: fmt.Sprintf("the state where the configuration says that it is (lineage %s) is not the one that the stack was applied with (lineage %s, %s)", now.Lineage, st.Lineage, had), Hint: next}
	case len(made) > 0 && !slices.ContainsFunc(made, func(address string) bool { return slices.Contains(now.Addresses, address) }):
		return Reason{Why: fmt.Sprintf("the state where the configuration says that it is (lineage %s) has nothing of what the stack's apply has made", now.Lineage), Hint: next}
	}
	return Reason{}
}

// MadeAgain marks the protected objects that a plan makes though they may be there already: on a state that holds nothing of what was
// applied they count as gone, so that an approval has to name them.
func MadeAgain(p *store.Plan) {
	for i, c := range p.Changes {
		if c.Protected && !c.Destroys() && slices.Contains(c.Actions, "create") {
			p.Changes[i].Class = store.ClassRecreate
		}
	}
	slices.SortStableFunc(p.Changes, func(a, b store.Change) int { return order(a) - order(b) })
}

// order keeps the order of the card, in which what comes back is before what only changes.
func order(c store.Change) int {
	switch {
	case c.Destroys(), c.Forgets():
		return 0
	case c.Class == store.ClassRecreate:
		return 1
	}
	return 2
}
