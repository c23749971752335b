package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"sallyport/agent/config/reference"
	"sallyport/agent/config/shape"
)

// newHelpConfigCommand prints the reference of the configuration.
func newHelpConfigCommand(a *app) *cobra.Command {
	var man bool
	c := &cobra.Command{
		Use:   "config [--man] [BLOCK]",
		Short: "Say what may stand in the configuration: every attribute with its type, unit, default and an example",
		Long: "Say what may stand in the configuration: every attribute with its type, unit, default and an example.\n" +
			"BLOCK is one kind of block, like slack or repository ssh. --man prints all as a man page (section 5).",
		DisableFlagsInUseLine: true,
		ValidArgs:             append(reference.Names(), "ssh", "github", "app", "require_signed", "aws"),
		RunE: func(_ *cobra.Command, args []string) error {
			name := strings.Join(args, " ")
			blocks := reference.Blocks(name)
			switch {
			case len(blocks) == 0:
				return &usageError{fmt.Sprintf("there is no block %q in a configuration", name), "one of: " + strings.Join(reference.Names(), ", ")}
			case man:
				return a.streams.write(reference.Man(version(a.inv.Version)))
			case a.streams.json:
				return a.streams.writeJSON(struct {
					Blocks []shape.Block `json:"blocks"`
				}{blocks})
			}
			text := reference.Text(blocks)
			if name == "" {
				text += "\nBlocks; sallyport help config BLOCK shows one\n  " + strings.Join(reference.Names(), "\n  ") + "\n"
			}
			return a.streams.write(text)
		},
	}
	c.Flags().BoolVar(&man, "man", false, "print a man page")
	return c
}
