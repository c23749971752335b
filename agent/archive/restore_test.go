package archive

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"sallyport/agent/datadir"
	"sallyport/agent/datadir/datadirtest"
	"sallyport/agent/hint"
	"sallyport/store"
)

func TestBackupAndRestore(t *testing.T) {
	dir, s := datadirtest.New(t)
	manual := store.Run{Kind: store.KindManual}
	commit := store.Run{Kind: store.KindCommit, Commit: "c1"}
	of := func(r store.Run, stack string) store.Run { r.Stack = stack; return r }
	want := map[int]store.Status{
		datadirtest.Run(t, s, of(commit, "done"), store.Planning, store.NoChanges):                            store.NoChanges,
		datadirtest.Run(t, s, of(manual, "a")):                                                                store.Canceled,
		datadirtest.Run(t, s, of(manual, "b"), store.Planning):                                                store.Canceled,
		datadirtest.Run(t, s, of(commit, "c"), store.Planning, store.Planned):                                 store.Stale,
		datadirtest.Run(t, s, of(manual, "d"), store.Planning, store.Planned, store.Approved):                 store.Stale,
		datadirtest.Run(t, s, of(manual, "e"), store.Planning, store.Planned, store.Approved, store.Applying): store.Interrupted,
	}
	datadirtest.Update(t, s, func(tx *store.Tx) error {
		_, err := tx.ChangeRun(4, func(r *store.Run) error { r.Card = &store.Card{Channel: "C", TS: "1"}; return nil })
		return errors.Join(err, tx.Enqueue(store.Message{Kind: store.MessageNote, Key: "told already"}), tx.PutAgent(&store.AgentState{ID: "old"}))
	})
	datadirtest.WriteFile(t, filepath.Join(dir, "state", "ghe", "terraform.tfstate"), `{"serial": 3}`)
	datadirtest.WriteFile(t, filepath.Join(dir, "state", "ghe", "env", "blue", "terraform.tfstate"), `{"serial": 4}`)
	datadirtest.WriteFile(t, filepath.Join(dir, "state", "ghe", ".terraform.tfstate.lock.info"), `{}`)
	datadirtest.WriteFile(t, filepath.Join(dir, "states", "ghe", "0001.tfstate.zst"), "copy")
	datadirtest.WriteFile(t, filepath.Join(dir, "runs", "3", "plan.tfplan"), "secret and large")

	var archive bytes.Buffer
	if err := Write(&archive, Source{DataDir: dir, Store: s, Now: func() time.Time { return datadirtest.At(5) }}); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".backup-*")); err != nil || len(left) > 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
	to := filepath.Join(t.TempDir(), "new")
	done, err := Restore(RestoreOptions{DataDir: to, Archive: &archive, By: "cli:jane", Now: func() time.Time { return datadirtest.At(6) }})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Restored{BackupAt: datadirtest.At(5), Files: 3, Ended: []int{2, 3, 4, 5, 6}, NextRun: 1007}, done); diff != "" {
		t.Error(diff)
	}
	checkFiles(t, to, []string{
		"sallyport.db 0600", "state 0700", "state/ghe 0700", "state/ghe/env 0700", "state/ghe/env/blue 0700",
		"state/ghe/env/blue/terraform.tfstate 0600", "state/ghe/terraform.tfstate 0600",
		"states 0700", "states/ghe 0700", "states/ghe/0001.tfstate.zst 0600",
	})
	if err := store.Check(datadir.Store(to)); err != nil {
		t.Error(err)
	}
	checkRestored(t, to, want)
}

