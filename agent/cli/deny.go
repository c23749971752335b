package cli

import (
	"github.com/spf13/cobra"

	"sallyport/agent/control"
	"sallyport/store"
)

func newDenyCommand(a *app) *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:   "deny RUN [--reason TEXT]",
		Short: "Refuse a run's plan, for good",
		Args:  between(1, unlimited),
		RunE: func(c *cobra.Command, args []string) error {
			words := args[1:]
			if reason != "" {
				words = append(words, reason)
			}
			return a.decide(c.Context(), store.Deny, control.DecideRequest{Ref: args[0]}, words)
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why, for the others")
	return c
}
