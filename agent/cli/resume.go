package cli

import (
	"github.com/spf13/cobra"

	"sallyport/agent/control"
)

func newResumeCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "resume [STACK]",
		Short: "Let a stack, or everything, go on",
		Args:  between(0, 1),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := a.at.client()
			if err != nil {
				return err
			}
			defer client.Close()
			stack := first(args)
			if err := client.Resume(c.Context(), control.ResumeRequest{Stack: stack}); err != nil {
				return err
			}
			return a.streams.result(paused{stack, false}, "%s goes on", subject(stack))
		},
	}
}
