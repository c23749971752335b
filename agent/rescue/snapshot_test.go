package rescue_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sallyport/agent/datadir"
	"sallyport/agent/rescue"
	"sallyport/store"
)

// Three months of snapshots every quarter of an hour: what is kept is the newest eight and one of each of fourteen days.
func TestSnapshotsReachPlateau(t *testing.T) {
	c := newCellar(t)
	dir := datadir.Snapshots(c.dir)
	c.with(at(0), run("first"))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	now := at(0)
	for i := range 40 * 24 {
		when := now.Add(-time.Duration(i+1) * time.Hour)
		if err := os.WriteFile(filepath.Join(dir, when.Format("20060102T150405.000Z")+".db"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c.snapshot(now)
	all, err := rescue.Snapshots(c.dir)
	if err != nil {
		t.Fatal(err)
	}
	// Of the newest eight those of today stand for today as well.
	if len(all) != 8+13 && len(all) != 8+14 {
		t.Errorf("%d snapshots are kept", len(all))
	}
	for i := range 8 {
		if want := now.Add(-time.Duration(i) * time.Hour); !all[i].At.Equal(want) {
			t.Errorf("the newest ones are not kept: %s instead of %s", all[i].At, want)
		}
	}
	if age := now.Sub(all[len(all)-1].At); age < 12*24*time.Hour || age > 14*24*time.Hour {
		t.Errorf("the oldest one is %s old", age)
	}
}

// A copy that does not pass the check never gets a snapshot's name, and nothing is left of it.
func TestBadSnapshotIsNone(t *testing.T) {
	c := newCellar(t)
	c.with(at(0), run("first"))
	s, err := store.Open(store.Options{Path: c.opts.StorePath})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	bad := rescue.Child{Executable: script(t, "exit 10")}
	if _, err := rescue.TakeSnapshot(context.Background(), bad, s, c.dir, at(1)); err == nil {
		t.Error("a bad copy was taken")
	}
	if left, err := os.ReadDir(datadir.Snapshots(c.dir)); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	// What a kill left goes with the next one.
	if err := os.WriteFile(filepath.Join(datadir.Snapshots(c.dir), "20260101T000000.000Z.db.tmp"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := rescue.TakeSnapshot(context.Background(), c.opts.Checker, s, c.dir, at(2)); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(datadir.Snapshots(c.dir)); err != nil || len(left) != 1 {
		t.Errorf("left: %v, %v", left, err)
	}
}
