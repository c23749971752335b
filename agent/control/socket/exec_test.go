package socket

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"sallyport/agent/control"
	"sallyport/agent/peercred"
)

func TestExecStreams(t *testing.T) {
	big := strings.Repeat("x", 3*maxFrame+1)
	f := &fake{exec: func(_ context.Context, r control.ExecRequest, s control.Streams) (int, error) {
		typed, err := io.ReadAll(s.Stdin)
		if err != nil {
			return 0, err
		}
		if _, err := io.WriteString(s.Stderr, strings.Join(r.Args, ",")+" by "+r.By.User); err != nil {
			return 0, err
		}
		_, err = s.Stdout.Write(typed)
		return 7, err
	}}
	c, _ := served(t, f, nil)
	var stdout, stderr bytes.Buffer
	code, err := c.Exec(t.Context(), control.ExecRequest{Stack: "ghe", Args: []string{"state", "push", "-"}}, control.Streams{Stdin: strings.NewReader(big), Stdout: &stdout, Stderr: &stderr})
	if err != nil || code != 7 || stdout.String() != big || !strings.HasPrefix(stderr.String(), "state,push,- by ") || strings.HasSuffix(stderr.String(), "by ") {
		t.Errorf("code %d, %v, %d bytes, %q", code, err, stdout.Len(), stderr.String())
	}
	f.exec = func(context.Context, control.ExecRequest, control.Streams) (int, error) {
		return 0, control.Errorf(control.Refused, "not that").WithHint("this")
	}
	_, err = c.Exec(t.Context(), control.ExecRequest{}, control.Streams{Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr})
	var refused *control.Error
	if !errors.As(err, &refused) || refused.Kind != control.Refused || refused.Hint != "this" {
		t.Errorf("%v", err)
	}
}

// Whoever may not change anything runs no command either.
func TestExecIsAllowedLikeADecision(t *testing.T) {
	c, _ := served(t, &fake{}, func(o *ServerOptions) {
		o.Allow = func(peercred.Caller) error {
			return control.Errorf(control.Refused, "what runs inside a plan cannot decide anything")
		}
	})
	_, err := c.Exec(t.Context(), control.ExecRequest{}, control.Streams{Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: io.Discard})
	if err == nil || !strings.Contains(err.Error(), "inside a plan") {
		t.Errorf("%v", err)
	}
}

// A command hears of both: the person who wants it to stop, and the one who is suddenly gone.
func TestExecEndsWithThePerson(t *testing.T) {
	began, ended := make(chan struct{}), make(chan struct{})
	f := &fake{exec: func(ctx context.Context, _ control.ExecRequest, _ control.Streams) (int, error) {
		close(began)
		<-ctx.Done()
		close(ended)
		return 130, nil
	}}
	c, _ := served(t, f, nil)
	ctx, interrupt := context.WithCancel(t.Context())
	go func() { <-began; interrupt() }()
	never, stop := io.Pipe()
	defer func() { _ = stop.Close() }()
	if code, err := c.Exec(ctx, control.ExecRequest{}, control.Streams{Stdin: never, Stdout: io.Discard, Stderr: io.Discard}); code != 130 || err != nil {
		t.Errorf("interrupted: code %d, %v", code, err)
	}
	began, ended = make(chan struct{}), make(chan struct{})
	f.exec = func(ctx context.Context, _ control.ExecRequest, s control.Streams) (int, error) {
		if _, err := io.WriteString(s.Stdout, "x"); err != nil {
			return 0, err
		}
		<-ctx.Done()
		close(ended)
		return 0, nil
	}
	_, err := c.Exec(t.Context(), control.ExecRequest{}, control.Streams{Stdin: never, Stdout: brokenPipe{}, Stderr: io.Discard})
	if err == nil {
		t.Error("a closed stdout is not noticed")
	}
	<-ended
}

// brokenPipe is a stdout that nobody reads any more.
type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
