package cli

import (
	"errors"

	"github.com/charmbracelet/colorprofile"
	"github.com/spf13/cobra"

	"sallyport/agent/doctor"
)

func newDoctorCommand(a *app) *cobra.Command {
	var credentials string
	c := &cobra.Command{
		Use:   "doctor [--config FILE] [--credentials DIR]",
		Short: "Try git, Slack, terraform, disk and permissions, and say what to mend",
		Long: "Try what a first installation gets wrong: git access and host keys, Slack's token, scopes and channel, who the approvers\n" +
			"are, terraform, backends, disk and modes. Nothing is posted, planned or written. Run it as the agent's user or root.",
		Args: between(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, stop := interruptible(c)
			defer stop()
			err := doctor.Run(ctx, doctor.Options{
				ConfigPath: a.at.config, CredentialsDir: credentials, Stdout: a.streams.out, JSON: a.streams.json, Version: version(a.inv.Version),
				Color: a.streams.out.Profile > colorprofile.ASCII,
			})
			var failed *doctor.FailedError
			if errors.As(err, &failed) {
				return exitCode(exitFailed) // the report has said everything
			}
			return err
		},
	}
	c.Flags().StringVar(&credentials, "credentials", "", "`directory` with the files that credential() reads")
	return c
}
