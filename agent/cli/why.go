package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"sallyport/notify/redact"
)

func newWhyCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "why STACK",
		Short: "Say which file caused the last run of a stack, or why there is none",
		Args:  between(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			return a.at.look(a.streams, func(r source) error {
				w, err := r.Why(c.Context(), args[0])
				if err != nil {
					return err
				}
				if a.streams.json {
					return a.streams.writeJSON(w)
				}
				w = w.Called()
				var b strings.Builder
				for _, line := range w.Because {
					b.WriteString(redact.CleanLine(line) + "\n")
				}
				for _, path := range w.Touched {
					b.WriteString("  " + redact.CleanLine(path) + "\n")
				}
				return a.streams.write(b.String())
			})
		},
	}
}
