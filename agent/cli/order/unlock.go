package order

import (
	"github.com/spf13/cobra"

	"sallyport/agent/cli/call"
	"sallyport/agent/control"
)

// repaired is the result of unlock and state push for machines.
type repaired struct {
	Message string `json:"message"`
}

func newUnlockCommand(a *call.Call) *cobra.Command {
	return &cobra.Command{
		Use:   "unlock STACK LOCK_ID",
		Short: "Force open the state lock that a dead apply or plan has left behind",
		Long: "Force open the state lock that a dead apply or plan has left behind. The id is in `sallyport status`. It is refused while\n" +
			"something of the stack runs, and if another lock is held than that. Runs that waited for it go on.",
		Args: call.Between(2, 2),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := a.At.Client()
			if err != nil {
				return err
			}
			defer client.Close()
			done, err := client.Unlock(c.Context(), control.UnlockRequest{Stack: args[0], LockID: args[1]})
			if err != nil {
				return err
			}
			return a.Streams.Result(repaired{done.Message}, "%s", done.Message)
		},
	}
}
