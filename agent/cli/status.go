package cli

import (
	"github.com/spf13/cobra"

	"sallyport/agent/cli/render"
)

func newStatusCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show repositories, stacks, and what waits for whom",
		Args:  between(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.at.look(a.streams, func(r source) error {
				s, err := r.Status(c.Context())
				if err != nil {
					return err
				}
				if a.streams.json {
					return a.streams.writeJSON(s)
				}
				return a.streams.write(render.Status(s.Called(), a.now()))
			})
		},
	}
}
