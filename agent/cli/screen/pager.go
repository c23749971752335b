package screen

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
)

// Pager shows a text that is longer than the screen.
type Pager struct {
	Environ  []string
	Terminal *os.File
	Errors   io.Writer
}

// usual is the pager of whoever has named none: it ends by itself where a text fits, and leaves the text there.
var usual = []string{"less", "-FRX"}

// Page shows a text with the pager that the environment names, or with less. It is false where there is none: nothing was shown then.
// A person who leaves it early has seen enough.
func (p Pager) Page(ctx context.Context, text string) (shown bool, err error) {
	c := p.command(ctx)
	if c == nil {
		return false, nil
	}
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(text), p.Terminal, p.Errors
	// Whoever may run this with more rights than their own shall not get a shell of it.
	c.Env = append(slices.Clone(p.Environ), "LESSSECURE=1")
	if p.value("LESS") == "" {
		c.Env = append(c.Env, "LESS=FRX")
	}
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt) // they are the pager's: it stops searching, and goes on
	defer signal.Stop(interrupts)
	err = c.Run()
	var left *exec.ExitError
	switch {
	case errors.As(err, &left) && left.ExitCode() != notStarted && left.ExitCode() != notFound:
		return true, nil
	case errors.As(err, &left), errors.Is(err, exec.ErrNotFound):
		return false, nil
	case err != nil:
		return true, fmt.Errorf("paging: %w", err)
	}
	return true, nil
}

// What sh ends with where a program cannot be started.
const (
	notStarted = 126
	notFound   = 127
)

// command is the pager; nil if there is none.
func (p Pager) command(ctx context.Context) *exec.Cmd {
	named, said := p.lookup("PAGER")
	switch {
	case said && (named == "" || named == "cat"):
		return nil
	case said:
		return exec.CommandContext(ctx, "sh", "-c", named)
	}
	at, err := exec.LookPath(usual[0])
	if err != nil {
		return nil
	}
	return exec.CommandContext(ctx, at, usual[1:]...)
}

func (p Pager) value(name string) string {
	value, _ := p.lookup(name)
	return value
}

func (p Pager) lookup(name string) (value string, said bool) {
	for _, kv := range p.Environ {
		if k, v, ok := strings.Cut(kv, "="); ok && k == name {
			value, said = v, true
		}
	}
	return strings.TrimSpace(value), said
}
