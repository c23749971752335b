package cli

import (
	"github.com/spf13/cobra"

	"sallyport/agent/runner"
)

// newApplyRunCommand is the detached process of one apply. Only the agent starts it; the runner's own Main handles
// signals and decides the exit code.
func newApplyRunCommand() *cobra.Command {
	return &cobra.Command{
		Use:                runner.Verb + " RUNDIR",
		Hidden:             true,
		DisableFlagParsing: true,
		RunE: func(_ *cobra.Command, args []string) error {
			return exitCode(runner.Main(args))
		},
	}
}
