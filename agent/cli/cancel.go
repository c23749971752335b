package cli

import (
	"github.com/spf13/cobra"

	"sallyport/agent/control"
)

func newCancelCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "cancel RUN",
		Short: "Stop a run; an apply is asked once to stop and gets all the time that it needs",
		Args:  between(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := a.at.client()
			if err != nil {
				return err
			}
			defer client.Close()
			done, err := client.Cancel(c.Context(), control.CancelRequest{Ref: args[0]})
			if err != nil {
				return err
			}
			return a.streams.result(acted{done.Run, done.Message}, "%s", done.Message)
		},
	}
}
