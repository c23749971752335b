package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"sallyport/store"
)

func TestOpenCreates(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "state.db")
	// A crash while the store was being made leaves this.
	if err := os.WriteFile(path+".new", []byte("half a store"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := openAt(t, store.Options{Path: path})
	if s.Path() != path {
		t.Errorf("path is %s", s.Path())
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != 0o600 {
		t.Errorf("mode is %v", info.Mode())
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 {
		t.Errorf("the directory holds %v", entries)
	}
}

func TestOpenRemovesLeftOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	if err := openAt(t, store.Options{Path: path}).Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".new", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	openAt(t, store.Options{Path: path})
	if _, err := os.Stat(path + ".new"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the left-over is still there: %v", err)
	}
}

func TestOpenTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	results := make(chan error)
	for range 8 {
		go func() {
			s, err := store.Open(store.Options{Path: path, Timeout: time.Minute})
			if err == nil {
				err = s.Update(func(tx *store.Tx) error {
					return tx.CreateRun(&store.Run{Stack: "ghe", Kind: store.KindPullRequest})
				})
				err = errors.Join(err, s.Close())
			}
			results <- err
		}()
	}
	for range 8 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	view(t, openAt(t, store.Options{Path: path}), func(tx *store.Tx) error {
		runs, err := tx.OpenRuns()
		if len(runs) != 8 {
			t.Errorf("%d runs, want 8: two openers made two stores", len(runs))
		}
		return err
	})
}

func TestOpenErrors(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(t *testing.T, path string)
		options store.Options
		want    error
		text    string
	}{
		{name: "read-only and missing", options: store.Options{ReadOnly: true}, want: fs.ErrNotExist},
		{name: "directory missing", prepare: func(t *testing.T, path string) { remove(t, filepath.Dir(path)) }, want: fs.ErrNotExist},
		{name: "empty file", prepare: func(t *testing.T, path string) { write(t, path, nil) }, want: store.ErrDamaged, text: "empty"},
		{name: "empty file read-only", prepare: func(t *testing.T, path string) { write(t, path, nil) }, options: store.Options{ReadOnly: true}, want: store.ErrDamaged},
		{name: "a few bytes", prepare: func(t *testing.T, path string) { write(t, path, []byte("hello")) }, want: store.ErrDamaged},
		{name: "not a store", prepare: func(t *testing.T, path string) { write(t, path, bytes.Repeat([]byte("x"), 1<<16)) }, want: store.ErrDamaged},
		{
			name: "somebody else's bbolt file",
			prepare: func(t *testing.T, path string) {
				edit(t, path, func(tx *bbolt.Tx) error {
					_, err := tx.CreateBucket([]byte("theirs"))
					return err
				})
			},
			want: store.ErrDamaged, text: "meta",
		},
		{name: "negative timeout", options: store.Options{Timeout: -1}, text: "negative"},
		{name: "a directory", prepare: func(t *testing.T, path string) { mkdir(t, path) }, text: "is a directory"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.options.Path = filepath.Join(t.TempDir(), "data", "state.db")
			mkdir(t, filepath.Dir(tt.options.Path))
			if tt.prepare != nil {
				tt.prepare(t, tt.options.Path)
			}
			s, err := store.Open(tt.options)
			if err == nil {
				_ = s.Close()
				t.Fatal("it opened")
			}
			if tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("error is %v, want %v", err, tt.want)
			}
			if !strings.Contains(err.Error(), tt.text) {
				t.Errorf("error %q does not say %q", err, tt.text)
			}
		})
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func mkdir(t *testing.T, path string) {
	t.Helper()
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
}

func TestOpenWithoutPath(t *testing.T) {
	if _, err := store.Open(store.Options{}); err == nil {
		t.Error("a store without a path opened")
	}
}

func TestOpenNewerSchema(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s, err := store.Open(store.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	edit(t, path, func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("meta")).Put([]byte("schema"), sealed(`{"version":7}`))
	})
	for _, readOnly := range []bool{false, true} {
		_, err := store.Open(store.Options{Path: path, ReadOnly: readOnly})
		var newer *store.SchemaError
		if !errors.Is(err, store.ErrNewerSchema) || !errors.As(err, &newer) {
			t.Fatalf("error is %v", err)
		}
		if want := (store.SchemaError{Have: 7, Known: 3}); *newer != want {
			t.Errorf("error has %+v, want %+v", *newer, want)
		}
	}
	if err := store.Check(path); !errors.Is(err, store.ErrNewerSchema) {
		t.Errorf("check says %v", err)
	}
}

func TestLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	c := startChild(t, "hold", path)
	if !c.out.Scan() || c.out.Text() != "held" {
		t.Fatalf("the child says %q", c.out.Text())
	}
	for _, readOnly := range []bool{false, true} {
		_, err := store.Open(store.Options{Path: path, ReadOnly: readOnly, Timeout: 60 * time.Millisecond})
		var locked *store.LockedError
		if !errors.Is(err, store.ErrLocked) || !errors.As(err, &locked) {
			t.Fatalf("error is %v", err)
		}
		exe, _ := os.Executable()
		want := &store.LockedError{Path: path, PID: c.cmd.Process.Pid, Command: locked.Command}
		if diff := cmp.Diff(want, locked); diff != "" {
			t.Errorf("error differs (-want +got):\n%s", diff)
		}
		if !strings.HasPrefix(locked.Command, filepath.Base(exe)) {
			t.Errorf("command is %q", locked.Command)
		}
		if text := fmt.Sprintf("process %d", locked.PID); !strings.Contains(err.Error(), text) {
			t.Errorf("error %q does not say %q", err, text)
		}
	}
	_ = c.stdin.Close()
	if err := c.cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	openAt(t, store.Options{Path: path})
}

func TestReadOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s, err := store.Open(store.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	run := create(t, s, "ghe", store.KindManual)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	// Several readers at a time, while nobody writes.
	for range 2 {
		s := openAt(t, store.Options{Path: path, ReadOnly: true})
		view(t, s, func(tx *store.Tx) error {
			got, err := tx.Run(run.ID)
			if diff := cmp.Diff(run, got); diff != "" {
				t.Errorf("run differs (-want +got):\n%s", diff)
			}
			return err
		})
		if err := s.Update(func(tx *store.Tx) error { return nil }); err == nil {
			t.Error("a read-only store was written")
		}
	}
}
