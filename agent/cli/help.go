package cli

import (
	"io"
	"strings"

	"github.com/spf13/cobra"

	"sallyport/agent/cli/call"
	"sallyport/agent/cli/fold"
)

// helpEnd is what the help of the program itself ends with.
const helpEnd = `
Environment:
  SALLYPORT_CONFIG   configuration file or directory, where --config does not say it
  SALLYPORT_SOCKET   the agent's socket, where --socket does not say it
  NO_COLOR           nothing but text on a terminal, whatever its value
  PAGER              what shows long texts on a terminal; without it less, if there is one

Exit codes:
  0  done
  1  failed, or refused
  2  not understood
  3  no agent answers
sallyport exec ends with terraform's own code, sallyport agent with 64 where others end with 2.

What may stand in the configuration: sallyport help config [BLOCK]
`

// endHelp adds it, and folds all help to the width of a terminal. A template of cobra's would do that, too, but would make the program ten megabytes bigger: a template may call any
// method by its name, so that the linker leaves none out of the program.
func endHelp(root *cobra.Command) {
	help := root.HelpFunc()
	root.SetHelpFunc(func(c *cobra.Command, args []string) {
		out := c.OutOrStdout()
		var text strings.Builder
		c.SetOut(&text)
		help(c, args)
		c.SetOut(out)
		if !c.HasParent() {
			text.WriteString(helpEnd)
		}
		_, _ = io.WriteString(out, fold.Help(text.String())) // whoever closed it does not want help
	})
}

// newHelpCommand answers `sallyport help VERB`; cobra's own takes an unknown verb for a success.
func newHelpCommand(a *call.Call) *cobra.Command {
	help := &cobra.Command{
		Use:   "help [VERB...]",
		Short: "Say more about a verb",
		RunE: func(c *cobra.Command, args []string) error {
			verb, rest, err := c.Root().Find(args)
			if err != nil {
				return err
			}
			if len(rest) > 0 {
				return call.NoVerb(verb, rest[0])
			}
			verb.InitDefaultHelpFlag()
			return verb.Help()
		},
	}
	help.AddCommand(newHelpConfigCommand(a))
	return help
}
