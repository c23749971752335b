package proc

import (
	"fmt"
	"os"
	"path/filepath"
)

// maxTempDir bounds the length of TMPDIR in bytes: terraform's plugins put unix sockets there, whose paths are limited to 107 bytes,
// "/plugin1234567890" included. Of a longer one terraform says that the plugin was not compiled for this machine.
const maxTempDir = 85

// TempDir makes a directory for what terraform writes to TMPDIR: the wanted one or, if its path is too long for the sockets of
// plugins, a short one below /tmp. What it returns beside it removes the short one, and nothing else; a wanted one goes with the
// run's directory.
func TempDir(wanted string) (dir string, remove func() error, err error) {
	keep := func() error { return nil }
	if len(wanted) <= maxTempDir {
		if err := os.MkdirAll(wanted, 0o700); err != nil {
			return "", keep, fmt.Errorf("making a directory for temporary files: %w", err)
		}
		return wanted, keep, nil
	}
	// The directory itself may be given to another user. In /tmp nobody else could remove it then; out of one of ours we can.
	base, err := os.MkdirTemp("/tmp", "sallyport-")
	if err != nil {
		return "", keep, fmt.Errorf("%s is too long for the sockets of plugins (%d bytes; %d are the most), and no shorter directory could be made: %w", wanted, len(wanted), maxTempDir, err)
	}
	remove = func() error { return os.RemoveAll(base) }
	dir = filepath.Join(base, "t")
	if err = os.Chmod(base, 0o711); err == nil {
		err = os.Mkdir(dir, 0o700)
	}
	if err != nil {
		_ = remove() // what is said is why it could not be made
		return "", keep, fmt.Errorf("making a directory for temporary files: %w", err)
	}
	return dir, remove, nil
}
