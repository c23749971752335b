package cli

import (
	"github.com/charmbracelet/colorprofile"
	"github.com/spf13/cobra"

	"sallyport/agent/control"
	"sallyport/agent/demo"
)

// demonstrated is the result of demo for machines.
type demonstrated struct {
	Runs []control.Run `json:"runs"` // newest first
}

func newDemoCommand(a *app) *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use:   "demo [--yes]",
		Short: "Tell the whole story on this machine, no account needed",
		Args:  between(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, stop := interruptible(c)
			defer stop()
			o := demo.Options{
				Yes: yes, Stdin: a.inv.Stdin, Stdout: a.streams.out, Version: version(a.inv.Version),
				Color: a.streams.out.Profile > colorprofile.ASCII,
			}
			if a.streams.json { // then the story is talk, and the runs are what comes out of it
				o.Stdout, o.Color = a.streams.err, a.streams.colour()
				o.Ended = func(runs []control.Run) error { return a.streams.writeJSON(demonstrated{runs}) }
			}
			return demo.Run(ctx, o)
		},
	}
	c.Flags().BoolVar(&yes, "yes", false, "answer by itself")
	return c
}