// checkFiles compares what lies in a directory, with its modes.
func checkFiles(t *testing.T, dir string, want []string) {
	t.Helper()
	var got []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := d.Info()
		rel, _ := filepath.Rel(dir, path)
		got = append(got, fmt.Sprintf("%s %04o", rel, info.Mode().Perm()))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func checkRestored(t *testing.T, dir string, want map[int]store.Status) {
	t.Helper()
	s, err := store.Open(store.Options{Path: datadir.Store(dir)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	err = s.Update(func(tx *store.Tx) error {
		for id, status := range want {
			r, err := tx.Run(id)
			if err != nil {
				return err
			}
			if r.Status != status || status != store.NoChanges && !strings.Contains(r.Error, "restored from a backup") {
				t.Errorf("#%d is %s (%s), want %s", id, r.Status, r.Error, status)
			}
		}
		messages, err := tx.Outbox()
		if err != nil || len(messages) != 1 || messages[0].Kind != store.MessageCard || messages[0].Run != 4 {
			t.Errorf("the outbox holds %d messages, want the card of #4 to be edited: %v", len(messages), err)
		}
		if agent, err := tx.Agent(); err != nil || agent.ID != "" {
			t.Errorf("the restored agent would go by the name of the old one, which may still run: %+v, %v", agent, err)
		}
		c, err := tx.Stack("c")
		if err != nil || c.LastCommitCommit != "" {
			t.Errorf("the commit that nobody answered for is forgotten: %+v, %v", c, err)
		}
		events, err := tx.Events(store.EventFilter{Limit: 1})
		if err != nil || len(events) != 1 || events[0].Type != "restore" || events[0].By != "cli:jane" {
			t.Errorf("the history ends with %+v, %v", events, err)
		}
		next := &store.Run{Stack: "a", Kind: store.KindManual}
		if err := tx.CreateRun(next); err != nil || next.ID != 1007 {
			t.Errorf("the next run is #%d, %v", next.ID, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// entry is one file of a made-up archive.
type entry struct {
	name, text string
	kind       byte
}

func archiveOf(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	z, err := zstd.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(z)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Typeflag: tar.TypeReg, Size: int64(len(e.text)), Mode: 0o777}
		if e.kind != 0 {
			h.Typeflag, h.Linkname, h.Size = e.kind, "/etc", 0
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if e.kind == 0 {
			if _, err := io.WriteString(w, e.text); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestRestoreRefuses(t *testing.T) {
	dir, s := datadirtest.New(t)
	datadirtest.WriteFile(t, filepath.Join(dir, "state", "x", "terraform.tfstate"), `{}`)
	var whole bytes.Buffer
	if err := Write(&whole, Source{DataDir: dir, Store: s}); err != nil {
		t.Fatal(err)
	}
	db, err := os.ReadFile(datadir.Store(dir))
	if err != nil {
		t.Fatal(err)
	}
	head := entry{name: manifestFile, text: `{"format":1}`}
	good := entry{name: datadir.Store(""), text: string(db)}
	for _, tc := range []struct {
		name    string
		archive []byte
		want    string
	}{
		{"cut short", whole.Bytes()[:whole.Len()-20], "reading the backup"},
		{"something else", []byte("#!/bin/sh\n"), "reading the backup"},
		{"nothing", nil, "reading the backup"},
		{"another archive", archiveOf(t, entry{name: "etc/passwd", text: "x"}), "not a backup"},
		{"a newer format", archiveOf(t, entry{name: manifestFile, text: `{"format":9}`}), "format 9"},
		{"no store", archiveOf(t, head), "no store"},
		{"a damaged store", archiveOf(t, head, entry{name: datadir.Store(""), text: string(db[:5000])}), "checking the store"},
		{"a name that leads out", archiveOf(t, head, good, entry{name: "state/../../evil", text: "x"}), "plain name"},
		{"an absolute name", archiveOf(t, head, good, entry{name: "/etc/cron.d/evil", text: "x"}), "does not belong"},
		{"a link", archiveOf(t, head, good, entry{name: "state/x", kind: tar.TypeSymlink}), "plain file"},
		{"a name twice", archiveOf(t, head, good, good), "exists"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			to := t.TempDir()
			_, err := Restore(RestoreOptions{DataDir: to, Archive: bytes.NewReader(tc.archive), By: "cli:jane"})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error is %v, want %q", err, tc.want)
			}
			if left, err := os.ReadDir(to); err != nil || len(left) > 0 {
				t.Errorf("left over: %v, %v", left, err)
			}
		})
	}
	var refusal *hint.Refusal
	if _, err := Restore(RestoreOptions{DataDir: dir, Archive: &whole}); !errors.As(err, &refusal) || hint.Of(err) == "" {
		t.Errorf("a directory that is not empty: %v", err)
	}
}

func TestRestoreAfterARestoreThatWasKilled(t *testing.T) {
	dir, s := datadirtest.New(t)
	var b bytes.Buffer
	if err := Write(&b, Source{DataDir: dir, Store: s}); err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	datadirtest.WriteFile(t, filepath.Join(to, stagingDir, "state", "half"), "x")
	if _, err := Restore(RestoreOptions{DataDir: to, Archive: &b}); err != nil {
		t.Fatal(err)
	}
	checkFiles(t, to, []string{"sallyport.db 0600"})
}

// What terraform runs may put anything in the place of its state: no backup waits for a pipe, follows a link, or reads a sparse
// file to its end.
func TestBackupOfWhatIsNoState(t *testing.T) {
	dir, s := datadirtest.New(t)
	state := filepath.Join(dir, "state", "ghe", "terraform.tfstate")
	datadirtest.WriteFile(t, state, "{}")
	for name, make := range map[string]func() error{
		"link": func() error { return os.Symlink("/etc/passwd", state) },
		"pipe": func() error { return syscall.Mkfifo(state, 0o600) },
	} {
		if err := errors.Join(os.RemoveAll(state), make()); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := Write(&b, Source{DataDir: dir, Store: s}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.Remove(state); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{state, state + ".backup"} {
		datadirtest.WriteFile(t, file, "")
		if err := os.Truncate(file, 3<<30); err != nil {
			t.Fatal(err)
		}
		err := Write(io.Discard, Source{DataDir: dir, Store: s})
		if err == nil || !strings.Contains(err.Error(), "larger than") || hint.Of(err) == "" {
			t.Errorf("%s of 3 GB: %v", filepath.Base(file), err)
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBackupWaitsForAStateThatIsBeingWritten(t *testing.T) {
	dir, s := datadirtest.New(t)
	state := filepath.Join(dir, "state", "ghe", "terraform.tfstate")
	datadirtest.WriteFile(t, state, `{"half`)
	synctest.Test(t, func(t *testing.T) { // in which no other process can take the time that a slow writer has
		go func() {
			<-time.After(stateRest * 3 / 2)
			datadirtest.WriteFile(t, state, `{"whole": true}`)
		}()
		if err := Write(io.Discard, Source{DataDir: dir, Store: s}); err != nil {
			t.Fatal(err)
		}
		datadirtest.WriteFile(t, state, `{"half for good`)
		if err := Write(io.Discard, Source{DataDir: dir, Store: s}); err == nil || !strings.Contains(err.Error(), "ghe") {
			t.Errorf("a state that stays half: %v", err)
		}
	})
}
