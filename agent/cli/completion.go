package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"sallyport/agent/cli/complete"
	"sallyport/agent/control"
)

func newCompletionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish",
		Short: "Print what a shell needs to complete verbs, stacks and runs",
		Long: "Print a script with which a shell completes verbs, flags, stacks and runs; these it learns from the agent, or from its data\n" +
			"directory where whoever presses the key may read that.\n\n" +
			"  source <(sallyport completion bash)                          in ~/.bashrc\n" +
			"  source <(sallyport completion zsh)                           in ~/.zshrc, after compinit\n" +
			"  sallyport completion fish > ~/.config/fish/completions/sallyport.fish",
		Args: between(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			root, out := c.Root(), a.streams.stdout
			switch args[0] {
			case "bash":
				if err := root.GenBashCompletionV2(out, true); err != nil {
					return printed(err)
				}
				_, err := io.WriteString(out, complete.BashAlone)
				return printed(err)
			case "zsh":
				return printed(root.GenZshCompletion(out))
			case "fish":
				return printed(root.GenFishCompletion(out, true))
			}
			return &usageError{fmt.Sprintf("there is no completion for %q", args[0]), "usage: " + c.UseLine()}
		},
	}
}

// completeArguments lets every verb complete what it takes. Nothing is said beside it: it would stand in the line that is typed.
func completeArguments(a *app, root *cobra.Command) {
	silent := newStreams(Invocation{Stdout: io.Discard, Stderr: io.Discard})
	complete.Arguments(root, func(question func(control.Reader) error) error {
		return a.at.look(silent, func(r source) error { return question(r) })
	})
}
