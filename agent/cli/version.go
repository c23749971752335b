package cli

import (
	"github.com/spf13/cobra"

	"sallyport/agent/cli/build"
)

func newVersionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Say which version this is",
		Args:  between(0, 0),
		RunE:  func(*cobra.Command, []string) error { return sayVersion(a) },
	}
}

func sayVersion(a *app) error {
	b := build.Of(a.inv.Version)
	return a.streams.result(b, "sallyport %s (%s, %s)", b.Version, b.Go, b.Platform)
}

func version(given string) string { return build.Of(given).Version }
