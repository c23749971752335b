package cli

import (
	"errors"

	"github.com/charmbracelet/colorprofile"
	"github.com/spf13/cobra"

	"sallyport/agent/cli/call"
	"sallyport/agent/doctor"
)

func newDoctorCommand(a *call.Call) *cobra.Command {
	var credentials, notify string
	c := &cobra.Command{
		Use:   "doctor [--config FILE] [--credentials DIR] [--notify NAME]",
		Short: "Try git, Slack, terraform, disk and permissions, and say what to mend",
		Long: "Try what a first installation gets wrong: git access and host keys, Slack's token, scopes and channel, who the approvers\n" +
			"are, terraform, backends, disk and modes. Nothing is posted, planned or written. Run it as the agent's user or root.",
		Args: call.Between(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, stop := call.Interruptible(c)
			defer stop()
			err := doctor.Run(ctx, doctor.Options{
				ConfigPath: a.At.Config, CredentialsDir: credentials, Stdout: a.Streams.Out, JSON: a.Streams.JSON, Version: call.Version(a.Inv.Version),
				Notify: notify, Color: a.Streams.Out.Profile > colorprofile.ASCII,
			})
			var failed *doctor.FailedError
			if errors.As(err, &failed) {
				return call.ExitCode(call.ExitFailed) // the report has said everything
			}
			return err
		},
	}
	c.Flags().StringVar(&credentials, "credentials", "", "`directory` with the files that credential() reads")
	c.Flags().StringVar(&notify, "notify", "", "send a test event to the receiver of the notify block of this `name`")
	return c
}
