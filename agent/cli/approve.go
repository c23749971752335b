package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"sallyport/agent/control"
	"sallyport/store"
)

func newApproveCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "approve RUN [WORDS...]",
		Short: "Agree to a run's plan",
		Long: "Agree to a run's plan. A plan that destroys or replaces something wants the word destroy; protected addresses have to\n" +
			"be named, by address or by their number in `sallyport show RUN`:\n\n" +
			"  sallyport approve 12\n  sallyport approve 12 destroy\n  sallyport approve ghe destroy 2 aws_ebs_volume.data",
		Args: between(1, unlimited),
		RunE: func(c *cobra.Command, args []string) error {
			return a.decide(c.Context(), store.Approve, args[0], args[1:])
		},
	}
}

// acted is the result of approve, deny and cancel for machines: the run, and what happened.
type acted struct {
	control.Run
	Message string `json:"message"`
}

func (a *app) decide(ctx context.Context, verdict store.Verdict, ref string, words []string) error {
	client, err := a.client()
	if err != nil {
		return err
	}
	defer client.Close()
	line := strings.Join(append([]string{string(verdict)}, words...), " ")
	done, err := client.Decide(ctx, control.DecideRequest{Ref: ref, Words: line})
	if err != nil {
		return err
	}
	return a.result(acted{done.Run, done.Message}, "%s", done.Message)
}
