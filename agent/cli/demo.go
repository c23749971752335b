package cli

import (
	"github.com/charmbracelet/colorprofile"
	"github.com/spf13/cobra"

	"sallyport/agent/cli/call"
	"sallyport/agent/control"
	"sallyport/agent/demo"
)

// demonstrated is the result of demo for machines.
type demonstrated struct {
	Runs []control.Run `json:"runs"` // newest first
}

func newDemoCommand(a *call.Call) *cobra.Command {
	var (
		yes, list bool
		numbers   []int
	)
	c := &cobra.Command{
		Use:   "demo [--yes] [--scene N]... [--list]",
		Short: "Tell the whole story on this machine, no account needed",
		Args:  call.Between(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			if list {
				return listScenes(a.Streams)
			}
			ctx, stop := call.Interruptible(c)
			defer stop()
			o := demo.Options{
				Yes: yes, Scenes: numbers, Stdin: a.Inv.Stdin, Stdout: a.Streams.Out,
				Color: a.Streams.Out.Profile > colorprofile.ASCII,
			}
			if a.Streams.JSON { // then the story is talk, and the runs are what comes out of it
				o.Stdout, o.Color = a.Streams.Err, a.Streams.Colour()
				o.Ended = func(runs []control.Run) error { return a.Streams.WriteJSON(demonstrated{runs}) }
			}
			return demo.Run(ctx, o)
		},
	}
	c.Flags().BoolVar(&yes, "yes", false, "answer by itself")
	c.Flags().IntSliceVar(&numbers, "scene", nil, "tell scene `N` alone; may be given again")
	c.Flags().BoolVar(&list, "list", false, "list the scenes")
	return c
}

// listScenes prints the scenes with their numbers.
func listScenes(s *call.Streams) error {
	if s.JSON {
		return s.WriteJSON(demo.Titles())
	}
	for i, title := range demo.Titles() {
		if err := s.Say("%d. %s", i+1, title); err != nil {
			return err
		}
	}
	return nil
}
