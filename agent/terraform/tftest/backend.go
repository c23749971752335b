package tftest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// A Backend is a server for terraform's http backend, with locks. It behaves as such servers do: a lock stays until it is
// released, and whoever releases it need not know its id.
type Backend struct {
	server *httptest.Server

	mu          sync.Mutex
	state, lock []byte
	refuseState bool // writes of the state are refused
	refuseFree  bool // the lock cannot be released
}

// NewBackend starts a backend that ends with the test.
func NewBackend(t testing.TB) *Backend {
	t.Helper()
	b := &Backend{}
	b.server = httptest.NewServer(b)
	t.Cleanup(b.server.Close)
	return b
}

// Block is the backend block of a configuration, ready to stand in a file of its own.
func (b *Backend) Block() string {
	url := b.server.URL + "/state"
	return fmt.Sprintf("terraform {\n  backend \"http\" {\n    address = %[1]q\n    lock_address = %[1]q\n    unlock_address = %[1]q\n"+
		"    retry_max = 0\n  }\n}\n", url)
}

// RefuseState lets writes of the state fail from now on, or no longer.
func (b *Backend) RefuseState(on bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refuseState = on
}

// RefuseUnlock lets the release of the lock fail from now on, or no longer.
func (b *Backend) RefuseUnlock(on bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refuseFree = on
}

// Lock takes the lock for somebody else, or lets go of it with an empty id.
func (b *Backend) Lock(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lock = nil
	if id != "" {
		b.lock = fmt.Appendf(nil, `{"ID":%q,"Operation":"OperationTypeApply","Who":"joe@laptop","Created":"2026-01-02T03:04:05Z"}`, id)
	}
}

// LockID is the id of the lock that is held; empty if none is.
func (b *Backend) LockID() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var held struct{ ID string }
	if b.lock == nil || json.Unmarshal(b.lock, &held) != nil {
		return ""
	}
	return held.ID
}

// State is the state as it was written last; empty if there is none.
func (b *Backend) State() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.state)
}

// ServeHTTP is terraform's side.
func (b *Backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch r.Method {
	case http.MethodGet:
		if b.state == nil {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		_, _ = w.Write(b.state)
	case http.MethodPost:
		if b.refuseState {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		b.state = body
	case "LOCK":
		if b.lock != nil {
			w.WriteHeader(http.StatusLocked)
			_, _ = w.Write(b.lock)
			return
		}
		b.lock = body
	case "UNLOCK":
		if b.refuseFree {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		b.lock = nil
	default:
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
}
