package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"sallyport/agent/cli/call"
	"sallyport/agent/cli/render"
	"sallyport/agent/config"
	"sallyport/agent/doctor"
	"sallyport/agent/hint"
	"sallyport/agent/survey"
	"sallyport/notify/words"
)

// checked is the result of `check --json`.
type checked struct {
	Valid        bool `json:"valid"`
	Repositories int  `json:"repositories"`
	Stacks       int  `json:"stacks"` // stack blocks
	Globs        int  `json:"globs"`  // stacks blocks: how many stacks they make a repository says
	// Environments are the blocks with for_each, and what they make.
	Environments []config.Environment `json:"for_each,omitempty"`
	Images       int                  `json:"images"`
	Faults       []config.Fault       `json:"faults"`
	Warnings     []string             `json:"warnings"`
	Found        *survey.Report       `json:"found,omitempty"` // in the checkout that --repo names
}

func newCheckCommand(a *call.Call) *cobra.Command {
	var credentials, checkout string
	c := &cobra.Command{
		Use:   "check [--config FILE] [--credentials DIR] [--repo DIR]",
		Short: "Validate the configuration, and say what it finds in a checkout",
		Long: "Validate the configuration and report every fault with its place. Credentials and environment variables that only the\n" +
			"agent can read are warnings here; --credentials says where credentials lie.\n\n" +
			"With --repo it lists the stacks that the configuration makes of the files in a checkout, committed or not: why each is\n" +
			"one, where its state is, which directories are none and why, and what its files read that cannot be followed. Of\n" +
			"several repositories, NAME=DIR says whose checkout it is.",
		Args: call.Between(0, 0),
		RunE: func(*cobra.Command, []string) error { return check(a, credentials, checkout) },
	}
	c.Flags().StringVar(&credentials, "credentials", "", "`directory` with the files that credential() reads")
	c.Flags().StringVar(&checkout, "repo", "", "`directory` of a checkout to look through")
	return c
}

// check evaluates everything, credentials and environment included, as far as whoever calls may read them.
func check(a *call.Call, credentials, checkout string) error {
	o := config.LoadOptions{
		CredentialsDir: credentials, MissingCredentialsWarn: true, Getenv: func(k string) string { return call.Env(a.Inv.Environ, k, "") },
	}
	if checkout == "" { // who looks through a checkout may be on another machine than the agent
		o.User = func(name string) error { return hinted(doctor.User(name)) }
	}
	c, err := config.Load(a.At.Config, o)
	out := checked{Faults: []config.Fault{}, Warnings: []string{}}
	var faults *config.Faults
	switch {
	case errors.As(err, &faults):
		out.Faults, out.Warnings = faults.List(), append(out.Warnings, faults.Warnings...)
	case err != nil:
		return call.ConfigError(a.At.Config, err)
	default:
		out.Valid, out.Repositories, out.Globs, out.Environments = true, len(c.Repositories), c.Globs(), c.Environments()
		out.Stacks, out.Images = c.Counts()
		out.Warnings = append(out.Warnings, c.Warnings...)
		for _, w := range doctor.Machine(c, call.Env(a.Inv.Environ, "PATH", "")) {
			out.Warnings = append(out.Warnings, w.String())
		}
	}
	if credentials != "" && !isDir(credentials) {
		out.Warnings = append(out.Warnings, "--credentials "+credentials+": there is no such directory")
	}
	for _, w := range out.Warnings {
		a.Streams.Talk("sallyport: warning: %s", w)
	}
	if err != nil {
		if a.Streams.JSON {
			return errors.Join(a.Streams.WriteJSON(out), err)
		}
		return err
	}
	if checkout == "" {
		err := a.Streams.Result(out, "configuration is valid: %s, %s", words.CountOf(out.Repositories, "repository", "repositories"), c.Counted())
		if a.Streams.JSON || len(out.Environments) == 0 {
			return err
		}
		return errors.Join(err, a.Streams.Write(render.Environments(out.Environments)))
	}
	if out.Found, err = survey.Checkout(c, checkout); err != nil {
		return err
	}
	if a.Streams.JSON {
		return a.Streams.WriteJSON(out)
	}
	return a.Streams.Write(render.Found(out.Found))
}

// hinted is an error with what to do next in its text.
func hinted(err error) error {
	if next := hint.Of(err); next != "" {
		return fmt.Errorf("%w: %s", err, next)
	}
	return err
}
