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

// backup writes the file, and says what it holds.
func backup(ctx context.Context, s *call.Streams, at *call.Installation, file string) error {
	size, err := writeNew(file, "backup", func(w io.Writer) error { return backupTo(ctx, s, at, w) })
	if err != nil {
		return err
	}
	return s.Result(backedUp{file, size}, "wrote %s (%s); it holds secrets", file, humanize.IBytes(uint64(size)))
}

// writeNew makes a file that nobody else may read, whole or not at all, and never in the place of another: it is written under another
// name and gets its own when it is durable. what says what it is.
func writeNew(file, what string, write func(io.Writer) error) (size int64, err error) {
	if err := free(file, what); err != nil {
		return 0, err
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".sallyport-"+what+"-*") // 0600
	if err != nil {
		return 0, fmt.Errorf("creating the %s: %w", what, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if err := errors.Join(write(f), f.Sync()); err != nil {
		return 0, errors.Join(err, f.Close())
	}
	info, err := f.Stat()
	if err := errors.Join(err, f.Close()); err != nil {
		return 0, fmt.Errorf("writing the %s: %w", what, err)
	}
	return info.Size(), place(f.Name(), file, what)
}

// free refuses the name of a file that is there.
func free(file, what string) error {
	if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, exists(file, what))
	}
	return nil
}

func exists(file, what string) error {
	return control.Errorf(control.Refused, "%s exists", file).WithHint("name a new file: a %s never replaces another", what)
}

// place renames without replacing, also where the file system cannot do that in one step.
func place(from, to, what string) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		if err = os.Link(from, to); err == nil {
			err = os.Remove(from)
		}
	}
	if errors.Is(err, fs.ErrExist) {
		return exists(to, what)
	}
	if err != nil {
		return fmt.Errorf("putting the %s in place: %w", what, err)
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
