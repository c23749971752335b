// Package private writes small files of which the contents are nobody's business: mode 0600, in directories of the agent's or in a
// checkout, whose content is foreign.
//
// No function writes through a link, or into a file that is there already: where a file can have been left by an earlier attempt, it
// is removed first.
//
// The package imports only asuser, whose users such a file can be given or shown to.
package private

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"sallyport/agent/asuser"
)

// Create makes a new file that only the agent may read. It refuses to follow or replace what lies in its place.
func Create(path string, data []byte) error { return CreateFor(nil, path, data) }

// CreateFor is [Create] for a file that is to be a user's; of a nil user the agent's.
func CreateFor(user *asuser.User, path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, user.OwnFile(f), f.Close())
}

// Replace makes a file of the agent's in a directory of the agent's, in the place of what an earlier attempt left there. It returns
// the path.
func Replace(path string, data []byte) (string, error) {
	if err := os.RemoveAll(path); err != nil {
		return "", err
	}
	if err := Create(path, data); err != nil {
		return "", fmt.Errorf("writing %s: %w", filepath.Base(path), err)
	}
	return path, nil
}

// Lend is [Replace] for a file that a user may read.
func Lend(user *asuser.User, path string, data []byte) (string, error) {
	lent, err := Replace(path, data)
	if err != nil {
		return "", err
	}
	return lent, user.Share(lent)
}
