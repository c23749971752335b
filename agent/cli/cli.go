// Package cli is the command line: one file per verb, and what they share.
//
// A verb is a function of what it needs: the [streams] of the call, and the [installation] that says which agent is meant. What
// people read of its answer is made by package render.
//
// # The rules of its output
//
// Results go to stdout, talk goes to stderr, so that a pipe gets only what was asked for. With --json a result is one JSON
// value and nothing else. Errors read `sallyport: error: ...`, lower case and without a full stop, and then a line
// `hint: ...` if there is something to do about it. Colours are for terminals; NO_COLOR turns them off. Whatever comes
// from outside (plans, commits, terraform) is stripped of control characters before it is printed.
//
// The exit code is 0 for done, 1 for failed, 2 for not understood and 3 when no agent answers. `sallyport agent` that is not
// understood ends with 64: 2 is also what a Go program ends with that panics, and what a service must start again after.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"sallyport/agent/asuser"
	"sallyport/agent/control"
	"sallyport/agent/control/socket"
	"sallyport/agent/demo/cloud"
	"sallyport/agent/repo"
	"sallyport/agent/runner"
	"sallyport/notify/redact"
)

// The exit codes.
const (
	exitDone    = 0
	exitFailed  = 1
	exitUsage   = 2
	exitNoAgent = 3
	// exitAgentUsage is exitUsage of the agent itself. The unit in configs/ names it as the one code after which starting again
	// mends nothing. It is not 2, with which the Go runtime ends a program that panicked, is out of memory or was sent SIGQUIT:
	// systemd's watchdog does that (as SIGABRT, which ends with 2 as well) to an agent that hangs, in order to have it started
	// again.
	exitAgentUsage = 64 // EX_USAGE of sysexits.h
)

// DefaultConfig is where the configuration is looked for.
const DefaultConfig = "/etc/sallyport/sallyport.hcl"

// Invocation is one call of the program: everything that it sees of the world.
type Invocation struct {
	Args    []string // without the program's name
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	Environ []string         // default os.Environ
	Now     func() time.Time // default time.Now
	Version string           // of this build; empty: what the Go toolchain recorded
}

// Main runs one call and returns its exit code.
func Main(inv Invocation) int {
	if inv.Environ == nil {
		inv.Environ = os.Environ()
	}
	if inv.Now == nil {
		inv.Now = time.Now
	}
	if asuser.Asked(inv.Environ) { // before the verbs: the arguments are terraform's
		return asuser.Main(inv.Environ, inv.Args)
	}
	if len(inv.Args) > 0 && inv.Args[0] == runner.Verb {
		return runner.Main(inv.Args[1:]) // an approved apply waits for this process: no verb is put together for it
	}
	if len(inv.Args) > 0 && inv.Args[0] == repo.Verb {
		return repo.Main(inv.Args[1:])
	}
	if len(inv.Args) > 0 && inv.Args[0] == cloud.Verb {
		return cloud.Main(inv.Args[1:], inv.Environ, inv.Stdout, inv.Stderr)
	}
	a := newApp(inv)
	root := newRoot(a)
	root.SetArgs(inv.Args)
	root.SetIn(inv.Stdin)
	root.SetOut(inv.Stdout)
	root.SetErr(inv.Stderr)
	verb, err := root.ExecuteC()
	if err == nil {
		return exitDone
	}
	var code exitCode
	if errors.As(err, &code) {
		return int(code)
	}
	a.streams.complain(err)
	if code := codeOf(err); code != exitUsage || verb.Name() != agentVerb {
		return code
	}
	return exitAgentUsage
}

// numberAsFlag finds a negative number, which the library takes for flags.
var numberAsFlag = regexp.MustCompile(`^unknown shorthand flag: '[0-9]' in (-[0-9]+)$`)

// exitCode ends the program with a code when everything has been said.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }

// usageError is a call that was not understood.
type usageError struct{ why, hint string }

func (e *usageError) Error() string    { return e.why }
func (e *usageError) UserHint() string { return e.hint }

func codeOf(err error) int {
	var usage *usageError
	var answer *control.Error
	switch {
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &answer) && answer.Kind == control.Usage:
		return exitUsage
	case errors.Is(err, socket.ErrNoAgent):
		return exitNoAgent
	}
	return exitFailed
}

