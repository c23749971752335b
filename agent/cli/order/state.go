package order

import (
	"errors"

	"github.com/spf13/cobra"

	"sallyport/agent/cli/call"
	"sallyport/agent/control"
)

// newStateCommand is the parent of what is done to the states of stacks.
func newStateCommand(a *call.Call) *cobra.Command {
	c := &cobra.Command{
		Use:   "state",
		Short: "Look after the state of a stack: list, restore, migrate, push, move",
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return call.NoVerb(c, args[0])
			}
			c.SetOut(a.Inv.Stderr)
			return errors.Join(c.Help(), call.ExitCode(call.ExitNotUnderstood))
		},
	}
	c.AddCommand(newStateListCommand(a), newStateRestoreCommand(a), newStateMigrateCommand(a), newStatePushCommand(a), newStateMoveCommand(a))
	return c
}

func newStatePushCommand(a *call.Call) *cobra.Command {
	return &cobra.Command{
		Use:   "push RUN",
		Short: "Push the state that the apply of a run could not save",
		Long: "Push the state that the apply of a run could not save (errored.tfstate) to its backend, never by force. RUN is 12, #12, or a\n" +
			"stack that waits for its state. Runs that waited for it go on.",
		Args:                  call.Between(1, 1),
		DisableFlagsInUseLine: true,
		RunE: func(c *cobra.Command, args []string) error {
			client, err := a.At.Client()
			if err != nil {
				return err
			}
			defer client.Close()
			done, err := client.PushState(c.Context(), control.PushStateRequest{Ref: args[0]})
			if err != nil {
				return err
			}
			return a.Streams.Result(repaired{done.Message}, "%s", done.Message)
		},
	}
}
