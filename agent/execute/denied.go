package execute

import (
	"fmt"
	"slices"

	"sallyport/store"
)

// deniedLook is how many of a stack's earlier runs are looked through for one that asked for the same.
const deniedLook = 20

// deniedBefore tells whoever decides about a plan that somebody said no to the same changes, and why; empty if nobody did since
// the stack's last apply.
func deniedBefore(tx *store.Tx, run *store.Run, plan *store.Plan) (string, error) {
	if len(plan.Changes) == 0 {
		return "", nil
	}
	runs, err := tx.Runs(store.RunFilter{Stack: run.Stack, Before: run.ID, Limit: deniedLook})
	if err != nil {
		return "", err
	}
	for _, earlier := range runs {
		switch {
		case earlier.Apply != nil:
			return "", nil // something was done since: it is another question now
		case earlier.Status == store.Discarded && earlier.Plan != nil && slices.EqualFunc(earlier.Plan.Changes, plan.Changes, sameChange):
			return fmt.Sprintf("#%d with the same changes was %s", earlier.ID, earlier.Error), nil
		}
	}
	return "", nil
}

// sameChange reports whether two plans do the same to an object, so far as a record tells.
func sameChange(a, b store.Change) bool {
	return a.Address == b.Address && a.Values == b.Values && slices.Equal(a.Actions, b.Actions)
}
