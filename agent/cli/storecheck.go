package cli

import (
	"github.com/spf13/cobra"

	"sallyport/agent/cli/call"
	"sallyport/agent/rescue"
)

// newStoreCheckCommand is the child process that checks a store: a damaged one can kill whoever reads it.
func newStoreCheckCommand(a *call.Call) *cobra.Command {
	return &cobra.Command{
		Use:                rescue.Verb + " PATH",
		Hidden:             true,
		DisableFlagParsing: true,
		RunE: func(_ *cobra.Command, args []string) error {
			return call.ExitCode(rescue.Main(args, a.Inv.Stderr))
		},
	}
}
