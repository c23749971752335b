package order

import (
	"fmt"

	"github.com/spf13/cobra"

	"sallyport/agent/cli/call"
	"sallyport/agent/control"
)

// resumed is the result of resume for machines.
type resumed struct {
	paused
	control.ResumeResponse
}

func newResumeCommand(a *call.Call) *cobra.Command {
	return &cobra.Command{
		Use:   "resume [STACK]",
		Short: "Let a stack, or everything, go on",
		Long: "Let a stack, or everything, go on. Of a stack it also says that somebody has looked at what failed last (status names it),\n" +
			"and that it may stay as it is.",
		Args: call.Between(0, 1),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := a.At.Client()
			if err != nil {
				return err
			}
			defer client.Close()
			stack, err := held(c.Context(), client, first(args))
			if err != nil {
				return err
			}
			done, err := client.Resume(c.Context(), control.ResumeRequest{Stack: stack})
			if err != nil {
				return err
			}
			words := "goes on"
			if !done.Held {
				words = "was not paused"
			}
			if done.Seen != 0 {
				words += fmt.Sprintf("; #%d needs no look any more", done.Seen)
			}
			return a.Streams.Result(resumed{paused{stack, false}, done}, "%s %s", subject(stack), words)
		},
	}
}
