package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/charmbracelet/x/term"
	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"sallyport/agent/cli/call"
	"sallyport/agent/control"
)

// backedUp is the result of backup for machines.
type backedUp struct {
	File  string `json:"file"`
	Bytes int64  `json:"bytes"`
}

func newBackupCommand(a *call.Call) *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "Write store, kept states and state copies into one file",
		Long: "Write store, kept states and state copies into one file, while the agent works or without it. FILE must not exist; - is\n" +
			"stdout. The file holds secrets, as terraform's states do: keep it where you would keep those.",
		Args: call.Between(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			ctx, stop := call.Interruptible(c)
			defer stop()
			if args[0] == "-" {
				return backupTo(ctx, a.Streams, a.At, a.Inv.Stdout)
			}
			return backup(ctx, a.Streams, a.At, args[0])
		},
	}
}

// backup writes the file under another name and gives it its own when it is whole.
func backup(ctx context.Context, s *call.Streams, at *call.Installation, file string) (err error) {
	if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, exists(file))
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".sallyport-backup-*") // 0600
	if err != nil {
		return fmt.Errorf("creating the backup: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if err := errors.Join(backupTo(ctx, s, at, f), f.Sync()); err != nil {
		return errors.Join(err, f.Close())
	}
	info, err := f.Stat()
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	if err := place(f.Name(), file); err != nil {
		return err
	}
	return s.Result(backedUp{file, info.Size()}, "wrote %s (%s); it holds secrets", file, humanize.IBytes(uint64(info.Size())))
}

func exists(file string) error {
	return control.Errorf(control.Refused, "%s exists", file).WithHint("name a new file: a backup never replaces another")
}

// place renames without replacing, also where the file system cannot do that in one step.
func place(from, to string) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		if err = os.Link(from, to); err == nil {
			err = os.Remove(from)
		}
	}
	if errors.Is(err, fs.ErrExist) {
		return exists(to)
	}
	if err != nil {
		return fmt.Errorf("putting the backup in place: %w", err)
	}
	return nil
}

// backupTo streams the archive: from the agent, or from the data directory when no agent answers.
func backupTo(ctx context.Context, s *call.Streams, at *call.Installation, w io.Writer) error {
	if f, ok := w.(*os.File); ok && term.IsTerminal(f.Fd()) {
		return control.Errorf(control.Usage, "a backup is nothing for a terminal").WithHint("sallyport backup FILE")
	}
	return at.Look(s, func(r call.Source) error { return r.Backup(ctx, control.BackupRequest{}, w) })
}
