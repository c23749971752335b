// Package planfile takes a plan file from terraform, so that what was digested is what is on the disk.
//
// The package imports asuser and foreign, since terraform can be another user; disk, to make the file durable; and fault, so that
// tests can end the program right after.
package planfile

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"sallyport/agent/asuser"
	"sallyport/agent/fault"
	"sallyport/agent/foreign"
	"sallyport/store/disk"
)

// most bounds a plan file, in bytes: a sparse file costs its maker nothing.
const most = 2 << 30

// Seal makes a finished plan file durable under its final name and returns its SHA-256 in hex. What was digested
// is what is on the disk when the caller records it.
func Seal(from, to string) (string, error) {
	f, err := foreign.Open(from)
	if err != nil {
		return "", fmt.Errorf("taking the plan file: %w", err)
	}
	defer func() { _ = f.Close() }()
	if err := f.Chmod(0o600); err != nil {
		return "", fmt.Errorf("protecting the plan file: %w", err)
	}
	if err := f.Sync(); err != nil {
		return "", fmt.Errorf("syncing the plan file: %w", err)
	}
	if err := os.Rename(from, to); err != nil {
		return "", fmt.Errorf("moving the plan file into place: %w", err)
	}
	if err := disk.Sync(filepath.Dir(to)); err != nil {
		return "", fmt.Errorf("syncing the plan's directory: %w", err)
	}
	fault.Point("plan file in place")
	h := sha256.New()
	if err := foreign.Copy(h, f, most); err != nil {
		return "", fmt.Errorf("digesting the plan file: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Take is [Seal] for a plan that another user has made: digested, shown and applied is a copy that this user can read and
// not write.
func Take(from, to string, user *asuser.User) (digest string, err error) {
	in, err := foreign.Open(from)
	if err != nil {
		return "", fmt.Errorf("taking the plan file: %w", err)
	}
	defer func() { _ = in.Close() }()
	if err := os.RemoveAll(to); err != nil {
		return "", fmt.Errorf("clearing the place of the plan file: %w", err)
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", fmt.Errorf("making the plan file: %w", err)
	}
	h := sha256.New()
	err = foreign.Copy(io.MultiWriter(out, h), in, most)
	if err := errors.Join(err, out.Sync(), out.Close()); err != nil {
		return "", fmt.Errorf("copying the plan file: %w", err)
	}
	if err := user.Share(to); err != nil {
		return "", err
	}
	if err := disk.Sync(filepath.Dir(to)); err != nil {
		return "", fmt.Errorf("syncing the plan's directory: %w", err)
	}
	fault.Point("plan file in place")
	return hex.EncodeToString(h.Sum(nil)), nil
}
