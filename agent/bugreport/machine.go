package bugreport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"golang.org/x/sys/unix"

	"sallyport/notify/words"
)

const (
	logLines = "3000"
	logBytes = 400 << 10 // of the end of a log
)

// run runs a program with arguments that are written down here, nothing of this process's environment, and no input.
func run(ctx context.Context, w io.Writer, name string, args ...string) error {
	path, err := exec.LookPath(name)
	if err != nil {
		return fmt.Errorf("there is no %s", name)
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir, cmd.Env = "/", []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "CHECKPOINT_DISABLE=1"}
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = w, w, time.Second
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("running %s: %w", name, err)
	}
	return nil
}

// Programs says which system this is and which version of each program PATH finds.
func Programs(ctx context.Context, w io.Writer) error {
	var name unix.Utsname
	if err := unix.Uname(&name); err == nil {
		fmt.Fprintf(w, "kernel    %s %s\n", unix.ByteSliceToString(name.Release[:]), unix.ByteSliceToString(name.Machine[:]))
	}
	if release, err := os.ReadFile("/etc/os-release"); err == nil {
		for line := range strings.Lines(string(release)) {
			if system, ok := strings.CutPrefix(line, "PRETTY_NAME="); ok {
				fmt.Fprintf(w, "system    %s\n", strings.Trim(strings.TrimSpace(system), `"`))
			}
		}
	}
	for _, tool := range [][]string{{"terraform", "version"}, {"tofu", "version"}, {"packer", "version"}, {"git", "--version"}} {
		var said bytes.Buffer
		if err := run(ctx, &said, tool[0], tool[1:]...); err != nil {
			fmt.Fprintf(w, "%-9s %v\n", tool[0], err)
			continue
		}
		first, _, _ := strings.Cut(said.String(), "\n")
		fmt.Fprintf(w, "%-9s %s\n", tool[0], first)
	}
	return ctx.Err()
}

// Machine says how much memory and disk there is, and what in the data directory takes how much.
func Machine(ctx context.Context, w io.Writer, dataDir string) error {
	for _, file := range []string{"/proc/loadavg", "/proc/uptime", "/proc/meminfo"} {
		text, err := os.ReadFile(file)
		if err != nil {
			fmt.Fprintf(w, "%s: %v\n", file, err)
			continue
		}
		for line := range strings.Lines(string(text)) {
			if name, _, isEntry := strings.Cut(line, ":"); !isEntry || strings.HasPrefix(name, "Mem") || strings.HasPrefix(name, "Swap") {
				fmt.Fprintf(w, "%s %s\n", file, strings.TrimSpace(line))
			}
		}
	}
	if dataDir == "" {
		return errors.New("the configuration does not say where the data is")
	}
	var room unix.Statfs_t
	if err := unix.Statfs(dataDir, &room); err != nil {
		return fmt.Errorf("looking at the disk of %s: %w", dataDir, err)
	}
	size := uint64(room.Bsize)
	fmt.Fprintf(w, "%s: %s of %s free, inodes free: %d of %d, type %#x\n", dataDir, humanize.IBytes(room.Bavail*size), humanize.IBytes(room.Blocks*size),
		room.Ffree, room.Files, room.Type)
	entries, err := os.ReadDir(dataDir)
	if err != nil {
		return fmt.Errorf("listing the data directory: %w", err)
	}
	for _, e := range entries {
		bytes, files, err := weigh(ctx, filepath.Join(dataDir, e.Name()))
		fmt.Fprintf(w, "  %-20s %10s in %s\n", e.Name(), humanize.IBytes(bytes), words.CountOf(files, "file", "files"))
		if err != nil {
			return fmt.Errorf("adding up %s: %w", e.Name(), err)
		}
	}
	return nil
}

// weigh adds up what lies below a path. What goes away meanwhile weighs nothing.
func weigh(ctx context.Context, path string) (bytes uint64, files int, err error) {
	err = filepath.WalkDir(path, func(_ string, d fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil || !d.Type().IsRegular():
			return err
		}
		if info, err := d.Info(); err == nil {
			bytes, files = bytes+uint64(info.Size()), files+1
		}
		return nil
	})
	return bytes, files, err
}

// Service says what systemd knows of the agent's unit: how it stands, and how often it was started again. Its environment is not asked for.
func Service(ctx context.Context, w io.Writer) error {
	return run(ctx, w, "systemctl", "show", "sallyport.service", "--no-pager", "--property=LoadState,ActiveState,SubState,Result,NRestarts,"+
		"ExecMainStartTimestamp,ExecMainExitTimestamp,ExecMainCode,ExecMainStatus,MainPID,MemoryCurrent,MemoryPeak,MemoryMax,TasksCurrent,FragmentPath,DropInPaths")
}

// Log writes the end of the agent's log: of the journal, or of the file that it goes to. Of a text of several lines the first is kept.
func Log(ctx context.Context, w io.Writer, file string) error {
	var text bytes.Buffer
	err := func() error {
		if file == "" {
			return run(ctx, &text, "journalctl", "--unit=sallyport.service", "--no-pager", "--output=short-iso", "--lines="+logLines)
		}
		return tail(&text, file)
	}()
	b := text.Bytes()
	if len(b) > logBytes {
		b = b[len(b)-logBytes:]
		_, b, _ = bytes.Cut(b, []byte("\n")) // half a line
	}
	if _, failed := w.Write(firstLines(b)); failed != nil {
		return failed
	}
	if file == "" && (err != nil || bytes.Contains(b, []byte("-- No entries --"))) {
		return errors.Join(err, errors.New("the journal has nothing of sallyport.service: --log FILE names the log of an agent that systemd does not run"))
	}
	return err
}

// tail copies the end of a file.
func tail(w io.Writer, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("opening the log: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("opening the log: %w", err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no file", file)
	}
	if _, err := f.Seek(max(info.Size()-2*logBytes, 0), io.SeekStart); err != nil {
		return fmt.Errorf("reading the log: %w", err)
	}
	if _, err := io.Copy(w, io.LimitReader(f, 2*logBytes)); err != nil {
		return fmt.Errorf("reading the log: %w", err)
	}
	return nil
}
