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
)

func TestSocketModeAndRemoval(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run", "s.sock")
	l, err := listenUnix(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode(); got != fs.ModeSocket|socketMode {
		t.Errorf("mode is %v, want a socket of mode %o", got, socketMode)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 {
		t.Errorf("the socket's directory holds %d entries, want the socket alone", len(entries))
	}
	if err := removeSocket(path, info); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
}

func TestSocketOfANewerAgentIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.sock")
	old, err := listenUnix(path)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	newer, err := listenUnix(path)
	if err != nil {
		t.Fatal(err)
	}
	defer newer.Close()
	if err := removeSocket(path, ours); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the newer agent's socket is gone: %v", err)
	}
}

func TestListenOnWhatIsThere(t *testing.T) {
	stale := func(t *testing.T, path string) {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		l.SetUnlinkOnClose(false)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	live := func(t *testing.T, path string) {
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
	}
	file := func(t *testing.T, path string) {
		if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	link := func(t *testing.T, path string) {
		stale(t, path+".target")
		if err := os.Symlink(path+".target", path); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		name  string
		there func(*testing.T, string)
		want  string // in the error; empty for success
		inUse bool
	}{
		{"nothing", func(*testing.T, string) {}, "", false},
		{"a socket at which nobody listens", stale, "", false},
		{"a socket at which somebody listens", live, "another agent answers", true},
		{"a file", file, "not a socket", false},
		{"a link to a socket", link, "not a socket", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "s")
			tc.there(t, path)
			l, err := listenUnix(path)
			if l != nil {
				defer l.Close()
			}
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error is %v, want %q", err, tc.want)
			}
			if errors.Is(err, ErrInUse) != tc.inUse {
				t.Errorf("ErrInUse: %v", err)
			}
		})
	}
}

func TestSocketPathTooLong(t *testing.T) {
	path := filepath.Join(t.TempDir(), strings.Repeat("x", 120))
	if _, err := listenUnix(path); err == nil || !strings.Contains(err.Error(), "longer than the 107 bytes") {
		t.Errorf("error is %v", err)
	}
}

func TestNoAgent(t *testing.T) {
	dir := t.TempDir()
	left := filepath.Join(dir, "left")
	l, err := listenUnix(left)
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
	if !errors.Is(err, ErrNoAgent) || !strings.Contains(hint.Of(err), "sudo") || !strings.Contains(hint.Of(err), "group") {
		t.Errorf("error %v, hint %q", err, hint.Of(err))
	}
}
