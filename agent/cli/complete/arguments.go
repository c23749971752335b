package complete

import (
	"context"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sallyport/agent/control"
)

// within bounds the answer to a key that somebody presses. Where it is over the data directory is tried, whose lock may take a third of a
// second: it stays below one in all.
const within = 600 * time.Millisecond

// maxRuns bounds how far back runs are offered.
const maxRuns = 100

// Ask lets a question be answered by an agent, or by its data directory, and says nothing beside it.
type Ask func(question func(control.Reader) error) error

// Arguments lets every verb below a command complete what its usage line says that it takes.
func Arguments(c *cobra.Command, ask Ask) {
	for _, sub := range c.Commands() {
		Arguments(sub, ask)
	}
	if c.HasSubCommands() || c.DisableFlagParsing {
		return
	}
	takes := argumentsOf(c.Use)
	c.ValidArgsFunction = func(c *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) >= len(takes) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		argument := takes[len(args)]
		switch {
		case strings.HasPrefix(argument, "FILE"), strings.HasPrefix(argument, "DIR"):
			return nil, cobra.ShellCompDirectiveDefault
		case argument == strings.ToLower(argument):
			return strings.Split(argument, "|"), cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := context.WithTimeout(c.Context(), within)
		defer cancel()
		return candidates(ctx, ask, c.Name(), args, argument), cobra.ShellCompDirectiveNoFileComp
	}
}

// optional is a flag of a usage line, with its value.
var optional = regexp.MustCompile(`\[-[^]]*\](\.\.\.)?`)

// argumentsOf are the arguments in a usage line, without its flags.
func argumentsOf(use string) []string {
	_, rest, _ := strings.Cut(use, " ")
	return strings.Fields(strings.NewReplacer("[", "", "]", "").Replace(optional.ReplaceAllString(rest, "")))
}

// candidates are what an argument of a verb can be after args. Whatever goes wrong is no candidate: there is nowhere to tell it.
func candidates(ctx context.Context, ask Ask, verb string, args []string, argument string) (out []string) {
	switch {
	case strings.HasPrefix(argument, "RUN"):
		_ = ask(func(r control.Reader) error {
			runs, err := r.Runs(ctx, control.RunsQuery{Limit: maxRuns})
			out = runsFor(verb, runs)
			return err
		})
	case strings.HasPrefix(argument, "STACK"), argument == "NEW":
		_ = ask(func(r control.Reader) error {
			s, err := r.Status(ctx)
			out = stacks(s)
			return err
		})
	case argument == "SERIAL|NAME" && len(args) > 0:
		_ = ask(func(r control.Reader) error {
			copies, err := r.States(ctx, args[0])
			out = states(copies)
			return err
		})
	case argument == "REPOSITORY":
		_ = ask(func(r control.Reader) error {
			s, err := r.Status(ctx)
			out = repositories(s)
			return err
		})
	}
	return out
}
