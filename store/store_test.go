package store_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"sallyport/agent/need"
	"sallyport/store"
)

// childEnv makes the test binary another process that uses the store: the value is what it does.
const childEnv = "STORE_TEST_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(childEnv) {
	case "":
		os.Exit(need.Main(m))
	case "hold":
		exitWith(holdStore(os.Args[1]))
	case "write":
		exitWith(writeForever(os.Args[1]))
	case "migrate":
		exitWith(migrateHalf(os.Args[1]))
	}
}

func exitWith(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// holdStore keeps a store open until its input ends.
func holdStore(path string) error {
	s, err := store.Open(store.Options{Path: path})
	if err != nil {
		return err
	}
	fmt.Println("held")
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	return s.Close()
}

// A child is the test binary in another role.
type child struct {
	cmd   *exec.Cmd
	stdin io.Closer
	out   *bufio.Scanner
}

func startChild(t *testing.T, role, path string) *child {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, path)
	cmd.Env = append(os.Environ(), childEnv+"="+role)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return &child{cmd: cmd, stdin: in, out: bufio.NewScanner(out)}
}

// A clock is a time that stands until it is moved.
type clock struct{ t time.Time }

func newClock() *clock                   { return &clock{time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }
func (c *clock) now() time.Time          { return c.t }
func (c *clock) advance(d time.Duration) { c.t = c.t.Add(d) }

// open opens a new store that is closed and checked when the test ends.
func open(t testing.TB) (*store.Store, *clock) {
	t.Helper()
	c := newClock()
	s := openAt(t, store.Options{Path: filepath.Join(t.TempDir(), "state.db"), Now: c.now})
	return s, c
}

func openAt(t testing.TB, o store.Options) *store.Store {
	t.Helper()
	s, err := store.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := store.Check(o.Path); err != nil {
			t.Error(err)
		}
	})
	return s
}

func update(t testing.TB, s *store.Store, fn func(*store.Tx) error) {
	t.Helper()
	if err := s.Update(fn); err != nil {
		t.Fatal(err)
	}
}

func view(t testing.TB, s *store.Store, fn func(*store.Tx) error) {
	t.Helper()
	if err := s.View(fn); err != nil {
		t.Fatal(err)
	}
}

// create stores a new run and returns it.
func create(t testing.TB, s *store.Store, stack string, kind store.Kind) *store.Run {
	t.Helper()
	r := &store.Run{Stack: stack, Repository: "infra", Kind: kind, Commit: "c0ffee"}
	update(t, s, func(tx *store.Tx) error { return tx.CreateRun(r) })
	return r
}

// edit changes a closed store's file behind the back of the package.
func edit(t testing.TB, path string, fn func(*bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(fn), db.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestUpdateKeepsErrors(t *testing.T) {
	s, _ := open(t)
	mine := errors.New("mine")
	err := s.Update(func(tx *store.Tx) error {
		if err := tx.PutRepository(&store.RepositoryState{Name: "infra"}); err != nil {
			return err
		}
		return mine
	})
	if err != mine { //nolint:errorlint // it must be the very same
		t.Errorf("error is %v", err)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_ = s.Update(func(tx *store.Tx) error { panic("a bug") })
	}()
	view(t, s, func(tx *store.Tx) error {
		all, err := tx.Repositories()
		if len(all) != 0 {
			t.Errorf("a failed update was kept: %v", all)
		}
		return err
	})
	create(t, s, "ghe", store.KindManual) // a panic must not keep the writer's lock
}

// TestUnchangedWritesNothing: an idle agent's passes must not wear out the disk.
func TestUnchangedWritesNothing(t *testing.T) {
	s, _ := open(t)
	put := func(tx *store.Tx) error {
		return tx.PutRepository(&store.RepositoryState{Name: "infra", Head: "c0ffee"})
	}
	update(t, s, put)
	before, err := os.ReadFile(s.Path())
	if err != nil {
		t.Fatal(err)
	}
	update(t, s, put)
	after, err := os.ReadFile(s.Path())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before, after) {
		t.Error("an update that changed nothing wrote the file")
	}
}

func TestEndedTransaction(t *testing.T) {
	s, _ := open(t)
	var kept *store.Tx
	view(t, s, func(tx *store.Tx) error { kept = tx; return nil })
	if _, err := kept.Run(1); err == nil || errors.Is(err, store.ErrDamaged) {
		t.Errorf("error is %v", err)
	}
}

func TestWriteTo(t *testing.T) {
	s, _ := open(t)
	create(t, s, "ghe", store.KindManual)
	path := filepath.Join(t.TempDir(), "copy.db")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		for range 50 {
			if err := s.Update(func(tx *store.Tx) error { return tx.AddEvent(store.Event{Type: "start"}) }); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	n, err := s.WriteTo(f)
	if err := errors.Join(err, f.Close(), <-done); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() != n {
		t.Errorf("%d bytes were written, it says %d", info.Size(), n)
	}
	view(t, openAt(t, store.Options{Path: path}), func(tx *store.Tx) error {
		_, err := tx.Run(1)
		return err
	})
}
