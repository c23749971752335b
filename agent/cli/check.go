package cli

import (
	"errors"
	"io/fs"

	"github.com/spf13/cobra"

	"sallyport/agent/asuser"
	"sallyport/agent/config"
	"sallyport/agent/control"
	"sallyport/notify/words"
)

// checked is the result of `check --json`.
type checked struct {
	Valid        bool           `json:"valid"`
	Repositories int            `json:"repositories"`
	Stacks       int            `json:"stacks"` // stack blocks and stacks blocks
	Faults       []config.Fault `json:"faults"`
	Warnings     []string       `json:"warnings"`
}

func newCheckCommand(a *app) *cobra.Command {
	var credentials string
	c := &cobra.Command{
		Use:   "check [--config FILE] [--credentials DIR]",
		Short: "Validate the configuration",
		Long: "Validate the configuration and report every fault with its place. Credentials and environment variables that only the\n" +
			"agent can read are warnings here; --credentials says where credentials lie.",
		Args: between(0, 0),
		RunE: func(*cobra.Command, []string) error { return check(a, credentials) },
	}
	c.Flags().StringVar(&credentials, "credentials", "", "`directory` with the files that credential() reads")
	return c
}

// check evaluates everything, credentials and environment included, as far as whoever calls may read them.
func check(a *app, credentials string) error {
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
		out.Valid, out.Repositories, out.Stacks = true, len(c.Repositories), len(c.Stacks)+len(c.StackGlobs)
		out.Warnings = append(out.Warnings, c.Warnings...)
		// Where there is no such user at all the configuration is looked at on another machine than the agent's.
		if name := c.Terraform.User; name != "" {
			if users, err := asuser.Find(name); err == nil && !users[0].Exclusive {
				out.Warnings = append(out.Warnings, asuser.SharedWarning(name)+"; install.sh makes them")
			}
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
	return a.streams.result(out, "configuration is valid: %s, %s",
		words.CountOf(out.Repositories, "repository", "repositories"), words.CountOf(out.Stacks, "stack", "stacks"))
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
