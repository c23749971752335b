// Package datadirtest makes data directories for tests: with a store in them, and runs and files that lie there.
package datadirtest

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"sallyport/agent/datadir"
	"sallyport/store"
)

// At is a fixed time, so that what is compared does not move: so many minutes after three in the morning of March 1st.
func At(minute int) time.Time { return time.Date(2026, 3, 1, 3, minute, 0, 0, time.UTC) }

// New makes a data directory with a store, which is closed when the test ends. Its clock stands still at the first moment of [At].
func New(t *testing.T) (dir string, s *store.Store) {
	t.Helper()
	dir = t.TempDir()
	s, err := store.Open(store.Options{Path: datadir.Store(dir), Now: func() time.Time { return At(0) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return dir, s
}

// Update changes the store.
func Update(t *testing.T, s *store.Store, fn func(*store.Tx) error) {
	t.Helper()
	if err := s.Update(fn); err != nil {
		t.Fatal(err)
	}
}

// Run makes a run, moves it along, and returns its number.
func Run(t *testing.T, s *store.Store, r store.Run, way ...store.Status) int {
	t.Helper()
	Update(t, s, func(tx *store.Tx) error {
		if err := tx.CreateRun(&r); err != nil {
			return err
		}
		from := store.Pending
		for _, to := range way {
			_, err := tx.Transition(r.ID, store.Move{From: from, To: to}, func(r *store.Run) error {
				switch to {
				case store.Planned:
					r.Plan = &store.Plan{Digest: "d", Add: 1}
				case store.Applying:
					r.Apply = &store.Apply{StartedAt: At(0)}
				}
				return nil
			})
			if err != nil {
				return err
			}
			from = to
		}
		return nil
	})
	return r.ID
}

// WriteFile makes a file that only this user may read, with the directories above it.
func WriteFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
