package cli

import (
	"github.com/spf13/cobra"

	"sallyport/agent/cli/render"
)

func newImagesCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "images",
		Short: "List what was built, and which stacks run on it",
		Args:  between(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.at.look(a.streams, func(r source) error {
				s, err := r.Status(c.Context())
				if err != nil {
					return err
				}
				builds := render.Builds(s.Stacks)
				if a.streams.json {
					return a.streams.writeJSON(builds)
				}
				return a.streams.write(render.Width(a.streams.wide()).Images(builds))
			})
		},
	}
}
