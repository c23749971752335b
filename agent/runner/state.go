package runner

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"sallyport/agent/foreign"
	"sallyport/store/disk"
)

// maxState bounds a state that is kept, in bytes.
const maxState = 512 << 20

// KeepState brings a state that terraform could not save into the run's directory, durably, and returns its path there. Whoever
// may write where terraform left it can have put something else in its place: then nothing is kept, and the path is empty.
// After an error the state is where it was.
func KeepState(runDir, found string) (string, error) {
	to := filepath.Join(runDir, erroredFile)
	if found == to {
		return to, nil
	}
	root, name, err := rootOf(runDir, found)
	if err != nil {
		return "", fmt.Errorf("keeping a state: %w", err)
	}
	defer func() { _ = root.Close() }()
	in, err := foreign.OpenIn(root, name)
	if err == nil {
		err = take(root, name, in, to)
	}
	var irregular *foreign.NotRegularError
	var large *foreign.TooLargeError
	switch {
	case errors.As(err, &irregular), errors.As(err, &large):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("keeping a state: %w", err)
	}
	return to, errors.Join(disk.Sync(to), disk.Sync(runDir))
}

// take moves an open file out of a directory, or copies it if it is another user's, who could go on writing to it. A move needs
// no room on a disk that may be full.
func take(root *os.Root, name string, in *os.File, to string) error {
	defer func() { _ = in.Close() }()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	if info.Size() > maxState {
		return &foreign.TooLargeError{Name: in.Name(), Most: maxState}
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) == os.Geteuid() {
		if filepath.Dir(to) == root.Name() {
			err = root.Rename(name, filepath.Base(to))
		} else {
			err = os.Rename(filepath.Join(root.Name(), name), to)
		}
		if err != nil {
			return err
		}
		moved, err := os.Lstat(to)
		if err != nil || !os.SameFile(moved, info) {
			return errors.Join(&foreign.NotRegularError{Name: to}, err, os.Remove(to))
		}
		return in.Chmod(0o600)
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|syscall.O_NOFOLLOW, 0o600) // a crash may have left half of it
	if err != nil {
		return err
	}
	if err := errors.Join(foreign.Copy(out, in, maxState), out.Sync(), out.Close()); err != nil {
		return errors.Join(err, os.Remove(to))
	}
	return root.Remove(name)
}

// rootOf opens the directory below which a path of a run's is looked for, and says what it is called there: the run's own, in
// which nobody else can put anything in the place of something; else that of the file.
func rootOf(runDir, path string) (*os.Root, string, error) {
	top, name := filepath.Dir(path), filepath.Base(path)
	if rel, err := filepath.Rel(runDir, path); err == nil && filepath.IsLocal(rel) {
		top, name = runDir, rel
	}
	root, err := os.OpenRoot(top)
	return root, name, err
}
