// Package unixsocket listens at unix sockets, of which the kernel says who may open them: whoever may write to the file. It never exists
// with a wider mode than [Mode], one that a crash has left behind is replaced, one at which somebody answers is not, and it is removed in
// the end, unless it is somebody else's by then.
package unixsocket

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Mode lets root, the agent's user and its group in, and nobody else.
const Mode = 0o660

// ErrInUse is wrapped when somebody answers at the socket already.
var ErrInUse = errors.New("another agent answers at this socket")

// probeTimeout bounds the question whether somebody answers at a socket that is already there.
const probeTimeout = 2 * time.Second

// maxPath is what fits into a unix socket's address on Linux, less the closing zero.
const maxPath = 107

// A Listener listens at one socket.
type Listener struct {
	*net.UnixListener
	path     string
	identity os.FileInfo
}

// Listen takes the socket at path, which is absolute; its directory is made if need be. The error wraps [ErrInUse] if somebody
// answers there.
func Listen(path string) (*Listener, error) {
	l, err := bind(path)
	if err != nil {
		return nil, err
	}
	id, err := os.Lstat(path)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("looking at the new socket: %w", err), l.Close())
	}
	return &Listener{UnixListener: l, path: path, identity: id}, nil
}

// Remove removes the socket, if it still is this one: a newer agent may have put its own there. Close does not, which is for servers:
// they close a listener before the last answer is given.
func (l *Listener) Remove() error {
	now, err := os.Lstat(l.path)
	if err != nil || !os.SameFile(now, l.identity) {
		return nil
	}
	if err := os.Remove(l.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the socket: %w", err)
	}
	return nil
}

// IsFull reports that somebody listens at a socket that could not be reached, and does not accept.
func IsFull(err error) bool { return errors.Is(err, syscall.EAGAIN) }

// bind binds the socket at path so that it never exists with a wider mode than Mode: it is bound inside a
// new directory that only we can enter, gets its mode, and is renamed into place. (Binding in place and then calling
// chmod leaves a moment in which the umask decides; setting the umask changes it for every thread of the process.)
//
// What is there already is replaced only if it is a socket at which nobody answers. Of two agents that start at the
// same moment the later one wins the name; the store's lock lets only one of them get that far.
func bind(path string) (*net.UnixListener, error) {
	if !filepath.IsAbs(path) {
		return nil, fmt.Errorf("listening at %s: the path must be absolute", path)
	}
	if err := vacate(path); err != nil {
		return nil, err
	}
	parent := filepath.Dir(path)
	if err := os.MkdirAll(parent, 0o750); err != nil {
		return nil, fmt.Errorf("creating the socket's directory: %w", err)
	}
	private, err := os.MkdirTemp(parent, ".s") // 0700
	if err != nil {
		return nil, fmt.Errorf("creating a directory for the socket: %w", err)
	}
	defer os.RemoveAll(private)
	hidden := filepath.Join(private, "s")
	if len(hidden) > maxPath || len(path) > maxPath {
		return nil, fmt.Errorf("listening at %s: the path is longer than the %d bytes that the kernel takes", path, maxPath)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: hidden, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("listening at %s: %w", path, err)
	}
	l.SetUnlinkOnClose(false) // the name it knows is not the one it ends up with
	if err := errors.Join(os.Chmod(hidden, Mode), os.Rename(hidden, path)); err != nil {
		return nil, errors.Join(fmt.Errorf("putting the socket in place: %w", err), l.Close())
	}
	return l, nil
}

// vacate makes sure that nothing at path would be lost by replacing it.
func vacate(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking at the socket: %w", err)
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("listening at %s: something that is not a socket is there", path)
	}
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	c, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
	if err == nil {
		return errors.Join(fmt.Errorf("listening at %s: %w", path, ErrInUse), c.Close())
	}
	if errors.Is(err, context.DeadlineExceeded) || IsFull(err) {
		return fmt.Errorf("listening at %s: %w, though it is too busy to say so", path, ErrInUse)
	}
	return nil // refused: nobody listens; the rename replaces it
}
