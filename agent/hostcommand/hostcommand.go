// Package hostcommand runs commands that the configuration of this machine names: hooks, and the command that takes backups. None of
// their processes outlives them.
package hostcommand

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"sallyport/agent/proc"
)

const (
	commandGrace = 10 * time.Second // from SIGTERM to SIGKILL
	commandWords = 2000             // bytes of what a command said that are shown
	commandKept  = 64 << 10         // and kept
)

// Command is a command of the host's configuration: a backup's, a hook.
type Command struct {
	Words   []string
	Dir     string
	Env     []string
	Stdin   io.Reader
	Hears   io.Writer // gets all that it prints, as it comes; nil: nobody
	Timeout time.Duration
}

// ErrTooSlow: a command did not end within its timeout.
var ErrTooSlow = errors.New("it did not end in time")

// Run runs the command. Its processes are a group of their own, which is ended as a whole at the deadline. said is the end
// of what it printed; [ErrTooSlow] says that its own time was over, not ctx's.
func (c Command) Run(ctx context.Context) (said *Tail, err error) {
	limited, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	said = &Tail{most: commandKept}
	cmd := exec.CommandContext(limited, c.Words[0], c.Words[1:]...)
	cmd.Dir, cmd.Env = c.Dir, c.Env
	out := io.Writer(said)
	if c.Hears != nil {
		out = io.MultiWriter(said, c.Hears)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Stdin, out, out
	proc.OwnGroup(cmd)
	cmd.Cancel = func() error { return proc.EndGroup(cmd, syscall.SIGTERM) }
	cmd.WaitDelay = commandGrace
	err = cmd.Run()
	_ = proc.EndGroup(cmd, syscall.SIGKILL) // what it left running; there is nobody to tell
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return said, fmt.Errorf("%w (%s)", ErrTooSlow, c.Timeout)
	}
	return said, err
}

// Tail keeps the last bytes that were written to it.
type Tail struct {
	most int
	b    bytes.Buffer
}

func (t *Tail) Write(p []byte) (int, error) {
	t.b.Write(p)
	if extra := t.b.Len() - t.most; extra > 0 {
		t.b.Next(extra)
	}
	return len(p), nil
}

// String is all that is kept, as it was printed: it may hold secrets and control characters.
func (t *Tail) String() string { return t.b.String() }

// Shown is ": " and the end of what was written, or nothing. More is kept than is shown, so that the end of a secret whose
// beginning was dropped is never taken for something else.
func (t *Tail) Shown(redact func(string) string) string {
	text := strings.TrimSpace(redact(t.b.String()))
	if extra := len(text) - commandWords; extra > 0 {
		text = "... " + strings.ToValidUTF8(text[extra:], "")
	}
	if text == "" {
		return ""
	}
	return ": " + text
}
