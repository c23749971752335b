package cli

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// build says which program this is.
type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision"` // commit that it was built from; empty if unknown
	Modified bool   `json:"modified"` // built from a changed work tree
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func newVersionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Say which version this is",
		Args:  between(0, 0),
		RunE:  func(*cobra.Command, []string) error { return sayVersion(a) },
	}
}

func sayVersion(a *app) error {
	b := buildOf(a.inv.Version)
	return a.streams.result(b, "sallyport %s (%s, %s)", b.Version, b.Go, b.Platform)
}

// buildOf is this program; given is the version that the caller of [Main] knows, or empty.
func buildOf(given string) build {
	b := build{Version: given, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				b.Revision = s.Value
			case "vcs.modified":
				b.Modified = s.Value == "true"
			}
		}
		if b.Version == "" && info.Main.Version != "(devel)" {
			b.Version = info.Main.Version
		}
	}
	if b.Version == "" {
		b.Version = "devel"
	}
	return b
}

func version(given string) string { return buildOf(given).Version }
