package repo

import (
	"path/filepath"
	"sync"

	"sallyport/agent/repo/inflated"
)

// inflatedName is the file of package inflated in a mirror. A new mirror begins without it.
const inflatedName = "sallyport-inflated"

// inflatedObjects are what is kept inflated, open while checkouts use it and a little longer. Who uses them reads the mirror meanwhile,
// so that it is not replaced.
type inflatedObjects struct {
	mu    sync.Mutex
	store *inflated.Store // nil: not open
	users int
}

// take opens them, or takes what is still open; nil: there are none. give must follow.
func (o *inflatedObjects) take(mirror string) *inflated.Store {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.users++
	if o.store == nil {
		o.store = inflated.Open(filepath.Join(mirror, inflatedName))
	}
	return o.store
}

func (o *inflatedObjects) give() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.users--
}

// drop closes them unless somebody uses them.
func (o *inflatedObjects) drop() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.users == 0 {
		o.store.Close()
		o.store = nil
	}
}
