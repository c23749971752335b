package rescue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"sallyport/agent/fault"
	"sallyport/store"
)

// Verb is the command line verb that the sallyport binary must pass to [Main]: `sallyport store-check PATH`.
const Verb = "store-check"

// The exit codes of [Main]. Go itself ends a process that panics with 2, so that one means damage and nothing else.
const (
	exitGood     = 0
	exitCrashed  = 2
	exitDamaged  = 10
	exitLocked   = 11
	exitNewer    = 12
	exitMissing  = 13
	exitDenied   = 14
	exitNotKnown = 15
)

// checkTimeout bounds one check. A store of 10,000 runs takes a fraction of a second; what has not ended by then walks
// in circles.
const checkTimeout = 2 * time.Minute

// maxWhy bounds what is kept of a child's words, in bytes.
const maxWhy = 2000

// Main is the child process: args is what follows the verb, one path. It prints what is wrong and returns the exit code.
func Main(args []string, stderr io.Writer) int {
	if len(args) != 1 {
		fmt.Fprintln(stderr, "usage: sallyport "+Verb+" PATH")
		return exitNotKnown
	}
	err := store.Check(args[0])
	if err != nil {
		fmt.Fprintln(stderr, err)
	}
	var newer *store.SchemaError
	switch {
	case err == nil:
		return exitGood
	case errors.Is(err, store.ErrLocked):
		return exitLocked
	case errors.As(err, &newer):
		return exitNewer
	case errors.Is(err, store.ErrDamaged):
		return exitDamaged
	case errors.Is(err, fs.ErrNotExist):
		return exitMissing
	case errors.Is(err, fs.ErrPermission):
		return exitDenied
	}
	return exitNotKnown
}

// A Checker says whether the store at path is good; see [Child], whose errors every one gives.
type Checker interface {
	Check(ctx context.Context, path string) error
}

var _ Checker = Child{}

// A Child checks stores in child processes.
type Child struct {
	Executable string        // this binary
	Timeout    time.Duration // of one check; default 2 minutes
}

// A DamagedError says how a store failed its check. It is [store.ErrDamaged].
type DamagedError struct {
	Path string
	Why  string // what the child said, or how it ended
}

func (e *DamagedError) Error() string { return fmt.Sprintf("store %s is damaged: %s", e.Path, e.Why) }

// Is makes errors.Is find store.ErrDamaged.
func (e *DamagedError) Is(target error) bool { return target == store.ErrDamaged }

// Check checks the store at path in a child process. It is nil for a good one, a [*DamagedError] for one that is not what
// was written or that kills whoever reads it, and store.ErrLocked, store.ErrNewerSchema, fs.ErrNotExist and
// fs.ErrPermission for what is no damage. Any other error means that the check could not be made.
func (c Child) Check(ctx context.Context, path string) error {
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("checking the store: %w", err) // no process for what a look tells
	}
	limit := c.Timeout
	if limit <= 0 {
		limit = checkTimeout
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var said headBuffer
	cmd := exec.CommandContext(limited, c.Executable, Verb, path)
	cmd.Env = append(fault.Environ(), "GOTRACEBACK=none") // its first line says it all
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case limited.Err() != nil:
		return &DamagedError{path, fmt.Sprintf("its check did not end within %s", limit)}
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return fmt.Errorf("checking the store: starting %s: %w", c.Executable, err)
	}
	return verdict(path, exit, said.String())
}

// verdict turns the end of a child into an error.
func verdict(path string, exit *exec.ExitError, said string) error {
	said = strings.TrimSpace(said)
	if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		switch ws.Signal() {
		case syscall.SIGKILL, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP:
			// Somebody else ended it, the kernel for want of memory perhaps: that says nothing about the file.
			return fmt.Errorf("checking the store %s: the check was ended by %s", path, ws.Signal())
		}
		return &DamagedError{path, fmt.Sprintf("reading it ends with %s %s", ws.Signal(), firstLine(said))}
	}
	switch exit.ExitCode() {
	case exitLocked:
		return fmt.Errorf("%s: %w", said, store.ErrLocked)
	case exitNewer:
		return fmt.Errorf("%s: %w", said, store.ErrNewerSchema)
	case exitMissing:
		return fmt.Errorf("%s: %w", said, fs.ErrNotExist)
	case exitDenied:
		return fmt.Errorf("%s: %w", said, fs.ErrPermission)
	case exitDamaged:
		return &DamagedError{path, said}
	case exitCrashed:
		return &DamagedError{path, "reading it ends the process: " + firstLine(said)}
	}
	return fmt.Errorf("checking the store %s: %s (exit code %d)", path, said, exit.ExitCode())
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// headBuffer keeps the beginning of what is written to it; a crash begins with its reason.
type headBuffer struct{ b bytes.Buffer }

func (t *headBuffer) Write(p []byte) (int, error) {
	if room := maxWhy - t.b.Len(); room > 0 {
		t.b.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

func (t *headBuffer) String() string { return t.b.String() }
