package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"sallyport/agent/cli/call"
	"sallyport/agent/cli/complete"
	"sallyport/agent/control"
)

func newCompletionCommand(a *call.Call) *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish",
		Short: "Print what a shell needs to complete verbs, stacks and runs",
		Long: "Print a script with which a shell completes verbs, flags, stacks and runs; these it learns from the agent, or from its data\n" +
			"directory where whoever presses the key may read that.\n\n" +
			"  source <(sallyport completion bash)                          in ~/.bashrc\n" +
			"  source <(sallyport completion zsh)                           in ~/.zshrc, after compinit\n" +
			"  sallyport completion fish > ~/.config/fish/completions/sallyport.fish",
		Args: call.Between(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			root, out := c.Root(), a.Streams.Stdout
			switch args[0] {
			case "bash":
				if err := root.GenBashCompletionV2(out, true); err != nil {
					return call.Printed(err)
				}
				_, err := io.WriteString(out, complete.BashAlone)
				return call.Printed(err)
			case "zsh":
				return call.Printed(root.GenZshCompletion(out))
			case "fish":
				return call.Printed(root.GenFishCompletion(out, true))
			}
			return call.Usage(fmt.Sprintf("there is no completion for %q", args[0]), "usage: "+c.UseLine())
		},
	}
}

// completeArguments lets every verb complete what it takes. Nothing is said beside it: it would stand in the line that is typed.
func completeArguments(a *call.Call, root *cobra.Command) {
	silent := call.NewStreams(Invocation{Stdout: io.Discard, Stderr: io.Discard})
	complete.Arguments(root, func(question func(control.Reader) error) error {
		return a.At.Look(silent, func(r call.Source) error { return question(r) })
	})
}
