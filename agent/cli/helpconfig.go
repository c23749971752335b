package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sallyport/agent/cli/call"
	"sallyport/agent/config/decode"
	"sallyport/agent/config/reference"
	"sallyport/agent/config/shape"
	"sallyport/notify/words"
)

// newHelpConfigCommand prints the reference of the configuration.
func newHelpConfigCommand(a *call.Call) *cobra.Command {
	var man bool
	c := &cobra.Command{
		Use:   "config [--man] [BLOCK]",
		Short: "Say what may stand in the configuration: every attribute with its type, unit, default and an example",
		Long: "Say what may stand in the configuration: every attribute with its type, unit, default and an example.\n" +
			"BLOCK is one kind of block, like slack or repository ssh. --man prints all as a man page (section 5).",
		DisableFlagsInUseLine: true,
		ValidArgs:             append(reference.Names(), "ssh", "github", "gitlab", "gitea", "bitbucket", "app", "require_signed", "aws"),
		RunE: func(_ *cobra.Command, args []string) error {
			name := strings.Join(args, " ")
			blocks := reference.Blocks(name)
			switch {
			case len(blocks) == 0:
				return noBlock(name, args)
			case man:
				return a.Streams.Write(reference.Man(call.Version(a.Inv.Version), manDate(a.Inv)))
			case a.Streams.JSON:
				return a.Streams.WriteJSON(struct {
					Blocks []shape.Block `json:"blocks"`
				}{blocks})
			}
			text := reference.Text(blocks)
			if name == "" {
				text += "\nBlocks; sallyport help config BLOCK shows one\n  " + strings.Join(reference.Names(), "\n  ") + "\n"
			}
			return a.Streams.Write(text)
		},
	}
	c.Flags().BoolVar(&man, "man", false, "print a man page")
	return c
}

// noBlock refuses a name that no block has: the attribute of one is told where it stands.
func noBlock(name string, args []string) error {
	last := args[len(args)-1]
	var holders []string
	for _, b := range reference.Blocks(strings.Join(args[:len(args)-1], " ")) {
		if b.Path != "" && slices.ContainsFunc(b.Attributes, func(a decode.Attribute) bool { return a.Name == last }) {
			holders = append(holders, b.Path)
		}
	}
	why, names := fmt.Sprintf("there is no block %q in a configuration", name), reference.Names()
	if len(holders) > 0 {
		return call.Usage(why, last+" is an attribute: sallyport help config "+strings.Join(holders, ", or sallyport help config "))
	}
	next := "one of: " + strings.Join(names, ", ")
	if like := words.Like(name, names); len(like) > 0 {
		next = "did you mean " + words.Or(like) + "? " + next
	}
	return call.Usage(why, next)
}
