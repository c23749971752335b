package order

import (
	"context"

	"github.com/spf13/cobra"

	"sallyport/agent/cli/call"
	"sallyport/agent/control"
	"sallyport/agent/control/socket"
	"sallyport/notify/verbs"
)

// paused is the result of pause for machines.
type paused struct {
	Stack  string `json:"stack"` // empty: the whole agent
	Paused bool   `json:"paused"`
}

func newPauseCommand(a *call.Call) *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:   "pause [STACK] [--reason TEXT]",
		Short: "Hold a stack, or everything; decisions still count and a running apply goes on",
		Args:  call.Between(0, 1),
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
			if err := client.Pause(c.Context(), control.PauseRequest{Stack: stack, Reason: reason}); err != nil {
				return err
			}
			return a.Streams.Result(paused{stack, true}, "%s is paused; to go on: sallyport %s", subject(stack), resumeLine(stack))
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why, for the others")
	return c
}

// held is the stack that is to be held, or let go on; empty for everything, which is called all as in Slack, unless a stack is.
func held(ctx context.Context, client *socket.Client, name string) (string, error) {
	if name != verbs.All {
		return name, nil
	}
	s, err := client.Status(ctx)
	if err != nil {
		return "", err
	}
	for _, st := range s.Stacks {
		if st.Name == name {
			return name, nil
		}
	}
	return "", nil
}

// first is the first argument, or nothing.
func first(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

// subject is what is paused.
func subject(stack string) string {
	if stack == "" {
		return "the agent"
	}
	return "stack " + stack
}

func resumeLine(stack string) string {
	if stack == "" {
		return "resume"
	}
	return "resume " + stack
}
