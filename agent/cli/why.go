package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"sallyport/agent/cli/call"
	"sallyport/notify/redact"
)

func newWhyCommand(a *call.Call) *cobra.Command {
	return &cobra.Command{
		Use:   "why STACK",
		Short: "Say which file caused the last run of a stack, or why there is none",
		Args:  call.Between(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			return a.At.Look(a.Streams, func(r call.Source) error {
				w, err := r.Why(c.Context(), args[0])
				if err != nil {
					return err
				}
				if a.Streams.JSON {
					return a.Streams.WriteJSON(w)
				}
				w = w.Called()
				var b strings.Builder
				for _, line := range w.Because {
					b.WriteString(redact.CleanLine(line) + "\n")
				}
				for _, path := range w.Touched {
					b.WriteString("  " + redact.CleanLine(path) + "\n")
				}
				return a.Streams.Write(b.String())
			})
		},
	}
}
