package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	"go.etcd.io/bbolt"

	"sallyport/store/disk"
	"sallyport/store/stamp"
)

// ensure makes the file if it is missing. bbolt's first commit is the one that a crash can spoil, so it happens to
// another name, and the store's own name never stands for a half-made file.
func ensure(o Options) (err error) {
	if _, err := os.Stat(o.Path); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, disk.IgnoreMissing(os.Remove(o.Path+".new")))
	}
	// Two agents that start together must not make, and rename over one another, two stores.
	dir := filepath.Dir(o.Path)
	lock := flock.New(dir, flock.SetFlag(os.O_RDONLY))
	ctx, cancel := context.WithTimeout(context.Background(), o.Timeout)
	defer cancel()
	if _, err := lock.TryLockContext(ctx, 10*time.Millisecond); err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			return lockedBy(dir)
		}
		return fmt.Errorf("locking %s: %w", dir, err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if _, err := os.Stat(o.Path); !errors.Is(err, fs.ErrNotExist) {
		return err // the other one made it
	}
	if err := disk.IgnoreMissing(os.Remove(o.Path + ".new")); err != nil {
		return err
	}
	if err := makeNew(o); err != nil {
		return errors.Join(err, disk.IgnoreMissing(os.Remove(o.Path+".new")))
	}
	if err := os.Rename(o.Path+".new", o.Path); err != nil {
		return err
	}
	return disk.Sync(dir)
}

// makeNew writes an empty store beside the final name and makes sure that the disk has it.
func makeNew(o Options) error {
	db, err := bbolt.Open(o.Path+".new", mode, &bbolt.Options{
		Timeout: o.Timeout, FreelistType: bbolt.FreelistMapType, MaxSize: o.MaxSize, NoStatistics: true,
	})
	if err != nil {
		return explain(err)
	}
	err = db.Update(func(b *bbolt.Tx) error {
		if err := makeBuckets(b); err != nil {
			return err
		}
		tx := &Tx{bolt: b, now: stamp.Cut(o.Now())}
		return tx.save(bucketMeta, []byte(schemaKey), &schema{Version: newestSchema(), CreatedAt: tx.now})
	})
	if err := errors.Join(explain(err), db.Close()); err != nil {
		return err
	}
	return disk.Sync(o.Path + ".new")
}

func makeBuckets(b *bbolt.Tx) error {
	for _, name := range buckets() {
		if _, err := b.CreateBucketIfNotExists([]byte(name)); err != nil {
			return fmt.Errorf("making bucket %s: %w", name, explain(err))
		}
	}
	return nil
}
