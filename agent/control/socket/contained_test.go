package socket

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"sallyport/agent/control"
	"sallyport/agent/patience"
	"sallyport/store"
)

// heard is a log that may be written by several.
type heard struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (w *heard) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

func (w *heard) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.String()
}

// A panic in a request is the answer of that request, with a hint, and the log has its stack trace; the next one is answered.
func TestPanicIsTheRequestsAnswer(t *testing.T) {
	t.Parallel()
	log := &heard{}
	bang := func() { panic("it knows password hunter2") }
	f := &fake{
		run: func(string) (control.Run, error) { bang(); return control.Run{}, nil },
		decide: func(control.DecideRequest) (control.DecideResponse, error) {
			bang()
			return control.DecideResponse{}, nil
		},
		exec: func(context.Context, control.ExecRequest, control.Streams) (int, error) { bang(); return 0, nil },
		backup: func(w io.Writer) error {
			_, _ = io.WriteString(w, "half of it")
			bang()
			return nil
		},
	}
	c, _ := served(t, f, func(o *ServerOptions) { o.Log = slog.New(slog.NewTextHandler(log, nil)) })
	for _, test := range []struct {
		name string
		ask  func(context.Context) error
		cut  bool // the answer had begun: all that is left is to break it off
	}{
		{"a question", func(ctx context.Context) error { _, err := c.Run(ctx, "12"); return err }, false},
		{"a decision", func(ctx context.Context) error {
			_, err := c.Decide(ctx, control.DecideRequest{Ref: "12", Words: "approve"})
			return err
		}, false},
		{"a command with streams", func(ctx context.Context) error {
			_, err := c.Exec(ctx, control.ExecRequest{Stack: "box", Args: []string{"output"}}, control.Streams{Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: io.Discard})
			return err
		}, false},
		{"a backup that has begun", func(ctx context.Context) error { return c.Backup(ctx, control.BackupRequest{}, io.Discard) }, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), patience.Limit())
			defer cancel()
			err := test.ask(ctx)
			var answer *control.Error
			if test.cut {
				if err == nil {
					t.Error("half an answer was taken for a whole one")
				}
			} else if !errors.As(err, &answer) || answer.Kind != control.Internal || answer.Hint == "" || !strings.Contains(answer.Message, "contained_test.go") {
				t.Errorf("the answer is %#v", err)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the answer tells what the panic held: %v", err)
			}
		})
	}
	f.run = func(string) (control.Run, error) { return control.Run{ID: 12, Status: store.Planned}, nil }
	if r, err := c.Run(context.Background(), "12"); err != nil || r.ID != 12 {
		t.Errorf("the next question is answered %+v, %v", r, err)
	}
	for _, part := range []string{"a panic was caught", `"stack trace"=`, "GET /v1/runs/12", "hunter2"} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("%q is not in the log:\n%s", part, log.String())
		}
	}
}
