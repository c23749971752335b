package foreign_test

import (
	"bytes"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"sallyport/agent/foreign"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Nothing is read through a link that leads out, nothing is waited for, and no more is read than was asked for.
func TestReading(t *testing.T) {
	dir, err := os.MkdirTemp("", "f") // a socket's path has a limit
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	top := filepath.Join(dir, "top")
	must(t, os.MkdirAll(filepath.Join(top, "sub"), 0o700))
	must(t, os.MkdirAll(filepath.Join(dir, "outside"), 0o700))
	secret := filepath.Join(dir, "outside", "secret")
	must(t, os.WriteFile(secret, []byte("canary"), 0o600))
	must(t, os.WriteFile(filepath.Join(top, "sub", "good"), []byte("good"), 0o600))
	must(t, os.Symlink(secret, filepath.Join(top, "link")))
	must(t, os.Symlink("sub/good", filepath.Join(top, "near")))
	must(t, os.Symlink(filepath.Join(dir, "outside"), filepath.Join(top, "dir")))
	must(t, syscall.Mkfifo(filepath.Join(top, "fifo"), 0o600))
	must(t, os.WriteFile(filepath.Join(top, "sparse"), nil, 0o600))
	must(t, os.Truncate(filepath.Join(top, "sparse"), 1<<40))
	l, err := net.Listen("unix", filepath.Join(top, "socket"))
	must(t, err)
	defer func() { _ = l.Close() }()

	for name, want := range map[string]error{
		"link": &foreign.NotRegularError{}, "near": &foreign.NotRegularError{}, "fifo": &foreign.NotRegularError{}, "socket": &foreign.NotRegularError{},
		"sub": &foreign.NotRegularError{}, "sparse": &foreign.TooLargeError{}, "none": fs.ErrNotExist, "dir/secret": nil, "../outside/secret": nil,
	} {
		path := filepath.Join(top, name)
		ways := map[string]func() ([]byte, error){"below": func() ([]byte, error) { return foreign.ReadBelow(top, path, 1<<20) }}
		if want != nil {
			ways["beside"] = func() ([]byte, error) { return foreign.ReadFile(path, 1<<20) }
		}
		for way, read := range ways {
			text, err := read()
			var irregular *foreign.NotRegularError
			var large *foreign.TooLargeError
			_, wantsIrregular := want.(*foreign.NotRegularError)
			_, wantsLarge := want.(*foreign.TooLargeError)
			switch {
			case err == nil:
				t.Errorf("%s, %s: it gives %q", name, way, text)
			case wantsIrregular && !errors.As(err, &irregular), wantsLarge && !errors.As(err, &large),
				errors.Is(want, fs.ErrNotExist) && !errors.Is(err, fs.ErrNotExist):
				t.Errorf("%s, %s: %v", name, way, err)
			}
		}
	}
	if text, err := foreign.ReadBelow(top, filepath.Join(top, "sub", "good"), 4); err != nil || string(text) != "good" {
		t.Errorf("%q, %v", text, err)
	}
	f, err := foreign.Open(filepath.Join(top, "sub", "good"))
	must(t, err)
	defer func() { _ = f.Close() }()
	var large *foreign.TooLargeError
	if err := foreign.Copy(&bytes.Buffer{}, f, 3); !errors.As(err, &large) {
		t.Errorf("more is copied than was asked for: %v", err)
	}
}
