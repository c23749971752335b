package cli

import (
	"github.com/spf13/cobra"

	"sallyport/agent/cli/adopt"
	"sallyport/agent/cli/call"
	"sallyport/agent/cli/render"
)

func newAdoptCommand(a *call.Call) *cobra.Command {
	return &cobra.Command{
		Use:   "adopt",
		Short: "Say what plans of observed stacks have found, and how to switch them on",
		Long: "Take existing stacks over. With mode = \"observe\", in defaults or in a stack, plans are made and shown, and nobody is asked. This\n" +
			"verb lists what they have found, in one table: stacks without changes, those that differ and how, and those that could not be\n" +
			"planned; and it says how to switch them on. It changes nothing, and reads the data directory where no agent answers.",
		Args: call.Between(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.At.Look(a.Streams, func(r call.Source) error {
				s, err := r.Status(c.Context())
				if err != nil {
					return err
				}
				report := adopt.Of(s, a.At.Config)
				if a.Streams.JSON {
					return a.Streams.WriteJSON(report)
				}
				return a.Streams.Write(render.Width(a.Streams.Wide()).Adopt(report))
			})
		},
	}
}
