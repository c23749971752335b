package cli

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"sallyport/agent/archive"
	"sallyport/agent/control"
	"sallyport/agent/peercred"
)

func newRestoreCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "restore FILE",
		Short: "Unpack a backup into an empty data directory",
		Long: "Unpack a backup into an empty data directory; - is stdin. Runs that were waiting when the backup was made have ended\n" +
			"afterwards, and run numbers go on 1000 higher. Start the agent only when this is done.",
		Args: between(1, 1),
		RunE: func(_ *cobra.Command, args []string) error { return restore(a, args[0]) },
	}
}

func restore(a *app, file string) (err error) {
	c, err := a.at.clientConfig()
	if err != nil {
		return err
	}
	if !c.CLIApprovals {
		return control.Errorf(control.Refused, "cli_approvals is off: nothing is restored on the command line").
			WithHint("who may change the configuration can say cli_approvals = true until it is restored")
	}
	backup := a.streams.stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return fmt.Errorf("opening the backup: %w", err)
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		backup = io.Reader(f)
	}
	done, err := archive.Restore(archive.RestoreOptions{DataDir: c.DataDir, Archive: backup, By: peercred.Self().By(), Now: a.now})
	if err != nil {
		return err
	}
	for _, id := range done.Ended {
		a.streams.talk("#%d was waiting when the backup was made and has ended", id)
	}
	return a.streams.result(done, "restored %s from the backup of %s; the next run is #%d; now start the agent",
		c.DataDir, done.BackupAt.Format("2006-01-02 15:04:05 MST"), done.NextRun)
}
