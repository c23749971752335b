// Package release downloads released versions of terraform, each once, and keeps them.
//
// A download is believed because HashiCorp's signature of the checksums is right and the checksum is. The digest of the
// binary is then written beside it; a kept binary that no longer has it is downloaded again. Processes that want the same
// version at the same time wait for one download.
package release

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/hashicorp/go-version"
)

// lockPoll is how often a process looks whether another one's download is over.
const lockPoll = 100 * time.Millisecond

// Options say which version is wanted, and where it is kept.
type Options struct {
	Version string // exact, like 1.11.4
	Dir     string // holds one directory for each version
	Log     *slog.Logger
	// Fetch puts that version of terraform into dir and returns the path of the binary; default [Site.Fetch] of HashiCorp's
	// own site.
	Fetch func(ctx context.Context, version, dir string) (string, error)
}

func (o *Options) validate() error {
	if _, err := version.NewSemver(o.Version); err != nil {
		return fmt.Errorf("version %q: %w", o.Version, err)
	}
	if o.Dir == "" {
		return errors.New("a pinned terraform version needs a directory to be installed in")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Fetch == nil {
		o.Fetch = Site{}.Fetch
	}
	return nil
}

// Install returns the binary of the wanted version, which is fetched at most once.
func Install(ctx context.Context, o Options) (path string, err error) {
	if err := o.validate(); err != nil {
		return "", err
	}
	path = filepath.Join(o.Dir, o.Version, "terraform")
	if checkRecorded(path) == nil {
		return path, nil
	}
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return "", fmt.Errorf("making the directory for terraform: %w", err)
	}
	// Readable for all: whoever runs the agent must get past a lock that another user, like root's doctor, has left.
	lock := flock.New(filepath.Join(o.Dir, ".lock"), flock.SetPermissions(0o644))
	if _, err := lock.TryLockContext(ctx, lockPoll); err != nil {
		return "", fmt.Errorf("waiting for another process that installs terraform: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	err = checkRecorded(path)
	if err == nil { // another process has installed it in the meantime
		return path, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		o.Log.Warn("installing terraform again", "version", o.Version, "err", err)
	}
	if err := o.install(ctx); err != nil {
		return "", err
	}
	return path, nil
}

// install fetches into a directory aside, which gets its name when it is whole.
func (o *Options) install(ctx context.Context) error {
	dir := filepath.Join(o.Dir, o.Version)
	staging, err := os.MkdirTemp(o.Dir, "."+o.Version+"-")
	if err != nil {
		return fmt.Errorf("making a directory to install in: %w", err)
	}
	defer func() { _ = os.RemoveAll(staging) }()
	if err := o.fetchInto(ctx, staging); err != nil {
		return fmt.Errorf("installing terraform %s: %w", o.Version, err)
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("clearing the place of terraform %s: %w", o.Version, err)
	}
	if err := os.Rename(staging, dir); err != nil {
		return fmt.Errorf("moving terraform %s into place: %w", o.Version, err)
	}
	return nil
}

func (o *Options) fetchInto(ctx context.Context, dir string) error {
	got, err := o.Fetch(ctx, o.Version, dir)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, "terraform")
	if got != path {
		return fmt.Errorf("the installer put it at %s instead of %s", got, path)
	}
	for _, file := range []string{dir, path} {
		if err := os.Chmod(file, 0o755); err != nil {
			return err
		}
	}
	sum, err := digest(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path+".sha256", []byte(sum+"\n"), 0o644)
}

// checkRecorded compares a kept binary with the digest beside it.
func checkRecorded(path string) error {
	want, err := os.ReadFile(path + ".sha256")
	if err != nil {
		return err
	}
	got, err := digest(path)
	if err != nil {
		return err
	}
	if got != strings.TrimSpace(string(want)) {
		return fmt.Errorf("%s is not what was installed: its SHA-256 is %s", path, got)
	}
	return nil
}

// digest is the SHA-256 of a file in hex.
func digest(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
