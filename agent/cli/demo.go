package cli

import (
	"github.com/charmbracelet/colorprofile"
	"github.com/spf13/cobra"
)

func newDemoCommand(a *app) *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use:   "demo [--yes]",
		Short: "Tell the whole story on this machine, no account needed",
		Args:  between(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			if a.inv.Programs.Demo == nil {
				return errNotBuilt
			}
			ctx, stop := interruptible(c)
			defer stop()
			return a.inv.Programs.Demo(ctx, DemoOptions{
				Yes: yes, Stdin: a.inv.Stdin, Stdout: a.out, Stderr: a.err, JSON: a.json, Version: a.version(),
				Color: a.out.Profile > colorprofile.ASCII,
			})
		},
	}
	c.Flags().BoolVar(&yes, "yes", false, "answer by itself")
	return c
}
