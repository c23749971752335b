package order

import (
	"github.com/spf13/cobra"

	"sallyport/agent/cli/call"
	"sallyport/agent/control"
)

func newReviewCommand(a *call.Call) *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:   "review RUN [--reason TEXT]",
		Short: "Say that you have looked at what somebody else approved alone (approve --break-glass)",
		Args:  call.Between(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := a.At.Client()
			if err != nil {
				return err
			}
			defer client.Close()
			done, err := client.Review(c.Context(), control.ReviewRequest{Ref: args[0], Reason: reason})
			if err != nil {
				return err
			}
			return a.Streams.Result(acted{done.Run, done.Message}, "%s", done.Message)
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "what you found, for the others")
	return c
}
