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
			err = a.Streams.Result(paused{stack, true}, "%s is paused; to go on: sallyport %s", subject(stack), resumeLine(stack))
			if err != nil || stack == "" {
				return err
			}
			s, unknown := client.Status(c.Context())
			if run := lookedAt(s, stack); unknown == nil && run != 0 { // it is paused, whatever is known beside
				a.Streams.Talk("hint: #%d of it needs a look, and resume also says that it had one", run)
			}
			return nil
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why, for the others")
	return c
}

// lookedAt is the run of a stack that failed and needs a look; 0 if none does.
func lookedAt(s control.Status, stack string) int {
	for _, st := range s.Stacks {
		if st.Name == stack && st.Look != nil {
			return st.Look.Run
		}
	}
	return 0
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
