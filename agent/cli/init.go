package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"sallyport/agent/cli/render"
	"sallyport/agent/config"
	"sallyport/agent/survey/starter"
	"sallyport/notify/redact"
)

func newInitCommand(a *app) *cobra.Command {
	checkout := "."
	c := &cobra.Command{
		Use:   "init [--repo DIR] [--config FILE]",
		Short: "Write a small configuration from a repository",
		Long: "Look at a checkout of a repository and write a small configuration for it: where it comes from, its branch, its stacks. What is\n" +
			"there already is left as it is. What somebody has to decide is marked with EDIT; sallyport check takes it as it is.",
		Args: between(0, 0),
		RunE: func(*cobra.Command, []string) error { return writeConfig(a, checkout) },
	}
	c.Flags().StringVar(&checkout, "repo", ".", "`directory` of a checkout")
	return c
}

func writeConfig(a *app, checkout string) error {
	written, err := starter.Write(starter.Options{Checkout: checkout, Path: a.at.config, Load: config.LoadOptions{
		MissingCredentialsWarn: true, Getenv: func(k string) string { return env(a.inv.Environ, k, "") },
	}})
	if err != nil {
		return err
	}
	for _, note := range written.Notes {
		a.streams.talk("sallyport: warning: %s", note)
	}
	if a.streams.json {
		return a.streams.writeJSON(written)
	}
	if err := a.streams.write("wrote " + redact.CleanLine(written.Path) + "\n" + render.Found(written.Found)); err != nil {
		return err
	}
	at := ""
	if written.Path != DefaultConfig {
		at = " --config " + written.Path
	}
	if strings.ContainsAny(at[min(len(at), len(" --config ")):], " '\"$`\\") {
		at = " --config FILE"
	}
	a.streams.talk("next: look for EDIT in it, then\n  sallyport check%s\n  sallyport doctor%s\n  sallyport agent%s", at, at, at)
	return nil
}
