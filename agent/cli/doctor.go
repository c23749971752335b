package cli

import "github.com/spf13/cobra"

func newDoctorCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor [--config FILE]",
		Short: "Try git, Slack, terraform, disk and permissions, and say what to mend",
		Args:  between(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			if a.inv.Programs.Doctor == nil {
				return errNotBuilt
			}
			ctx, stop := interruptible(c)
			defer stop()
			return a.inv.Programs.Doctor(ctx, DoctorOptions{
				Load: a.loadConfig, Stdout: a.out, Stderr: a.err, JSON: a.json, Version: a.version(),
			})
		},
	}
}
