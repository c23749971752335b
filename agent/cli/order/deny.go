package order

import (
	"github.com/spf13/cobra"

	"sallyport/agent/cli/call"
	"sallyport/agent/control"
	"sallyport/store"
)

func newDenyCommand(a *call.Call) *cobra.Command {
	var reason, digest string
	c := &cobra.Command{
		Use:   "deny RUN [--reason TEXT] [--digest SHA256]",
		Short: "Refuse a run's plan, for good",
		Long: "Refuse a run's plan, for good. RUN is the number that was looked at; a stack's name is for a terminal, where the run is\n" +
			"shown first. See `sallyport approve --help`.",
		Args: call.Between(1, call.Unlimited),
		RunE: func(c *cobra.Command, args []string) error {
			words := args[1:]
			if reason != "" {
				words = append(words, reason)
			}
			return decide(c.Context(), a.Streams, a.At, decision{store.Deny, control.DecideRequest{Ref: args[0], Digest: digest}, words, false})
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why, for the others")
	c.Flags().StringVar(&digest, "digest", "", digestUsage)
	return c
}
