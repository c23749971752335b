package runner

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// errLocked says that somebody else holds the lock.
var errLocked = errors.New("its lock is held by another process")

// takeLock opens a run's lock and takes it for this open file description, and so for every process that inherits
// it. It ends when the last of them has closed it or died.
func takeLock(runDir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(runDir, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := flock(f, syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// lockHeld reports whether a runner lives. The probe asks for a shared lock of its own:
// two probes do not see each other, and it is only made of runs with a claim, so it never meets a start.
func lockHeld(runDir string) (bool, error) {
	f, err := os.Open(filepath.Join(runDir, lockFile))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	if err := flock(f, syscall.LOCK_SH|syscall.LOCK_NB); err != nil {
		if errors.Is(err, errLocked) {
			return true, nil
		}
		return false, err
	}
	// Unlocked before it is closed: a process that is being forked elsewhere may have a copy of the descriptor for
	// a moment.
	return false, flock(f, syscall.LOCK_UN)
}

func flock(f *os.File, how int) error {
	for {
		err := syscall.Flock(int(f.Fd()), how)
		switch {
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EWOULDBLOCK):
			return errLocked
		case err != nil:
			return fmt.Errorf("flock %s: %w", f.Name(), err)
		default:
			return nil
		}
	}
}
