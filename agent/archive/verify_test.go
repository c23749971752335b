package archive

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/agent/datadir/datadirtest"
	"sallyport/store"
)

// refusing is a checker to whom no store is good.
type refusing struct{ why error }

func (r refusing) Check(context.Context, string) error { return r.why }

// A backup is read as a restore would read it, and nothing is left of that. What a restore would trip over is told.
func TestVerify(t *testing.T) {
	backup := func(t *testing.T, more map[string]string) []byte {
		t.Helper()
		dir, s := datadirtest.New(t)
		datadirtest.Run(t, s, store.Run{Kind: store.KindCommit, Commit: "c1", Stack: "ghe"}, store.Planning, store.NoChanges)
		datadirtest.WriteFile(t, filepath.Join(dir, "state", "ghe", "terraform.tfstate"), `{"serial": 3}`)
		if err := KeepState(dir, "ghe", BeforeApply(1), []byte(`{"serial": 2, "lineage": "l"}`)); err != nil {
			t.Fatal(err)
		}
		for name, text := range more {
			datadirtest.WriteFile(t, filepath.Join(dir, filepath.FromSlash(name)), text)
		}
		var archive bytes.Buffer
		if err := Write(&archive, Source{DataDir: dir, Store: s, Now: func() time.Time { return datadirtest.At(5) }}); err != nil {
			t.Fatal(err)
		}
		return archive.Bytes()
	}
	for name, c := range map[string]struct {
		more  map[string]string
		spoil func([]byte) []byte
		why   string // empty: it is whole
	}{
		"whole":                     {},
		"cut short":                 {spoil: func(b []byte) []byte { return b[:len(b)/2] }, why: "reading the backup"},
		"another byte":              {spoil: func(b []byte) []byte { b[len(b)/2] ^= 1; return b }, why: ""},
		"not a backup":              {spoil: func([]byte) []byte { return []byte("#!/bin/sh\n") }, why: "reading the backup"},
		"a copy that is none":       {more: map[string]string{"states/ghe/00000007.tfstate.zst": "copy"}, why: "reading the kept state"},
		"no word of its last state": {more: map[string]string{"state/wiki/terraform.tfstate.backup": "half"}},
	} {
		t.Run(name, func(t *testing.T) {
			archive, scratch := backup(t, c.more), t.TempDir()
			if c.spoil != nil {
				archive = c.spoil(archive)
			}
			got, err := Verify(t.Context(), VerifyOptions{Archive: bytes.NewReader(archive), Scratch: scratch})
			if left, readErr := os.ReadDir(scratch); readErr != nil || len(left) > 0 {
				t.Errorf("left: %v, %v", left, readErr)
			}
			if c.spoil != nil || c.why != "" {
				if err == nil || !strings.Contains(err.Error(), c.why) {
					t.Errorf("%+v, %v; want %q", got, err, c.why)
				}
				return
			}
			want := Verified{BackupAt: datadirtest.At(5), Stacks: got.Stacks, Runs: 1, History: got.History, States: 1, Copies: 1}
			if diff := cmp.Diff(want, got); diff != "" || err != nil || got.History == 0 {
				t.Error(diff, err)
			}
		})
	}
	// The checker's word counts: a store may kill whoever reads it.
	gone := errors.New("it killed the child")
	_, err := Verify(t.Context(), VerifyOptions{Archive: bytes.NewReader(backup(t, nil)), Scratch: t.TempDir(), Checker: refusing{gone}})
	if !errors.Is(err, gone) {
		t.Errorf("with a store that kills its reader: %v", err)
	}
}
