package rescue_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/agent/datadir"
	"sallyport/agent/need"
	"sallyport/agent/rescue"
	"sallyport/store"
)

// The test binary is also the child that checks a store.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == rescue.Verb {
		need.Exit(rescue.Main(os.Args[2:], os.Stderr))
	}
	os.Exit(need.Main(m))
}

// at is a time of the tests.
func at(minute int) time.Time { return time.Date(2026, 3, 1, 3, minute, 0, 0, time.UTC) }

// cellar is a data directory with a store.
type cellar struct {
	t    *testing.T
	dir  string
	opts rescue.Options
}

func newCellar(t *testing.T) *cellar {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	return &cellar{t: t, dir: dir, opts: rescue.Options{
		DataDir: dir, StorePath: filepath.Join(dir, "sallyport.db"), Checker: rescue.Child{Executable: exe},
		Now: func() time.Time { return at(30) }, Log: slog.New(slog.DiscardHandler),
		LastRun: func() (int, error) { return 0, nil },
	}}
}

// with changes the store at a time.
func (c *cellar) with(now time.Time, f func(*store.Tx) error) {
	c.t.Helper()
	s, err := store.Open(store.Options{Path: c.opts.StorePath, Now: func() time.Time { return now }})
	if err != nil {
		c.t.Fatal(err)
	}
	if err := errors.Join(s.Update(f), s.Close()); err != nil {
		c.t.Fatal(err)
	}
}

// look reads the store.
func (c *cellar) look(f func(*store.Tx) error) {
	c.t.Helper()
	s, err := store.Open(store.Options{Path: c.opts.StorePath, ReadOnly: true})
	if err != nil {
		c.t.Fatal(err)
	}
	if err := errors.Join(s.View(f), s.Close()); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cellar) snapshot(now time.Time) rescue.Snapshot {
	c.t.Helper()
	s, err := store.Open(store.Options{Path: c.opts.StorePath})
	if err != nil {
		c.t.Fatal(err)
	}
	taken, err := rescue.TakeSnapshot(context.Background(), c.opts.Checker, s, c.dir, now)
	if err := errors.Join(err, s.Close()); err != nil {
		c.t.Fatal(err)
	}
	return taken
}

func run(stack string) func(*store.Tx) error {
	return func(tx *store.Tx) error { return tx.CreateRun(&store.Run{Stack: stack, Kind: store.KindManual}) }
}

// damages are what a disk does to a file, by name.
var damages = map[string]func(b []byte) []byte{
	"cut short":         func(b []byte) []byte { return b[:len(bytes.TrimRight(b, "\x00"))/2] },
	"cut to one page":   func(b []byte) []byte { return b[:os.Getpagesize()] },
	"empty":             func([]byte) []byte { return nil },
	"both metas zeroed": func(b []byte) []byte { clear(b[:2*os.Getpagesize()]); return b },
	"not a store":       func([]byte) []byte { return bytes.Repeat([]byte("no store at all "), 4096) },
	"a record changed": func(b []byte) []byte {
		i := bytes.Index(b, []byte(`"stack":"second"`))
		b[i+10] ^= 4
		return b
	},
}

func (c *cellar) damage(path string, how func([]byte) []byte) []byte {
	c.t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		c.t.Fatal(err)
	}
	b = how(b)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		c.t.Fatal(err)
	}
	return b
}

