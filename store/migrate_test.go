package store_test

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
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
