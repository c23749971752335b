package cli

import (
	"github.com/spf13/cobra"

	"sallyport/agent/cli/call"
	"sallyport/agent/cli/render"
)

func newImagesCommand(a *call.Call) *cobra.Command {
	return &cobra.Command{
		Use:   "images",
		Short: "List what was built, and which stacks run on it",
		Args:  call.Between(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.At.Look(a.Streams, func(r call.Source) error {
				s, err := r.Status(c.Context())
				if err != nil {
					return err
				}
				builds := render.Builds(s.Stacks)
				if a.Streams.JSON {
					return a.Streams.WriteJSON(builds)
				}
				return a.Streams.Write(render.Width(a.Streams.Wide()).Images(builds))
			})
		},
	}
}
