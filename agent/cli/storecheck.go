package cli

import (
	"github.com/spf13/cobra"

	"sallyport/agent/rescue"
)

// newStoreCheckCommand is the child process that checks a store: a damaged one can kill whoever reads it.
func newStoreCheckCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:                rescue.Verb + " PATH",
		Hidden:             true,
		DisableFlagParsing: true,
		RunE: func(_ *cobra.Command, args []string) error {
			return exitCode(rescue.Main(args, a.inv.Stderr))
		},
	}
}
