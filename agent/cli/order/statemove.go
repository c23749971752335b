package order

import (
	"github.com/spf13/cobra"

	"sallyport/agent/cli/call"
	"sallyport/agent/control"
)

func newStateMoveCommand(a *call.Call) *cobra.Command {
	yes := false
	c := &cobra.Command{
		Use:   "move OLD NEW [--yes]",
		Short: "Give a stack that was renamed its state and its history back",
		Long: "Give the stack NEW what was kept and recorded under its old name: the state and its copies, what was applied, the history.\n" +
			"OLD is no stack of the configuration any more; it is NEW itself if the name is the same and only the directory another one.\n" +
			"It is refused while a run of either is open. A state in a backend of the configuration's own stays where it is.",
		Args:                  call.Between(2, 2),
		DisableFlagsInUseLine: true,
		RunE: func(c *cobra.Command, args []string) error {
			if !yes {
				if err := a.Streams.Confirm("What was kept and recorded as "+args[0]+" becomes that of "+args[1]+".", "move "+args[0]); err != nil {
					return err
				}
			}
			client, err := a.At.Client()
			if err != nil {
				return err
			}
			defer client.Close()
			done, err := client.MoveState(c.Context(), control.MoveStateRequest{Old: args[0], New: args[1]})
			if err != nil {
				return err
			}
			return a.Streams.Result(repaired{done.Message}, "%s", done.Message)
		},
	}
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return c
}
