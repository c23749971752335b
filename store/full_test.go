package store_test

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	bolterrors "go.etcd.io/bbolt/errors"

	"sallyport/agent/need"
	"sallyport/store"
)

// noise is text that does not get smaller when it is packed.
func noise(t *testing.T, size int) string {
	t.Helper()
	raw := make([]byte, size/2)
	if _, err := rand.Read(raw); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(raw)
}

// fillUp writes until the store is full and returns the last run that was acknowledged and the error.
func fillUp(t *testing.T, s *store.Store) (int, error) {
	t.Helper()
	last := 0
	for range 10000 {
		r := &store.Run{Stack: "ghe", Kind: store.KindPullRequest, Subject: noise(t, 8<<10)}
		if err := s.Update(func(tx *store.Tx) error { return tx.CreateRun(r) }); err != nil {
			return last, err
		}
		last = r.ID
	}
	t.Fatal("the store never got full")
	return 0, nil
}

func count(t *testing.T, s *store.Store) int {
	t.Helper()
	n := 0
	view(t, s, func(tx *store.Tx) error {
		runs, err := tx.Runs(store.RunFilter{})
		n = len(runs)
		return err
	})
	return n
}

func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=1m"); err != nil {
		need.Skip(t, "no small disk can be mounted", err.Error())
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	ballast := filepath.Join(dir, "ballast")
	write(t, ballast, make([]byte, 300<<10))
	s := openAt(t, store.Options{Path: filepath.Join(dir, "state.db")})

	last, err := fillUp(t, s)
	if !errors.Is(err, store.ErrFull) || !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("error is %v", err)
	}
	t.Logf("full after %d runs: %v", last, err)
	if err := s.Update(func(tx *store.Tx) error { return tx.PutSetting("text", noise(t, 100<<10)) }); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("the second try says %v", err)
	}
	if n := count(t, s); n != last {
		t.Errorf("%d runs can be read, %d were acknowledged", n, last)
	}

	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if r := create(t, s, "net", store.KindManual); r.ID != last+1 {
		t.Errorf("the next run is #%d, want #%d", r.ID, last+1)
	}
}

// TestDiskFullFromTheStart: a store that could not be made leaves nothing behind.
func TestDiskFullFromTheStart(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=64k"); err != nil {
		need.Skip(t, "no small disk can be mounted", err.Error())
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, 0) })
	write(t, filepath.Join(dir, "ballast"), make([]byte, 56<<10))
	_, err := store.Open(store.Options{Path: filepath.Join(dir, "state.db")})
	if !errors.Is(err, store.ErrFull) || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("error is %v", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 {
		t.Errorf("the directory holds %v", entries)
	}
	remove(t, filepath.Join(dir, "ballast"))
}

func TestMaxSize(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	const limit = 4 << 20
	s, err := store.Open(store.Options{Path: path, MaxSize: limit})
	if err != nil {
		t.Fatal(err)
	}
	last, err := fillUp(t, s)
	if !errors.Is(err, store.ErrFull) || !errors.Is(err, bolterrors.ErrMaxSizeReached) {
		t.Fatalf("error is %v", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > limit {
		t.Errorf("the file has %d bytes, the limit is %d", info.Size(), limit)
	}
	if n := count(t, s); n != last {
		t.Errorf("%d runs can be read, %d were acknowledged", n, last)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openAt(t, store.Options{Path: path, MaxSize: 2 * limit})
	if r := create(t, s, "net", store.KindManual); r.ID != last+1 {
		t.Errorf("the next run is #%d, want #%d", r.ID, last+1)
	}
}

// TestMaxSizeDeleting: room inside the file is used again. Five times 1.5 MiB would not fit below the limit otherwise.
func TestMaxSizeDeleting(t *testing.T) {
	s := openAt(t, store.Options{Path: filepath.Join(t.TempDir(), "state.db"), MaxSize: 4 << 20})
	const records, rounds = 24, 5
	for range rounds {
		for _, v := range []any{noise(t, 64<<10), nil} {
			for n := range records {
				if err := s.Update(func(tx *store.Tx) error { return tx.PutSetting(fmt.Sprint("text/", n), v) }); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	create(t, s, "ghe", store.KindManual)
}
