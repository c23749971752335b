package cli

import (
	"github.com/spf13/cobra"

	"sallyport/agent/cli/build"
	"sallyport/agent/cli/call"
)

func newVersionCommand(a *call.Call) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Say which version this is",
		Args:  call.Between(0, 0),
		RunE:  func(*cobra.Command, []string) error { return sayVersion(a) },
	}
}

func sayVersion(a *call.Call) error {
	b := build.Of(a.Inv.Version)
	return a.Streams.Result(b, "sallyport %s (%s, %s)", b.Version, b.Go, b.Platform)
}
