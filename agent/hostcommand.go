package agent

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
)

const (
	commandGrace = 10 * time.Second // from SIGTERM to SIGKILL
	commandWords = 2000             // bytes of what a command said that are shown
	commandKept  = 64 << 10         // and kept
)

// hostCommand is a command of the host's configuration: a backup's, a hook.
type hostCommand struct {
	words   []string
	dir     string
	env     []string
	stdin   io.Reader
	timeout time.Duration
}

// errTooSlow: a command did not end within its timeout.
var errTooSlow = errors.New("it did not end in time")

// run runs the command. Its processes are a group of their own, which is ended as a whole at the deadline. said is the end
// of what it printed; errTooSlow says that its own time was over, not ctx's.
func (c hostCommand) run(ctx context.Context) (said *tail, err error) {
	limited, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	said = &tail{most: commandKept}
	cmd := exec.CommandContext(limited, c.words[0], c.words[1:]...)
	cmd.Dir, cmd.Env = c.dir, c.env
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.stdin, said, said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = commandGrace
	err = cmd.Run()
	if cmd.Process != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what it left running; none is the usual answer
	}
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return said, fmt.Errorf("%w (%s)", errTooSlow, c.timeout)
	}
	return said, err
}

// tail keeps the last bytes that were written to it.
type tail struct {
	most int
	b    bytes.Buffer
}

func (t *tail) Write(p []byte) (int, error) {
	t.b.Write(p)
	if extra := t.b.Len() - t.most; extra > 0 {
		t.b.Next(extra)
	}
	return len(p), nil
}

// shown is ": " and the end of what was written, or nothing. More is kept than is shown, so that the end of a secret whose
// beginning was dropped is never taken for something else.
func (t *tail) shown(redact func(string) string) string {
	text := strings.TrimSpace(redact(t.b.String()))
	if extra := len(text) - commandWords; extra > 0 {
		text = "... " + strings.ToValidUTF8(text[extra:], "")
	}
	if text == "" {
		return ""
	}
	return ": " + text
}
