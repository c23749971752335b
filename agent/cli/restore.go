package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"sallyport/agent/archive"
	"sallyport/agent/cli/call"
	"sallyport/agent/control"
	"sallyport/agent/hint"
	"sallyport/agent/peercred"
	"sallyport/notify/words"
)

func newRestoreCommand(a *call.Call) *cobra.Command {
	var onlyVerify bool
	c := &cobra.Command{
		Use:   "restore FILE [--verify]",
		Short: "Unpack a backup into an empty data directory, or see whether one is whole",
		Long: "Unpack a backup into an empty data directory; - is stdin. Runs that were waiting when the backup was made have ended\n" +
			"afterwards, and run numbers go on 1000 higher. Start the agent only when this is done.\n\n" +
			"With --verify the backup is read as whole as for that (its store with every record, the chain of its history, its\n" +
			"states), and nothing is touched. What it is unpacked to meanwhile (in TMPDIR) is removed.",
		Args: call.Between(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			if onlyVerify {
				return verifyBackup(c.Context(), a, args[0])
			}
			return restore(a, args[0])
		},
	}
	c.Flags().BoolVar(&onlyVerify, "verify", false, "only read the backup whole, and touch nothing")
	return c
}

// openBackup opens what a person names: a file, or - for stdin.
func openBackup(a *call.Call, file string) (backup io.Reader, closeFile func() error, err error) {
	if file == "-" {
		return a.Streams.Stdin, func() error { return nil }, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, nil, hint.With(fmt.Errorf("opening the backup: %w", err), "name a file that sallyport backup wrote, or - for stdin")
	}
	return f, f.Close, nil
}

// verifyBackup needs no configuration: it may be read where there is no agent.
func verifyBackup(ctx context.Context, a *call.Call, file string) (err error) {
	backup, done, err := openBackup(a, file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	read, err := archive.Verify(ctx, archive.VerifyOptions{Archive: backup})
	if err != nil {
		return err
	}
	return a.Streams.Result(read, "the backup of %s is whole: %s, %s, a history of %s, %s and %s", read.BackupAt.In(a.Now().Location()).Format("2006-01-02 15:04:05 MST"),
		words.CountOf(read.Stacks, "stack", "stacks"), words.CountOf(read.Runs, "run", "runs"), words.CountOf(read.History, "entry", "entries"),
		words.CountOf(read.States, "kept state", "kept states"), words.CountOf(read.Copies, "copy of one", "copies of them"))
}

func restore(a *call.Call, file string) (err error) {
	c, err := a.At.ClientConfig()
	if err != nil {
		return err
	}
	if !c.CLIApprovals {
		return control.Errorf(control.Refused, "cli_approvals is off: nothing is restored on the command line").
			WithHint("who may change the configuration can say cli_approvals = true until it is restored")
	}
	backup, closeFile, err := openBackup(a, file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeFile()) }()
	done, err := archive.Restore(archive.RestoreOptions{DataDir: c.DataDir, Archive: backup, By: peercred.Self().By(), Now: a.Now})
	if err != nil {
		return err
	}
	for _, id := range done.Ended {
		a.Streams.Talk("#%d was waiting when the backup was made and has ended", id)
	}
	return a.Streams.Result(done, "restored %s from the backup of %s; the next run is #%d; now start the agent",
		c.DataDir, done.BackupAt.In(a.Now().Location()).Format("2006-01-02 15:04:05 MST"), done.NextRun)
}