func TestRestoresSnapshot(t *testing.T) {
	for name, how := range damages {
		t.Run(name, func(t *testing.T) {
			c := newCellar(t)
			c.with(at(0), run("first"))
			c.with(at(1), run("second"))
			taken := c.snapshot(at(10))
			c.with(at(11), run("third"))
			broken := c.damage(c.opts.StorePath, how)

			r, err := rescue.Store(context.Background(), c.opts)
			if err != nil || r == nil {
				t.Fatalf("report %v, error %v", r, err)
			}
			if kept, err := os.ReadFile(r.Damaged); err != nil || !bytes.Equal(kept, broken) {
				t.Errorf("the damaged file is not kept as it was: %v", err)
			}
			if r.Snapshot != taken.Path || !r.SnapshotAt.Equal(at(10)) || len(r.Skipped) != 0 || len(r.Ended) != 2 {
				t.Errorf("report %+v", r)
			}
			c.look(func(tx *store.Tx) error {
				s, err := tx.Agent()
				if err != nil || s.Paused == nil || s.Paused.By != "agent" || !strings.Contains(s.Paused.Reason, r.Damaged) || !strings.Contains(s.Paused.Reason, "03:10:00 UTC") {
					t.Errorf("pause %+v, %v", s.Paused, err)
				}
				outbox, err := tx.Outbox()
				if err != nil || len(outbox) != 1 || outbox[0].Kind != store.MessageNote || !strings.Contains(outbox[0].Text, "sallyport resume") || !strings.Contains(outbox[0].Text, "#1, #2") {
					t.Errorf("outbox %+v, %v", outbox, err)
				}
				if next, err := tx.NextRun(); err != nil || next != 1003 {
					t.Errorf("the next run is #%d, %v", next, err)
				}
				return nil
			})
			if again, err := rescue.Store(context.Background(), c.opts); again != nil || err != nil {
				t.Errorf("a good store was restored again: %+v, %v", again, err)
			}
		})
	}
}

