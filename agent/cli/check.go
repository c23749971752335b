package cli

import (
	"errors"
	"io/fs"
	"slices"

	"github.com/spf13/cobra"

	"sallyport/agent/asuser"
	"sallyport/agent/config"
	"sallyport/agent/control"
	"sallyport/agent/peercred"
	"sallyport/agent/survey"
	"sallyport/notify/words"
)

// checked is the result of `check --json`.
type checked struct {
	Valid        bool           `json:"valid"`
	Repositories int            `json:"repositories"`
	Stacks       int            `json:"stacks"` // stack blocks
	Globs        int            `json:"globs"`  // stacks blocks: how many stacks they make a repository says
	Images       int            `json:"images"`
	Faults       []config.Fault `json:"faults"`
	Warnings     []string       `json:"warnings"`
	Found        *survey.Report `json:"found,omitempty"` // in the checkout that --repo names
}

func newCheckCommand(a *app) *cobra.Command {
	var credentials, checkout string
	c := &cobra.Command{
		Use:   "check [--config FILE] [--credentials DIR] [--repo DIR]",
		Short: "Validate the configuration, and say what it finds in a checkout",
		Long: "Validate the configuration and report every fault with its place. Credentials and environment variables that only the\n" +
			"agent can read are warnings here; --credentials says where credentials lie.\n\n" +
			"With --repo it lists the stacks that the configuration makes of the files in a checkout, committed or not: why each is\n" +
			"one, which directories are none and why, and what its files read that cannot be followed. Of several repositories,\n" +
			"NAME=DIR says whose checkout it is.",
		Args: between(0, 0),
		RunE: func(*cobra.Command, []string) error { return check(a, credentials, checkout) },
	}
	c.Flags().StringVar(&credentials, "credentials", "", "`directory` with the files that credential() reads")
	c.Flags().StringVar(&checkout, "repo", "", "`directory` of a checkout to look through")
	return c
}

// check evaluates everything, credentials and environment included, as far as whoever calls may read them.
func check(a *app, credentials, checkout string) error {
	c, err := config.Load(a.at.config, config.LoadOptions{
		CredentialsDir: credentials, MissingCredentialsWarn: true, Getenv: func(k string) string { return env(a.inv.Environ, k, "") },
	})
	out := checked{Faults: []config.Fault{}, Warnings: []string{}}
	var faults *config.Faults
	switch {
	case errors.As(err, &faults):
		out.Faults, out.Warnings = faults.List(), append(out.Warnings, faults.Warnings...)
	case err != nil:
		return configError(a.at.config, err)
	default:
		out.Valid, out.Repositories, out.Globs = true, len(c.Repositories), len(c.StackGlobs)
		out.Stacks, out.Images = c.Counts()
		out.Warnings = append(out.Warnings, c.Warnings...)
		// Where there is no such user at all the configuration is looked at on another machine than the agent's.
		if name := c.Terraform.User; name != "" {
			if users, err := asuser.Find(name); err == nil && !users[0].Exclusive {
				out.Warnings = append(out.Warnings, asuser.SharedWarning(name)+"; install.sh makes them")
			}
		}
		if warning := loginWarning(c, peercred.Self().LoginUser, peercred.LoginsAreKnown("/proc")); warning != "" {
			out.Warnings = append(out.Warnings, warning)
		}
	}
	for _, w := range out.Warnings {
		a.streams.talk("sallyport: warning: %s", w)
	}
	if err != nil {
		if a.streams.json {
			return errors.Join(a.streams.writeJSON(out), err)
		}
		return err
	}
	if checkout == "" {
		return a.streams.result(out, "configuration is valid: %s, %s",
			words.CountOf(out.Repositories, "repository", "repositories"), c.Counted())
	}
	if out.Found, err = found(c, checkout); err != nil {
		return err
	}
	if a.streams.json {
		return a.streams.writeJSON(out)
	}
	return printFound(a.streams.out, out.Found)
}

// loginWarning is said where it matters which human a vote from a shell is, and the kernel does not know who has logged in: in this
// shell (login is empty), or anywhere on the machine (it is known of nobody).
func loginWarning(c *config.Config, login string, known bool) string {
	named := slices.ContainsFunc(c.People, func(p config.Person) bool { return p.OS != "" })
	tells := func(s *config.Stack) bool { return s.Approvals > 1 || !s.AllowSelfApproval }
	if login != "" && known || !c.CLIApprovals || !named || !slices.ContainsFunc(c.Stacks, tells) &&
		!slices.ContainsFunc(c.StackGlobs, func(g *config.StackGlob) bool { return tells(&g.Stack) }) {
		return ""
	}
	if !known {
		return "no process of this machine has a login uid, as in a container or without pam_loginuid: a person block goes by the account, so that " +
			"whoever may take on another's account (sudo, su) can be two people"
	}
	return "this shell has no login uid (/proc/self/loginuid), as a service has none: a person block ties a vote only to who " +
		"has logged in, so one from a shell like this never adds to those of others"
}

// configError words the errors of reading a configuration that are about no line in it.
func configError(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return control.Errorf(control.NotFound, "there is no configuration at %s", path).WithHint("name it with --config FILE")
	case errors.Is(err, fs.ErrPermission):
		return control.Errorf(control.Refused, "reading the configuration %s: permission denied", path).WithHint("use sudo")
	}
	return err
}
