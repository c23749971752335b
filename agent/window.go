package agent

import (
	"fmt"

	"sallyport/agent/config"
	"sallyport/agent/lifecycle"
	"sallyport/store"
)

// waitsForWindow is what a person who approves outside the window is told, and so is everybody in the thread; empty inside it.
func (a *ledger) waitsForWindow(tx *store.Tx, run *store.Run, s *config.Stack) (string, error) {
	closed := lifecycle.WaitsForWindow(run, s, a.now())
	if !closed.Any() || run.Status != store.Approved {
		return "", nil
	}
	text := fmt.Sprintf("The approval counts and waits: %s.", closed.Why)
	return " " + text, a.say(tx, run, store.MessageReply, "window", text)
}
