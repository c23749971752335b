package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"sallyport/agent/cli/call"
	"sallyport/agent/cli/render"
	"sallyport/agent/config"
	"sallyport/agent/survey/starter"
	"sallyport/notify/redact"
)

func newInitCommand(a *call.Call) *cobra.Command {
	checkout := "."
	c := &cobra.Command{
		Use:   "init [--repo DIR] [--config FILE]",
		Short: "Write a small configuration from a repository",
		Long: "Look at a checkout of a repository and write a small configuration for it: where it comes from, its branch, its stacks. What is\n" +
			"there already is left as it is. What somebody has to decide is marked with EDIT; sallyport check takes it as it is.",
		Args: call.Between(0, 0),
		RunE: func(*cobra.Command, []string) error { return writeConfig(a, checkout) },
	}
	c.Flags().StringVar(&checkout, "repo", ".", "`directory` of a checkout")
	return c
}

func writeConfig(a *call.Call, checkout string) error {
	written, err := starter.Write(starter.Options{Checkout: checkout, Path: a.At.Config, Load: config.LoadOptions{
		MissingCredentialsWarn: true, Getenv: func(k string) string { return call.Env(a.Inv.Environ, k, "") },
	}})
	if err != nil {
		return err
	}
	for _, note := range written.Notes {
		a.Streams.Talk("sallyport: warning: %s", note)
	}
	if a.Streams.JSON {
		return a.Streams.WriteJSON(written)
	}
	if err := a.Streams.Write("wrote " + redact.CleanLine(written.Path) + "\n" + render.Found(written.Found)); err != nil {
		return err
	}
	at := ""
	if written.Path != DefaultConfig {
		at = " --config " + written.Path
	}
	if strings.ContainsAny(at[min(len(at), len(" --config ")):], " '\"$`\\") {
		at = " --config FILE"
	}
	a.Streams.Talk("next: look for EDIT in it, then\n  sallyport check%s\n  sallyport doctor%s\n  sallyport agent%s", at, at, at)
	return nil
}
