package call

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// NoVerb is the error for a word that is no verb below a command.
func NoVerb(c *cobra.Command, word string) error {
	what, hint := fmt.Sprintf("there is no verb %q", word), "see "+c.CommandPath()+" --help"
	if c.HasParent() {
		what += " after " + c.CommandPath()
	}
	c.SuggestionsMinimumDistance = 2
	if like := c.SuggestionsFor(word); len(like) > 0 {
		hint = "did you mean " + c.CommandPath() + " " + strings.Join(like, ", "+c.CommandPath()+" ") + "?"
	}
	return Usage(what, hint)
}

// Between checks the number of arguments; the use line says what they are.
func Between(least, most int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return Usage("something is missing after "+c.CommandPath(), "usage: "+c.UseLine())
		case most >= 0 && len(args) > most:
			return Usage(fmt.Sprintf("%q is too much after %s", args[most], c.CommandPath()), "usage: "+c.UseLine())
		}
		return nil
	}
}

// Unlimited is any number of arguments.
const Unlimited = -1

// Interruptible is a context that ends at Ctrl-C or SIGTERM, for verbs that have something to tidy up.
func Interruptible(c *cobra.Command) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(c.Context(), os.Interrupt, syscall.SIGTERM)
}
