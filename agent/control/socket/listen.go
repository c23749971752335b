package socket

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"
)

// socketMode lets root, the agent's user and its group in, and nobody else.
const socketMode = 0o660

// probeTimeout bounds the question whether somebody answers at a socket that is already there.
const probeTimeout = 2 * time.Second

// maxSocketPath is what fits into a unix socket's address on Linux, less the closing zero.
const maxSocketPath = 107

// listenUnix binds the socket at path so that it never exists with a wider mode than socketMode: it is bound inside a
// new directory that only we can enter, gets its mode, and is renamed into place. (Binding in place and then calling
// chmod leaves a moment in which the umask decides; setting the umask changes it for every thread of the process.)
//
// What is there already is replaced only if it is a socket at which nobody answers. Of two agents that start at the
// same moment the later one wins the name; the store's lock lets only one of them get that far.
func listenUnix(path string) (*net.UnixListener, error) {
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
	if len(hidden) > maxSocketPath || len(path) > maxSocketPath {
		return nil, fmt.Errorf("listening at %s: the path is longer than the %d bytes that the kernel takes", path, maxSocketPath)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: hidden, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("listening at %s: %w", path, err)
	}
	l.SetUnlinkOnClose(false) // the name it knows is not the one it ends up with
	if err := errors.Join(os.Chmod(hidden, socketMode), os.Rename(hidden, path)); err != nil {
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
	if errors.Is(err, context.DeadlineExceeded) || isFull(err) {
		return fmt.Errorf("listening at %s: %w, though it is too busy to say so", path, ErrInUse)
	}
	return nil // refused: nobody listens; the rename replaces it
}

// removeSocket removes the name at path if it still is the socket with the given identity: a newer agent may have put
// its own there.
func removeSocket(path string, ours os.FileInfo) error {
	now, err := os.Lstat(path)
	if err != nil || !os.SameFile(now, ours) {
		return nil
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the socket: %w", err)
	}
	return nil
}
