// Package order holds the verbs with which people order something of a running agent: to plan, to decide, to hold and to let go on, and
// what is done to a state.
package order

import (
	"github.com/spf13/cobra"

	"sallyport/agent/cli/call"
)

// Verbs are the commands, to be put below the program's own.
func Verbs(a *call.Call) []*cobra.Command {
	return []*cobra.Command{
		newPlanCommand(a), newRecoverCommand(a), newApproveCommand(a), newDenyCommand(a), newReviewCommand(a), newCancelCommand(a),
		newPauseCommand(a), newResumeCommand(a), newAcceptCommand(a), newUnlockCommand(a), newStateCommand(a), newExecCommand(a),
	}
}