// newRoot puts the verbs together.
func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "sallyport",
		Short: "pulls, plans, asks and applies: terraform from inside a private network",
		Long: "Sallyport pulls infrastructure repositories, plans every changed terraform stack, asks people in Slack,\n" +
			"applies exactly the plan that they approved, and reports back. Nothing ever connects to it.",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          knownVerb,
	}
	wanted := root.Flags().Bool("version", false, "say which version this is")
	root.RunE = func(c *cobra.Command, _ []string) error {
		if *wanted {
			return sayVersion(a)
		}
		c.SetOut(a.inv.Stderr)
		return errors.Join(c.Help(), exitCode(exitUsage))
	}
	root.CompletionOptions.DisableDefaultCmd = true // ours is in completion.go
	endHelp(root)
	root.SetHelpCommand(newHelpCommand(a))
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		why, _, _ := strings.Cut(err.Error(), ": strconv") // the library's word for a number that is none
		if minus := numberAsFlag.FindStringSubmatch(why); minus != nil {
			return &usageError{fmt.Sprintf("%q is not a run", minus[1]), "runs are numbered from 1; sallyport runs lists them"}
		}
		return &usageError{why, "see " + c.CommandPath() + " --help"}
	})
	flags := root.PersistentFlags()
	flags.StringVar(&a.at.config, "config", env(a.inv.Environ, "SALLYPORT_CONFIG", DefaultConfig), "configuration `file` or directory")
	flags.StringVar(&a.at.socket, "socket", env(a.inv.Environ, "SALLYPORT_SOCKET", ""), "`path` of the agent's socket; without it the configuration tells")
	flags.BoolVar(&a.streams.json, "json", false, "print one JSON value")
	root.AddCommand(
		newAgentCommand(a), newStatusCommand(a), newImagesCommand(a), newRunsCommand(a), newShowCommand(a), newLogsCommand(a),
		newPlanCommand(a), newRecoverCommand(a), newApproveCommand(a), newDenyCommand(a), newReviewCommand(a), newCancelCommand(a),
		newPauseCommand(a), newResumeCommand(a), newAcceptCommand(a), newUnlockCommand(a), newStateCommand(a), newExecCommand(a), newWhyCommand(a), newCheckCommand(a), newDoctorCommand(a),
		newBackupCommand(a), newRestoreCommand(a), newDemoCommand(a), newInitCommand(a), newVersionCommand(a), newCompletionCommand(a),
		newStoreCheckCommand(a),
	)
	for _, c := range root.Commands() {
		c.DisableFlagsInUseLine = true // each names its own
	}
	completeArguments(a, root)
	return root
}

// knownVerb refuses verbs that there are none, with those that look alike.
func knownVerb(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if len(args) > 1 {
		if verb, _, err := c.Find(args[1:2]); err == nil && verb != c {
			said := append([]string{args[1], args[0]}, args[2:]...)
			return &usageError{fmt.Sprintf("there is no verb %q", args[0]), "the verb comes first: sallyport " + redact.CleanLine(strings.Join(said, " "))}
		}
	}
	return noVerb(c, args[0])
}

// noVerb is the error for a word that is no verb below a command.
func noVerb(c *cobra.Command, word string) error {
	what, hint := fmt.Sprintf("there is no verb %q", word), "see "+c.CommandPath()+" --help"
	if c.HasParent() {
		what += " after " + c.CommandPath()
	}
	c.SuggestionsMinimumDistance = 2
	if like := c.SuggestionsFor(word); len(like) > 0 {
		hint = "did you mean " + c.CommandPath() + " " + strings.Join(like, ", "+c.CommandPath()+" ") + "?"
	}
	return &usageError{what, hint}
}

// between checks the number of arguments; the use line says what they are.
func between(least, most int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return &usageError{"something is missing after " + c.CommandPath(), "usage: " + c.UseLine()}
		case most >= 0 && len(args) > most:
			return &usageError{fmt.Sprintf("%q is too much after %s", args[most], c.CommandPath()), "usage: " + c.UseLine()}
		}
		return nil
	}
}

// any number of arguments.
const unlimited = -1

// interruptible is a context that ends at Ctrl-C or SIGTERM, for verbs that have something to tidy up.
func interruptible(c *cobra.Command) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(c.Context(), os.Interrupt, syscall.SIGTERM)
}
