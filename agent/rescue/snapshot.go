package rescue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sallyport/agent/datadir"
	"sallyport/store/disk"
)

// What is kept of the snapshots: the newest so many, and the last one of each day for so many days.
const (
	keptNewest = 8
	keptDays   = 14
)

// nameFormat makes names of times that sort as the times do.
const nameFormat = "20060102T150405.000Z"

// half is how the name of a file ends that is still being written.
const half = ".tmp"

// A Snapshot is a copy of the store that passed the check when it was made.
type Snapshot struct {
	Path string
	At   time.Time
}

// Snapshots lists the snapshots of a data directory, newest first.
func Snapshots(dataDir string) ([]Snapshot, error) {
	entries, err := os.ReadDir(datadir.Snapshots(dataDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("listing the snapshots: %w", err)
	}
	var out []Snapshot
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".db")
		at, err := time.Parse(nameFormat, name)
		if ok && err == nil && e.Type().IsRegular() {
			out = append(out, Snapshot{filepath.Join(datadir.Snapshots(dataDir), e.Name()), at})
		}
	}
	slices.SortFunc(out, func(a, b Snapshot) int { return b.At.Compare(a.At) })
	return out, nil
}

// WriterTo is a store that can be copied while it is in use.
type WriterTo interface {
	WriteTo(w io.Writer) (int64, error)
}

// TakeSnapshot copies a store that is in use, checks the copy, and only then gives it its name; then it removes the
// snapshots that are not kept any more. A copy that fails the check is removed: it is the store that has to be looked at.
func TakeSnapshot(ctx context.Context, c Checker, s WriterTo, dataDir string, now time.Time) (Snapshot, error) {
	dir := datadir.Snapshots(dataDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Snapshot{}, fmt.Errorf("making the directory of snapshots: %w", err)
	}
	if err := removeHalves(dir); err != nil {
		return Snapshot{}, err
	}
	out := Snapshot{Path: filepath.Join(dir, now.UTC().Format(nameFormat)+".db"), At: now.UTC()}
	temp := out.Path + half
	if err := copyTo(temp, s); err != nil {
		return Snapshot{}, errors.Join(fmt.Errorf("writing the snapshot: %w", err), disk.IgnoreMissing(os.Remove(temp)))
	}
	if err := c.Check(ctx, temp); err != nil {
		return Snapshot{}, errors.Join(fmt.Errorf("checking the snapshot: %w", err), disk.IgnoreMissing(os.Remove(temp)))
	}
	if err := renameNew(temp, out.Path); err != nil {
		return Snapshot{}, fmt.Errorf("giving the snapshot its name: %w", err)
	}
	return out, trim(dataDir, now)
}

// copyTo writes a store to a new file and makes it durable.
func copyTo(path string, s WriterTo) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = s.WriteTo(f)
	return errors.Join(err, f.Sync(), f.Close())
}

// removeHalves removes what a snapshot that was killed left.
func removeHalves(dir string) error {
	left, err := filepath.Glob(filepath.Join(dir, "*"+half))
	if err != nil {
		return fmt.Errorf("looking for unfinished snapshots: %w", err)
	}
	for _, path := range left {
		if err := disk.IgnoreMissing(os.Remove(path)); err != nil {
			return fmt.Errorf("removing an unfinished snapshot: %w", err)
		}
	}
	return nil
}

// trim removes the snapshots that are neither among the newest nor the last of one of the days that are kept.
func trim(dataDir string, now time.Time) error {
	all, err := Snapshots(dataDir)
	if err != nil {
		return err
	}
	for _, s := range surplus(all, now) {
		if err := disk.IgnoreMissing(os.Remove(s.Path)); err != nil {
			return fmt.Errorf("removing an old snapshot: %w", err)
		}
	}
	return nil
}

// surplus picks what is not kept of a list that is sorted newest first.
func surplus(all []Snapshot, now time.Time) []Snapshot {
	var out []Snapshot
	days := map[string]bool{}
	for i, s := range all {
		day := s.At.UTC().Format(time.DateOnly)
		last := !days[day]
		days[day] = true
		if i >= keptNewest && !(last && now.Sub(s.At) < keptDays*24*time.Hour) {
			out = append(out, s)
		}
	}
	return out
}
