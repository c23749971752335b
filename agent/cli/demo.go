package cli

import (
	"github.com/charmbracelet/colorprofile"
	"github.com/spf13/cobra"

	"sallyport/agent/demo"
)

func newDemoCommand(a *app) *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use:   "demo [--yes]",
		Short: "Tell the whole story on this machine, no account needed",
		Args:  between(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, stop := interruptible(c)
			defer stop()
			return demo.Run(ctx, demo.Options{
				Yes: yes, Stdin: a.inv.Stdin, Stdout: a.out, Version: a.version(),
				Color: a.out.Profile > colorprofile.ASCII,
			})
		},
	}
	c.Flags().BoolVar(&yes, "yes", false, "answer by itself")
	return c
}
