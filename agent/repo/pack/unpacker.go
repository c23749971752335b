package pack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"sallyport/agent/fault"
	"sallyport/agent/hint"
)

const (
	// childTime is how long the child may work after it has all of its input.
	childTime = 20 * time.Minute
	// childInside says in the environment of a process that it is the child; one must not start another.
	childInside = "SALLYPORT_REPOSITORY_WORK=1"
	// maxWords is how much of what a dying child writes goes into the log: the cause and the stack that it happened in.
	maxWords = 4 << 10
)

// ErrUnpack: the process that unpacks what came died of it or took too long. The repository's content, or a limit, is to blame.
var ErrUnpack = errors.New("repository could not be unpacked")

// Unpacker starts processes that unpack, index and pack for one repository. What comes from a repository can take memory without
// measure, and go-git can panic on it, also in goroutines of its own: only a process can be ended for it alone.
type Unpacker struct {
	Name      string // of the repository, for the log
	MaxObject int64  // bytes that one object may have
	Log       *slog.Logger
}

// Run lets the child carry out one order. input is the order's pack, or nil. An error of reading it is returned as it is.
func (c *Unpacker) Run(ctx context.Context, o Order, input io.Reader) (*outcome, error) {
	o.MaxObject = c.MaxObject
	line, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("writing an order: %w", err)
	}
	for _, kv := range os.Environ() {
		if kv == childInside {
			return nil, errors.New("the process that unpacks repositories must not start another: its main does not know " + Verb)
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	cmd := exec.CommandContext(ctx, "/proc/self/exe") // the same file even when an upgrade has put another one in its place
	cmd.Args = []string{os.Args[0], Verb}
	cmd.Env = append(fault.Environ(), childInside)
	cmd.WaitDelay = 10 * time.Second
	words := &crashText{}
	cmd.Stderr = words
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("starting the process that unpacks: %w", err)
	}
	result, theirs, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("starting the process that unpacks: %w", err)
	}
	defer result.Close()
	cmd.ExtraFiles = []*os.File{theirs}
	err = cmd.Start()
	_ = theirs.Close()
	if err != nil {
		return nil, fmt.Errorf("starting the process that unpacks: %w", err)
	}
	limit := time.AfterFunc(childTime, func() { cancel(errChildTime) })
	defer limit.Stop()
	reading := &readError{Reader: input}
	_, _ = stdin.Write(append(line, '\n')) // a child that is dead already is noticed below
	if input != nil {
		limit.Stop() // whoever sends has a limit of their own
		_, _ = io.Copy(stdin, reading)
		limit.Reset(childTime)
		if reading.err == nil {
			_ = stdin.Close()
		} else {
			cancel(reading.err) // half a pack is of no use
		}
	}
	said, readErr := io.ReadAll(io.LimitReader(result, 16<<20))
	_ = stdin.Close()
	waitErr := cmd.Wait()
	out := &outcome{}
	switch {
	case reading.err != nil:
		return nil, reading.err
	case context.Cause(ctx) != nil:
		return nil, context.Cause(ctx)
	case waitErr == nil && readErr == nil && json.Unmarshal(said, out) == nil:
		return out, out.Failure.Err()
	}
	return nil, c.died(waitErr, words)
}

// errChildTime ends a child that takes too long.
var errChildTime = hint.With(fmt.Errorf("%w: it took longer than %s", ErrUnpack, childTime),
	"what came expands to very much, or this machine is very slow; it is tried again")

// died makes the error of a child that ended before it was done: it reached its limit of memory, was killed, or crashed.
func (c *Unpacker) died(err error, words *crashText) error {
	how := "ended without an answer"
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		how = "ended with " + exit.String()
		if exit.Sys().(syscall.WaitStatus).Signaled() {
			how = "was ended by " + exit.String()
		}
	}
	c.Log.Error("the process that unpacks a repository died", "repository", c.Name, "err", how, "output", words.String())
	return hint.With(fmt.Errorf("%w: the process that does it %s", ErrUnpack, how),
		"it has %d MB of memory for objects of up to %d MB: set max_object_size of the repository to what its largest file needs and this machine has; the log holds the process's last words; it is tried again",
		memoryFor(c.MaxObject)>>20, c.MaxObject>>20)
}

// crashText keeps the beginning of what is written to it, where a crash says its cause.
type crashText struct{ text bytes.Buffer }

// Write implements io.Writer.
func (t *crashText) Write(p []byte) (int, error) {
	t.text.Write(p[:min(len(p), max(0, maxWords-t.text.Len()))])
	return len(p), nil
}

// String is what was kept.
func (t *crashText) String() string { return strings.ToValidUTF8(t.text.String(), "?") }
