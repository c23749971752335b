package cache

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"sallyport/agent/terraform/binary"
)

// Cache is what the plans of an agent share, below one directory:
//
//	providers/HOST/NAMESPACE/TYPE/VERSION/OS_ARCH/   packages that terraform has verified and installed once
//	stacks/NAME/                                     lock file and remote modules of the stack's last good init
//	slots/                                           see [binary.Slots]
//
// The directory must be on the file system of the plans' data directories, or packages are copied instead of moved.
// Several processes can share it.
type Cache struct {
	// Slots are lent to plans.
	Slots *binary.Slots

	dir string

	cold chan struct{} // holds one value while a cold init of this process runs
	keep sync.RWMutex  // replacing what is kept of a stack

	answers answers

	mu sync.Mutex
	// linked are the providers, as host/namespace/type, that terraform takes from a mirror on this machine's disk: none of them
	// is downloaded, so that no init has to wait for another one.
	linked map[string]bool
	ready  map[string]ready // by stack
}

// New returns the cache in a directory, which is made when it is first needed.
func New(dir string) *Cache {
	return &Cache{
		dir: dir, Slots: binary.NewSlots(filepath.Join(dir, "slots")),
		cold: make(chan struct{}, 1), linked: make(map[string]bool),
	}
}

// providers is the directory of the store.
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

// A temperature says how an init has to run.
type temperature int

const (
	warm temperature = iota // everything is in the store
	free                    // nothing is downloaded anyway
	cold                    // something is missing
)

// temperature finds out how the init of a root module with such needs has to run.
func (c *Cache) temperature(workDir string, needs needs) temperature {
	lock, err := readLock(workDir)
	if err != nil {
		return cold // terraform will say what is wrong with it
	}
	if needs.unread {
		return cold
	}
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
