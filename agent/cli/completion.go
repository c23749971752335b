package cli

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

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
				return printed(root.GenBashCompletionV2(out, true))
			case "zsh":
				return printed(root.GenZshCompletion(out))
			case "fish":
				return printed(root.GenFishCompletion(out, true))
			}
			return &usageError{fmt.Sprintf("there is no completion for %q", args[0]), "usage: " + c.UseLine()}
		},
	}
}

// completeWithin bounds the answer to a key that somebody presses.
const completeWithin = 2 * time.Second

// maxCompleted bounds how far back runs are offered.
const maxCompleted = 100

// completeArguments lets every verb complete what its usage line says that it takes.
func completeArguments(a *app, c *cobra.Command) {
	for _, sub := range c.Commands() {
		completeArguments(a, sub)
	}
	if c.HasSubCommands() || c.DisableFlagParsing {
		return
	}
	takes := argumentsOf(c.Use)
	c.ValidArgsFunction = func(c *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(c.Context(), completeWithin)
		defer cancel()
		if len(args) >= len(takes) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return candidates(ctx, a.at, c, takes[len(args)])
	}
}

// optional is a flag of a usage line, with its value.
var optional = regexp.MustCompile(`\[-[^]]*\](\.\.\.)?`)

// argumentsOf are the arguments in a usage line, without its flags.
func argumentsOf(use string) []string {
	_, rest, _ := strings.Cut(use, " ")
	return strings.Fields(strings.NewReplacer("[", "", "]", "").Replace(optional.ReplaceAllString(rest, "")))
}

// candidates are what an argument can be. Whatever goes wrong is no candidate: there is nowhere to tell it.
func candidates(ctx context.Context, at *installation, c *cobra.Command, argument string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if strings.HasPrefix(argument, "FILE") || strings.HasPrefix(argument, "DIR") {
		return nil, cobra.ShellCompDirectiveDefault
	}
	if argument == strings.ToLower(argument) {
		return strings.Split(argument, "|"), cobra.ShellCompDirectiveNoFileComp
	}
	if argument == "VERB..." {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []string
	silent := newStreams(Invocation{Stdout: io.Discard, Stderr: io.Discard})
	_ = at.look(silent, func(r source) (err error) {
		switch {
		case strings.HasPrefix(argument, "RUN"):
			runs, err := r.Runs(ctx, control.RunsQuery{Limit: maxCompleted})
			out = complete.Runs(c.Name(), runs)
			return err
		case strings.HasPrefix(argument, "STACK"), argument == "NEW":
			s, err := r.Status(ctx)
			out = complete.Stacks(s)
			return err
		case argument == "REPOSITORY":
			s, err := r.Status(ctx)
			out = complete.Repositories(s)
			return err
		}
		return nil
	})
	return out, cobra.ShellCompDirectiveNoFileComp
}
