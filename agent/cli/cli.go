// Package cli is the command line: one file per verb, and what they share.
//
// A verb is a function of what it needs: the streams of the call, and the installation that says which agent is meant, both of package
// call. Here are the verbs with which people look, and those about an installation; what is ordered of an agent is package order's. What
// people read of an answer is made by package render.
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
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sallyport/agent/asuser"
	"sallyport/agent/cli/call"
	"sallyport/agent/cli/order"
	"sallyport/agent/control"
	"sallyport/agent/control/socket"
	"sallyport/agent/demo/cloud"
	"sallyport/agent/repo"
	"sallyport/agent/runner"
	"sallyport/notify/redact"
)

// DefaultConfig is where the configuration is looked for.
const DefaultConfig = "/etc/sallyport/sallyport.hcl"

// Invocation is one call of the program.
type Invocation = call.Invocation

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
	a := call.New(inv)
	root := newRoot(a)
	root.SetArgs(inv.Args)
	root.SetIn(inv.Stdin)
	root.SetOut(inv.Stdout)
	root.SetErr(inv.Stderr)
	verb, err := root.ExecuteC()
	if err == nil {
		return call.ExitDone
	}
	var code call.ExitCode
	if errors.As(err, &code) {
		return int(code)
	}
	a.Streams.Complain(err)
	if code := codeOf(err); code != call.ExitNotUnderstood || verb.Name() != agentVerb {
		return code
	}
	return call.ExitAgentNotUnderstood
}

// numberAsFlag finds a negative number, which the library takes for flags.
var numberAsFlag = regexp.MustCompile(`^unknown shorthand flag: '[0-9]' in (-[0-9]+)$`)

func codeOf(err error) int {
	var usage *call.UsageError
	var answer *control.Error
	switch {
	case errors.As(err, &usage):
		return call.ExitNotUnderstood
	case errors.As(err, &answer) && answer.Kind == control.Usage:
		return call.ExitNotUnderstood
	case errors.Is(err, socket.ErrNoAgent):
		return call.ExitNoAgent
	}
	return call.ExitFailed
}

// newRoot puts the verbs together.
func newRoot(a *call.Call) *cobra.Command {
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
		c.SetOut(a.Inv.Stderr)
		return errors.Join(c.Help(), call.ExitCode(call.ExitNotUnderstood))
	}
	root.CompletionOptions.DisableDefaultCmd = true // ours is in completion.go
	endHelp(root)
	root.SetHelpCommand(newHelpCommand(a))
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		why, _, _ := strings.Cut(err.Error(), ": strconv") // the library's word for a number that is none
		if minus := numberAsFlag.FindStringSubmatch(why); minus != nil {
			return call.Usage(fmt.Sprintf("%q is not a run", minus[1]), "runs are numbered from 1; sallyport runs lists them")
		}
		return call.Usage(why, "see "+c.CommandPath()+" --help")
	})
	flags := root.PersistentFlags()
	flags.StringVar(&a.At.Config, "config", call.Env(a.Inv.Environ, "SALLYPORT_CONFIG", DefaultConfig), "configuration `file` or directory")
	flags.StringVar(&a.At.Socket, "socket", call.Env(a.Inv.Environ, "SALLYPORT_SOCKET", ""), "`path` of the agent's socket; without it the configuration tells")
	flags.BoolVar(&a.Streams.JSON, "json", false, "print one JSON value")
	root.AddCommand(
		newAgentCommand(a), newStatusCommand(a), newWebCommand(a), newImagesCommand(a), newRunsCommand(a), newShowCommand(a), newLogsCommand(a),
		newWhyCommand(a), newAuditCommand(a), newAdoptCommand(a), newCheckCommand(a), newDoctorCommand(a), newBackupCommand(a), newRestoreCommand(a), newDemoCommand(a),
		newInitCommand(a), newVersionCommand(a), newCompletionCommand(a), newStoreCheckCommand(a), newManCommand(a), newBugreportCommand(a),
	)
	root.AddCommand(order.Verbs(a)...)
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
			return call.Usage(fmt.Sprintf("there is no verb %q", args[0]), "the verb comes first: sallyport "+redact.CleanLine(strings.Join(said, " ")))
		}
	}
	return call.NoVerb(c, args[0])
}
