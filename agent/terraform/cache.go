package terraform

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"sallyport/agent/asuser"
	"sallyport/agent/terraform/binary"
	"sallyport/store/disk"
)

// Cache is what the plans of an agent share, below one directory:
//
//	providers/HOST/NAMESPACE/TYPE/VERSION/OS_ARCH/   packages that terraform has verified and installed once
//	stacks/NAME/                                     lock file and remote modules of the stack's last good init
//	slots/                                           see slots
//
// A root whose lock file names only packages of the store is initialised from the store alone, in parallel and
// without any network. Terraform checks their checksums against the lock file each time; a package that was damaged
// is fetched again. Everything else is a cold init, and one of those runs at a time: the first fills the store
// for the others.
//
// The directory must be on the file system of the plans' data directories, or packages are copied instead of moved.
// Several processes can share it.
type Cache struct {
	// Slots are lent to plans.
	Slots *binary.Slots

	dir string

	cold chan struct{} // holds one value while a cold init of this process runs
	keep sync.Mutex    // replacing what is kept of a stack

	mu sync.Mutex
	// linked are the providers, as host/namespace/type, that terraform takes from a mirror on this machine's disk.
	// There is nothing to download and so nothing to wait for.
	linked map[string]bool
}

// NewCache returns the cache in dir, which is made when it is first needed.
func NewCache(dir string) *Cache {
	return &Cache{
		dir: dir, Slots: binary.NewSlots(filepath.Join(dir, "slots")),
		cold: make(chan struct{}, 1), linked: make(map[string]bool),
	}
}

func (c *Cache) providers() string { return filepath.Join(c.dir, "providers") }

// lockCold waits for its turn to run a cold init.
func (c *Cache) lockCold(ctx context.Context) (func(), error) {
	select {
	case c.cold <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		<-c.cold
		return nil, fmt.Errorf("making the cache: %w", err)
	}
	lock := flock.New(filepath.Join(c.dir, "cold.lock")) // other processes
	ok, err := lock.TryLockContext(ctx, 50*time.Millisecond)
	if err != nil || !ok {
		<-c.cold
		return nil, fmt.Errorf("waiting for another init: %w", errors.Join(err, context.Cause(ctx)))
	}
	return func() { _ = lock.Close(); <-c.cold }, nil
}

// temperature says how an init has to run.
type temperature int

const (
	warm temperature = iota // everything is in the store
	free                    // nothing is downloaded anyway
	cold                    // something is missing
)

// temperature finds out how the init of a root module has to run.
func (c *Cache) temperature(workDir string) temperature {
	lock, err := readLock(workDir)
	if err != nil {
		return cold // terraform will say what is wrong with it
	}
	needs := requiredProviders(workDir)
	c.mu.Lock()
	defer c.mu.Unlock()
	stored, linked := 0, 0
	for address, p := range lock {
		switch {
		case c.has(p):
			stored++
		case c.linked[address]:
			linked++
		default:
			return cold
		}
	}
	for address := range needs.providers {
		if _, locked := lock[address]; locked {
			continue
		}
		if !c.linked[address] {
			return cold // not pinned: terraform must ask for the newest version
		}
		linked++
	}
	switch {
	case len(lock) == 0 && needs.remote:
		return cold // the module can need any provider
	case stored > 0 && linked == 0:
		return warm
	case stored > 0 && stored < len(lock):
		return cold
	}
	return free
}

// has reports whether the store holds the package for this machine.
func (c *Cache) has(p lockedProvider) bool {
	info, err := os.Stat(filepath.Join(c.providers(), p.path()))
	return err == nil && info.IsDir()
}

// adopt moves the packages that an init has installed into the store and leaves symlinks in their places.
// With replace the store's packages give way: terraform has just refused one of them.
func (c *Cache) adopt(o *PlanOptions, replace bool) error {
	root := filepath.Join(o.DataDir, "providers")
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
		if o.User != nil {
			err = c.copyIn(o, filepath.Join("providers", rel), filepath.Join(c.providers(), rel), replace)
		} else {
			err = c.take(from, filepath.Join(c.providers(), rel), replace)
		}
		if err != nil {
			return fmt.Errorf("storing provider %s: %w", filepath.Dir(rel), err)
		}
	}
	return nil
}

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

// take moves one package into the store and puts a symlink in its place. The rename makes it appear whole.
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
func (c *Cache) copyIn(o *PlanOptions, rel, to string, replace bool) error {
	root, err := os.OpenRoot(o.DataDir)
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
		if err := c.Share(o.User); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	return errors.Join(root.RemoveAll(rel), root.Symlink(to, rel))
}

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

// Share lets a user, and all of its pool, at the packages of the store, those included that were stored before there was such a user.
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
