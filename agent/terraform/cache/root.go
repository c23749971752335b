package cache

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"sallyport/agent/asuser"
	"sallyport/agent/foreign"
	"sallyport/agent/terraform/private"
)

// Root is a root module that is initialised. Paths are absolute.
type Root struct {
	Stack   string       // name of the stack whose root module it is
	Commit  string       // of the checkout
	Source  string       // the checkout
	WorkDir string       // the root module's directory in it
	DataDir string       // terraform's data directory
	User    *asuser.User // whom terraform runs as, so that checkout and data directory are that user's; nil: the agent's own
}

// ReadLock reads the lock file of the root module; nil without an error if there is none.
func (r Root) ReadLock() ([]byte, error) {
	lock, err := r.ReadBack(filepath.Join(r.WorkDir, LockFile))
	if err != nil {
		return nil, fmt.Errorf("reading the lock file: %w", err)
	}
	return lock, nil
}

// LockWarning says what is wrong with the committed lock file, given the one that an init has used; empty if nothing is.
func LockWarning(used, committed []byte) string {
	switch {
	case committed == nil:
		return "no " + LockFile + " is committed: the next plan can use other provider versions"
	case LockDigest(used) != LockDigest(committed) && sameSelections(used, committed):
		return "the committed " + LockFile + " lacks checksums for this platform; they were added for this run only"
	case !extendsLock(used, committed): // fewer are fine: terraform drops what nothing needs
		return "the committed " + LockFile + " does not pin every provider; the others were chosen for this run only"
	}
	return ""
}

// ReadBack reads a file that terraform may have written; nil without an error if there is none.
func (r Root) ReadBack(path string) ([]byte, error) {
	if rel, err := filepath.Rel(r.Source, path); err == nil && filepath.IsLocal(rel) {
		return missingIsNil(foreign.ReadBelow(r.Source, path, maxReadBack))
	}
	return missingIsNil(foreign.ReadFile(path, maxReadBack))
}

// PlainLock puts a file in the place of a lock file that is committed as a symlink, since nothing follows a link afterwards. It is to
// be called before anybody can have written into the checkout; nothing outside of the checkout is read.
func (r Root) PlainLock() error {
	path := filepath.Join(r.WorkDir, LockFile)
	if info, err := os.Lstat(path); err != nil || info.Mode().Type() != fs.ModeSymlink {
		_, err = missingIsNil(nil, err)
		return err
	}
	root, err := os.OpenRoot(r.Source)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	rel, err := filepath.Rel(r.Source, path)
	if err != nil {
		return err
	}
	f, err := root.Open(rel)
	if err != nil {
		return fmt.Errorf("reading the lock file: %w", err)
	}
	defer func() { _ = f.Close() }()
	committed, err := foreign.Read(f, maxReadBack)
	if err != nil {
		return fmt.Errorf("reading the lock file: %w", err)
	}
	return replaceLock(r.WorkDir, committed, nil)
}

// maxReadBack bounds what is read of terraform's small files, in bytes.
const maxReadBack = 64 << 20

// missingIsNil makes nil, without an error, of a file that is missing.
func missingIsNil(data []byte, err error) ([]byte, error) {
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// replaceLock puts a lock file into a checkout, for a user; nil takes it away. What was there can be a symlink of the repository's.
func replaceLock(workDir string, lock []byte, user *asuser.User) error {
	path := filepath.Join(workDir, LockFile)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("replacing the lock file: %w", err)
	}
	if lock == nil {
		return nil
	}
	if err := private.CreateFor(user, path, lock); err != nil {
		return fmt.Errorf("replacing the lock file: %w", err)
	}
	return nil
}

// LockDigest returns the SHA-256 of a lock file in hex; empty if there is none.
func LockDigest(data []byte) string {
	if data == nil {
		return ""
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
