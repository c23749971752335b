package socket

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/agent/hint"
	"sallyport/agent/unixsocket"
)

func TestNoAgent(t *testing.T) {
	dir := t.TempDir()
	left := filepath.Join(dir, "left")
	l, err := unixsocket.Listen(left)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ name, socket, want string }{
		{"no socket", filepath.Join(dir, "none"), "there is no such socket"},
		{"left over", left, "nobody listens"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := NewClient(tc.socket).Status(context.Background())
			if !errors.Is(err, ErrNoAgent) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error is %v, want ErrNoAgent and %q", err, tc.want)
			}
			if !strings.Contains(hint.Of(err), "systemctl start") {
				t.Errorf("hint is %q", hint.Of(err))
			}
		})
	}
}

func TestPermissionDeniedSaysWhatToDo(t *testing.T) {
	err := noAgent("/run/s", &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", fs.ErrPermission)})
	if !errors.Is(err, ErrNoAgent) || !strings.Contains(hint.Of(err), "sudo") || !strings.Contains(hint.Of(err), "group") ||
		!strings.Contains(err.Error(), "this user may not open the agent's socket /run/s (permission denied)") {
		t.Errorf("error %v, hint %q", err, hint.Of(err))
	}
}