// Snapshots can be damaged too: the next older one is taken, and every file stays where it can be looked at.
func TestSkipsBadSnapshots(t *testing.T) {
	c := newCellar(t)
	c.with(at(0), run("first"))
	older := c.snapshot(at(5))
	c.with(at(6), run("second"))
	newer := c.snapshot(at(10))
	c.damage(newer.Path, damages["cut short"])
	c.damage(c.opts.StorePath, damages["cut short"])
	r, err := rescue.Store(context.Background(), c.opts)
	if err != nil {
		t.Fatal(err)
	}
	if r.Snapshot != older.Path || len(r.Skipped) != 1 || r.Skipped[0] != newer.Path {
		t.Errorf("report %+v", r)
	}
	for _, path := range []string{older.Path, newer.Path, r.Damaged} {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
}

func TestBeginsAnewWithoutSnapshot(t *testing.T) {
	c := newCellar(t)
	c.with(at(0), run("first"))
	c.damage(c.opts.StorePath, damages["both metas zeroed"])
	c.opts.LastRun = func() (int, error) { return 41, nil }
	r, err := rescue.Store(context.Background(), c.opts)
	if err != nil || r.Snapshot != "" {
		t.Fatalf("report %+v, %v", r, err)
	}
	c.look(func(tx *store.Tx) error {
		s, err := tx.Agent()
		if err != nil || s.Paused == nil || !strings.Contains(s.Paused.Reason, "new store") {
			t.Errorf("agent %+v, %v", s, err)
		}
		if next, err := tx.NextRun(); err != nil || next != 1042 {
			t.Errorf("the next run is #%d, %v: numbers that were given before are given again", next, err)
		}
		return nil
	})
}

// What is no damage is left alone, and says what it is.
func TestLeavesAlone(t *testing.T) {
	t.Run("locked", func(t *testing.T) {
		c := newCellar(t)
		s, err := store.Open(store.Options{Path: c.opts.StorePath})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if _, err := rescue.Store(context.Background(), c.opts); !errors.Is(err, store.ErrLocked) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("missing", func(t *testing.T) {
		c := newCellar(t)
		if r, err := rescue.Store(context.Background(), c.opts); r != nil || err != nil {
			t.Errorf("report %+v, %v", r, err)
		}
		if _, err := os.Stat(c.opts.StorePath); !errors.Is(err, fs.ErrNotExist) {
			t.Error("a store was made")
		}
	})
	t.Run("unreadable", func(t *testing.T) {
		if os.Geteuid() == 0 {
			need.Skip(t, "this is root", "root reads everything")
		}
		c := newCellar(t)
		c.with(at(0), run("first"))
		if err := os.Chmod(c.opts.StorePath, 0); err != nil {
			t.Fatal(err)
		}
		if _, err := rescue.Store(context.Background(), c.opts); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("a check that somebody kills", func(t *testing.T) {
		c := newCellar(t)
		c.with(at(0), run("first"))
		c.opts.Checker = rescue.Child{Executable: script(t, "kill -KILL $$")}
		r, err := rescue.Store(context.Background(), c.opts)
		if r != nil || err == nil || errors.Is(err, store.ErrDamaged) {
			t.Errorf("report %+v, %v", r, err)
		}
		if _, err := os.Stat(c.opts.StorePath); err != nil {
			t.Error(err)
		}
	})
}

func script(t *testing.T, line string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "check")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+line+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// A check that dies of a fault, or does not end, is damage.
func TestCheckDies(t *testing.T) {
	c := newCellar(t)
	c.with(at(0), run("first"))
	for name, line := range map[string]string{
		"a fault": "kill -BUS $$", "a panic": "echo 'panic: broken'; exit 2", "no end": "exec sleep 60",
	} {
		t.Run(name, func(t *testing.T) {
			checker := rescue.Child{Executable: script(t, line), Timeout: 500 * time.Millisecond}
			if err := checker.Check(context.Background(), c.opts.StorePath); !errors.Is(err, store.ErrDamaged) {
				t.Errorf("error %v", err)
			}
		})
	}
}

// A kill in the middle of a rescue leaves one of these; the next start does the rest.
func TestGoesOnAfterKill(t *testing.T) {
	for name, leave := range map[string]func(t *testing.T, c *cellar){
		"noted": func(*testing.T, *cellar) {},
		"moved": func(t *testing.T, c *cellar) {
			rename(t, c.opts.StorePath, filepath.Join(datadir.Quarantine(c.dir), "aside.db"))
		},
		"half copied": func(t *testing.T, c *cellar) {
			rename(t, c.opts.StorePath, filepath.Join(datadir.Quarantine(c.dir), "aside.db"))
			if err := os.WriteFile(c.opts.StorePath+".rescue", []byte("half"), 0o600); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCellar(t)
			c.with(at(0), run("first"))
			taken := c.snapshot(at(10))
			c.damage(c.opts.StorePath, damages["cut short"])
			note := `{"at":"2026-03-01T03:20:00Z","why":"it was cut","damaged":"` + filepath.Join(datadir.Quarantine(c.dir), "aside.db") + `"}`
			if err := os.MkdirAll(datadir.Quarantine(c.dir), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(datadir.Quarantine(c.dir), "rescue.json"), []byte(note), 0o600); err != nil {
				t.Fatal(err)
			}
			leave(t, c)
			r, err := rescue.Store(context.Background(), c.opts)
			if err != nil || r == nil || r.Snapshot != taken.Path || r.Damaged == "" {
				t.Fatalf("report %+v, %v", r, err)
			}
			if _, err := os.Stat(r.Damaged); err != nil {
				t.Error(err)
			}
			c.look(func(tx *store.Tx) error {
				outbox, err := tx.Outbox()
				if err != nil || len(outbox) != 1 {
					t.Errorf("%d messages, %v", len(outbox), err)
				}
				return nil
			})
			for _, left := range []string{c.opts.StorePath + ".rescue", filepath.Join(datadir.Quarantine(c.dir), "rescue.json")} {
				if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s is left: %v", left, err)
				}
			}
		})
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// A store that is gone from a directory with snapshots was lost: nobody wants to begin with an empty one unasked.
func TestLostStore(t *testing.T) {
	c := newCellar(t)
	c.with(at(0), run("first"))
	c.snapshot(at(10))
	if err := os.Remove(c.opts.StorePath); err != nil {
		t.Fatal(err)
	}
	r, err := rescue.Store(context.Background(), c.opts)
	if err != nil || r == nil || r.Damaged != "" || r.Snapshot == "" {
		t.Fatalf("report %+v, %v", r, err)
	}
}
