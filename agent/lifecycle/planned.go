package lifecycle

import (
	"fmt"

	"sallyport/agent/config"
	"sallyport/notify/words"
	"sallyport/store"
)

// Interrupted is what an apply of the stack had started and not completed when its end was not seen; none if there was no such apply.
// Such a resource can be half-made and look healthy to terraform, so an empty plan is not the end of it, whatever asked for it.
type Interrupted struct {
	Run  int
	Open []string
}

// AfterPlan is what a run becomes once its plan is made, and what its card has to warn of.
func AfterPlan(s *config.Stack, plan *store.Plan, before Interrupted) (to store.Status, warnings []string) {
	switch {
	case s.Mode == config.ModeObserve:
		return store.Previewed, nil
	case len(before.Open) == 0 && plan.Empty:
		return store.NoChanges, nil
	case len(before.Open) == 0:
		return store.Planned, nil
	case plan.Empty:
		return store.Planned, []string{fmt.Sprintf("terraform finds nothing to do, but #%d started and did not complete %s: "+
			"look at them by hand, they may be half-made; approve says that all is well", before.Run, words.List(before.Open, 20))}
	}
	return store.Planned, []string{fmt.Sprintf("#%d started and did not complete %s: look at them by hand, they may be "+
		"half-made even where this plan leaves them alone", before.Run, words.List(before.Open, 20))}
}
