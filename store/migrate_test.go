package store_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"sallyport/store"
)

// schema1 is a store as the first version of the program wrote it.
func schema1(t *testing.T) string {
	t.Helper()
	f, err := os.Open("testdata/schema-1.db.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "state.db")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAnOlderStoreIsBroughtForward(t *testing.T) {
	path := schema1(t)
	older := store.CopyBefore(path, 0)
	if err := os.WriteFile(older, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := openAt(t, store.Options{Path: path})
	view(t, s, func(tx *store.Tx) error {
		run, err := tx.Run(1)
		if err != nil || run.Stack != "ghe" || run.Status != store.NoChanges {
			t.Errorf("run #1: %+v, %v", run, err)
		}
		if text, err := tx.PlanText(1); err != nil || text != "No changes." {
			t.Errorf("its plan: %q, %v", text, err)
		}
		n, err := tx.VerifyHistory()
		if n != 4 {
			t.Errorf("%d entries in its history", n)
		}
		return err
	})
	if next := create(t, s, "ghe", store.KindManual); next.ID != 3 {
		t.Errorf("the next run is #%d", next.ID)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := store.Check(path); err != nil {
		t.Error(err)
	}
	kept := store.CopyBefore(path, 1)
	if err := store.Check(kept); err != nil {
		t.Error("the copy of before: ", err)
	}
	if version(t, kept) == version(t, path) {
		t.Error("the copy is not of before")
	}
	if _, err := os.Stat(older); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the copy of an earlier time is still there: %v", err)
	}
}

// A reader, and whoever checks, leaves the file as it is.
func TestAnOlderStoreIsReadAsItIs(t *testing.T) {
	path := schema1(t)
	before := version(t, path)
	if err := store.Check(path); err != nil {
		t.Error(err)
	}
	s := openAt(t, store.Options{Path: path, ReadOnly: true})
	view(t, s, func(tx *store.Tx) error {
		_, err := tx.Run(2)
		return err
	})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if version(t, path) != before {
		t.Error("reading it brought it forward")
	}
}

// Without room for the copy nothing is brought forward.
func TestNothingIsBroughtForwardWithoutACopy(t *testing.T) {
	path := schema1(t)
	before := version(t, path)
	if err := os.Mkdir(store.CopyBefore(path, 1)+".new", 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(store.Options{Path: path}); err == nil {
		t.Error("it was opened")
	}
	if version(t, path) != before {
		t.Error("it was brought forward")
	}
}

func TestANewerSchemaSaysHowToGoBack(t *testing.T) {
	path := schema1(t)
	if err := openAt(t, store.Options{Path: path}).Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "newer.db")
	write(t, path, whole)
	now := version(t, path)
	edit(t, path, func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("meta")).Put([]byte("schema"), sealed(`{"version":99}`))
	})
	hint := func() string {
		_, err := store.Open(store.Options{Path: path})
		var newer *store.SchemaError
		if !errors.Is(err, store.ErrNewerSchema) || !errors.As(err, &newer) {
			t.Fatalf("opening it: %v", err)
		}
		return newer.UserHint()
	}
	if text := hint(); strings.Contains(text, "mv") || !strings.Contains(text, "newer version") {
		t.Errorf("without a copy: %q", text)
	}
	kept := store.CopyBefore(path, now)
	if err := os.WriteFile(kept, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if text := hint(); !strings.Contains(text, "mv "+kept+" "+path) {
		t.Errorf("with a copy: %q", text)
	}
}

// later are steps as later versions of the program might have them: each marks the store.
func later(before func(step int)) map[int]func(*store.Tx) error {
	step := func(n int) func(*store.Tx) error {
		return func(tx *store.Tx) error {
			var marks []int
			if _, err := tx.Setting("steps", &marks); err != nil {
				return err
			}
			if err := tx.PutSetting("steps", append(marks, n)); err != nil {
				return err
			}
			before(n)
			return nil
		}
	}
	return map[int]func(*store.Tx) error{1: step(1), 2: step(2), 3: step(3)}
}

// migrateHalf takes the first step, and never comes back from the second.
func migrateHalf(path string) error {
	return store.Migrate(path, 4, later(func(step int) {
		if step == 2 {
			fmt.Println("in the second step")
			_, _ = io.Copy(io.Discard, os.Stdin) // until it is killed
		}
	}))
}

// A program that dies in the middle leaves a whole store: what was done is not done again, and the copy to go back to is
// that of before the first step.
func TestKillBringingForward(t *testing.T) {
	path := schema1(t)
	c := startChild(t, "migrate", path)
	if !c.out.Scan() {
		t.Fatal("the child ended")
	}
	if err := c.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.cmd.Wait() // it was killed
	if v := version(t, path); v != 2 {
		t.Errorf("after one step of three the store has schema %d", v)
	}
	first, err := os.ReadFile(store.CopyBefore(path, 1))
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Migrate(path, 4, later(func(int) {})); err != nil {
		t.Fatal(err)
	}
	if v := version(t, path); v != 4 {
		t.Errorf("at the end it has schema %d", v)
	}
	if now, err := os.ReadFile(store.CopyBefore(path, 1)); err != nil || !bytes.Equal(first, now) {
		t.Errorf("the copy of before the first step is another one, or gone: %v", err)
	}
	if _, err := os.Stat(store.CopyBefore(path, 2)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is a copy of a schema that nobody worked with: %v", err)
	}
	// As the program that knows schema 4 would read it.
	edit(t, path, func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("meta")).Put([]byte("schema"), sealed(`{"version":3}`))
	})
	if err := store.Check(path); err != nil {
		t.Error(err)
	}
	view(t, openAt(t, store.Options{Path: path}), func(tx *store.Tx) error {
		var marks []int
		_, err := tx.Setting("steps", &marks)
		if !slices.Equal(marks, []int{1, 2, 3}) {
			t.Errorf("the steps taken are %v", marks)
		}
		return err
	})
}

// Each time that a store is brought forward has a copy of its own.
func TestEachTimeHasItsCopy(t *testing.T) {
	path := schema1(t)
	for _, to := range []int{2, 3} {
		if err := store.Migrate(path, to, later(func(int) {})); err != nil {
			t.Fatal(err)
		}
	}
	if v := version(t, store.CopyBefore(path, 2)); v != 2 {
		t.Errorf("the copy of before the second time has schema %d", v)
	}
	if _, err := os.Stat(store.CopyBefore(path, 1)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the copy of the first time is still there: %v", err)
	}
}

// version is the schema that a closed file says it has.
func version(t *testing.T, path string) int {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var schema struct {
		Version int `json:"version"`
	}
	err = db.View(func(tx *bbolt.Tx) error {
		return json.Unmarshal(tx.Bucket([]byte("meta")).Get([]byte("schema"))[5:], &schema)
	})
	if err != nil {
		t.Fatal(err)
	}
	return schema.Version
}
