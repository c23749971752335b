package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"sallyport/agent/control"
	"sallyport/store"
)

func newApproveCommand(a *app) *cobra.Command {
	r := control.DecideRequest{}
	c := &cobra.Command{
		Use:   "approve RUN [WORDS...] [--break-glass --reason TEXT]",
		Short: "Agree to a run's plan",
		Long: "Agree to a run's plan. A plan that destroys or replaces something wants the word destroy; protected addresses have to\n" +
			"be named, by address or by their number in `sallyport show RUN`:\n\n" +
			"  sallyport approve 12\n  sallyport approve 12 destroy\n  sallyport approve ghe destroy 2 aws_ebs_volume.data\n\n" +
			"--break-glass stands for all approvals, for those whom break_glass of the stack names. Everybody is told, and the run stays\n" +
			"marked until somebody else says `sallyport review RUN`.",
		Args: between(1, unlimited),
		RunE: func(c *cobra.Command, args []string) error {
			if r.BreakGlass != (r.Reason != "") {
				return &usageError{"--break-glass and --reason TEXT go together", "an ordinary approval needs no reason"}
			}
			r.Ref = args[0]
			return a.decide(c.Context(), store.Approve, r, args[1:])
		},
	}
	c.Flags().BoolVar(&r.BreakGlass, "break-glass", false, "stand for all approvals, in an emergency")
	c.Flags().StringVar(&r.Reason, "reason", "", "why the glass is broken, for the others")
	return c
}

// acted is the result of approve, deny and cancel for machines: the run, and what happened.
type acted struct {
	control.Run
	Message string `json:"message"`
}

func (a *app) decide(ctx context.Context, verdict store.Verdict, r control.DecideRequest, words []string) error {
	client, err := a.client()
	if err != nil {
		return err
	}
	defer client.Close()
	r.Words = strings.Join(append([]string{string(verdict)}, words...), " ")
	done, err := client.Decide(ctx, r)
	if err != nil {
		return err
	}
	return a.result(acted{done.Run, done.Message}, "%s", done.Message)
}
