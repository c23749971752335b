package order

import (
	"github.com/spf13/cobra"

	"sallyport/agent/cli/call"
	"sallyport/agent/control"
)

func newCancelCommand(a *call.Call) *cobra.Command {
	return &cobra.Command{
		Use:   "cancel RUN",
		Short: "Stop a run; an apply is asked once to stop and gets all the time that it needs",
		Args:  call.Between(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := a.At.Client()
			if err != nil {
				return err
			}
			defer client.Close()
			done, err := client.Cancel(c.Context(), control.CancelRequest{Ref: args[0]})
			if err != nil {
				return err
			}
			return a.Streams.Result(acted{done.Run, done.Message}, "%s", done.Message)
		},
	}
}
