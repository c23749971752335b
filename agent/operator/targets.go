package operator

import (
	"fmt"
	"slices"

	"sallyport/agent/control"
	"sallyport/agent/stack/declared"
	"sallyport/agent/terraform/planjson"
	"sallyport/notify/words"
	"sallyport/store"
)

// maxTargets is how many addresses one plan can be confined to: each is an argument of terraform's, and stands on the card.
const maxTargets = 50

// validateTargets refuses what a plan of some addresses only cannot be at the same time.
func (p PlanWish) validateTargets() error {
	const together = "--target and %s do not go together"
	switch {
	case len(p.Targets) == 0:
		return nil
	case p.Destroy:
		return control.Errorf(control.Usage, together, "--destroy").
			WithHint("--destroy is of everything; to destroy one object take it out of the configuration, and then: sallyport plan STACK --target ADDRESS")
	case p.RefreshOnly:
		return control.Errorf(control.Usage, together, "--refresh-only").WithHint("--refresh-only touches no object, so that nothing has to be left out")
	case p.EmptyState:
		return control.Errorf(control.Usage, together, "--empty-state").WithHint("whether a state is the stack's shows in a plan of all of it")
	case len(p.Targets) > maxTargets:
		return control.Errorf(control.Usage, "--target has more than %d addresses", maxTargets).WithHint("name the module that they are in, or plan all of it")
	}
	return nil
}

// targetWarning is what everybody reads on the card of such a plan, beside its addresses.
func targetWarning(commit string) string {
	return fmt.Sprintf("resource targeting is in effect: this plan may not have all that commit %s asks for. Applying it does not count as applying the commit: "+
		"the stack stays behind, what depends on it is not planned, and its next plan says what was left out", words.Short(commit))
}

// target refuses the address of what neither the configuration nor the state has: terraform plans nothing at all then, and that would
// pass for an all-clear.
func (q *wished) target(root *declared.Root, state knownState, text string) error {
	a, err := declared.ParseTarget(text)
	if err != nil {
		return control.Errorf(control.Usage, "%q %v", text, err).
			WithHint(`an address is TYPE.NAME, TYPE.NAME["KEY"], module.NAME or module.NAME["KEY"].TYPE.NAME; %s`, q.listed())
	}
	if a.String() != text {
		return control.Errorf(control.Usage, "terraform writes the address %s another way", text).WithHint("write it as %s", a)
	}
	within := func(address string) bool { return planjson.Within(text, address) }
	for address := range state.has {
		if within(address) {
			return nil
		}
	}
	if q.open != nil && q.open.Plan != nil && slices.ContainsFunc(q.open.Plan.Changes, func(c store.Change) bool { return within(c.Address) }) {
		return nil // what waits to be created is there, too
	}
	return q.inFiles(root.Find(a), a, "target")
}
