package cache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"sallyport/agent/asuser"
	"sallyport/store/disk"
)

// adopt moves the packages that an init has installed into the store and leaves symlinks in their places.
// With replace the store's packages give way: terraform has just refused one of them.
func (c *Cache) adopt(r Root, replace bool) error {
	root := filepath.Join(r.DataDir, "providers")
	packages, err := filepath.Glob(filepath.Join(root, "*", "*", "*", "*", platform()))
	if err != nil {
		return fmt.Errorf("listing providers: %w", err)
	}
	for _, from := range packages {
		rel, err := filepath.Rel(root, from)
		if err != nil {
			return fmt.Errorf("listing providers: %w", err)
		}
		info, err := os.Lstat(from)
		if err != nil {
			return fmt.Errorf("listing providers: %w", err)
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			c.noteLinked(from, rel)
			continue
		}
		if r.User != nil {
			err = c.copyIn(r, filepath.Join("providers", rel), filepath.Join(c.providers(), rel), replace)
		} else {
			err = c.take(from, filepath.Join(c.providers(), rel), replace)
		}
		if err != nil {
			return fmt.Errorf("storing provider %s: %w", filepath.Dir(rel), err)
		}
	}
	return nil
}

// noteLinked remembers that terraform has linked a provider to a mirror, and not to the store.
func (c *Cache) noteLinked(link, rel string) {
	target, err := os.Readlink(link)
	if err != nil || strings.HasPrefix(target, c.providers()+string(filepath.Separator)) {
		return
	}
	address := filepath.ToSlash(filepath.Dir(filepath.Dir(rel)))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.linked[address] = true
}

// take moves one package into the store, where it appears whole, and puts a symlink in its place.
func (c *Cache) take(from, to string, replace bool) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if replace {
		if err := c.putAside(to); err != nil {
			return err
		}
	}
	switch _, err := os.Stat(to); {
	case err == nil: // an earlier init's; terraform compares its checksum with the lock file before each use
		err = os.RemoveAll(from)
		if err != nil {
			return err
		}
	case errors.Is(err, fs.ErrNotExist):
		if err := c.move(from, to); err != nil {
			return err
		}
	default:
		return err
	}
	return os.Symlink(to, from)
}

// putAside removes a package of the store in one step.
func (c *Cache) putAside(to string) error {
	if _, err := os.Stat(to); err != nil {
		return nil
	}
	old, err := os.MkdirTemp(c.dir, ".old-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(old) }()
	return os.Rename(to, filepath.Join(old, "package"))
}

// copyIn is [Cache.take] for a package that another user has installed, at rel in its data directory: the store gets a copy
// that the user may read and execute and not change.
func (c *Cache) copyIn(r Root, rel, to string, replace bool) error {
	root, err := os.OpenRoot(r.DataDir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	if replace {
		if err := c.putAside(to); err != nil {
			return err
		}
	}
	if _, err := os.Stat(to); errors.Is(err, fs.ErrNotExist) {
		if err := c.copyPackage(root, rel, to); err != nil {
			return err
		}
		if err := c.Share(r.User); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	return errors.Join(root.RemoveAll(rel), root.Symlink(to, rel))
}

// copyPackage copies a package into the store, where it appears whole.
func (c *Cache) copyPackage(root *os.Root, rel, to string) error {
	staging, err := os.MkdirTemp(c.dir, ".new-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(staging) }()
	from, err := fs.Sub(root.FS(), filepath.ToSlash(rel))
	if err != nil {
		return err
	}
	whole := filepath.Join(staging, "package")
	if err := errors.Join(os.CopyFS(whole, from), os.MkdirAll(filepath.Dir(to), 0o755)); err != nil {
		return err
	}
	if err := syncTree(whole); err != nil {
		return err
	}
	if err := os.Rename(whole, to); err != nil {
		return err
	}
	return disk.Sync(filepath.Dir(to))
}

// Share lets a user, and all others of its pool, read the packages of the store, also those that were stored before there was such a
// user.
func (c *Cache) Share(user *asuser.User) error {
	if user == nil {
		return nil
	}
	user = user.Public() // packages are for all
	if err := os.MkdirAll(c.providers(), 0o755); err != nil {
		return fmt.Errorf("making the store of providers: %w", err)
	}
	return errors.Join(user.Enter(c.dir), user.Share(c.providers()))
}

// move renames a package into the store, over a copy if it is on another file system. Its files are synced first: a
// store that a power cut has damaged is found out just when the registry is away.
func (c *Cache) move(from, to string) error {
	if err := syncTree(from); err != nil {
		return err
	}
	err := os.Rename(from, to)
	if err == nil {
		return disk.Sync(filepath.Dir(to))
	}
	staging, tempErr := os.MkdirTemp(c.dir, ".new-")
	if tempErr != nil {
		return tempErr
	}
	defer func() { _ = os.RemoveAll(staging) }()
	whole := filepath.Join(staging, "package")
	if copyErr := os.CopyFS(whole, os.DirFS(from)); copyErr != nil {
		return errors.Join(err, copyErr)
	}
	if err := syncTree(whole); err != nil {
		return err
	}
	if err := os.Rename(whole, to); err != nil {
		return err
	}
	if err := disk.Sync(filepath.Dir(to)); err != nil {
		return err
	}
	return os.RemoveAll(from)
}

// syncTree makes the files of a directory durable.
func syncTree(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		return disk.Sync(path)
	})
}

// platform is terraform's name of this machine's kind.
func platform() string { return runtime.GOOS + "_" + runtime.GOARCH }
