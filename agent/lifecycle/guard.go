package lifecycle

import (
	"fmt"

	"sallyport/agent/config"
	"sallyport/notify/words"
	"sallyport/store"
)

// OverLimit says why a plan destroys more than its stack allows in one go, and how to raise that; empty if it does not. Nobody
// can approve such a plan, in a shell neither: what is typed at night is not what was thought about by day.
func OverLimit(s *config.Stack, p *store.Plan) Reason {
	if s.MaxDestroy == nil || p == nil || p.Destroy <= *s.MaxDestroy || s.Mode == config.ModeObserve {
		return Reason{}
	}
	return Reason{
		Why:  fmt.Sprintf("the plan destroys or replaces %s, and max_destroy of stack %s is %d: it is refused outright", words.Count(p.Destroy, "object"), s.Name, *s.MaxDestroy),
		Hint: fmt.Sprintf("if that is really wanted, raise max_destroy of %s in the configuration to %d and reload it, then: sallyport plan %s", s.Name, p.Destroy, s.Name),
	}
}

// TakesLock reports whether a run's plan takes the state lock: what is only looked at must not be in anybody's way. Of a drift run, terraform itself compares the state's
// serial with the plan's before it applies.
func TakesLock(run *store.Run, s *config.Stack) bool {
	return s.Engine != config.EnginePacker && s.Mode != config.ModeObserve && run.Kind != store.KindDrift && run.Kind != store.KindPullRequest
}
