package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sallyport/store/disk"
)

// migrations bring a file of the schema that is the key to the next one, each in one transaction with the new version.
// A step may only rely on what its own schema had.
func migrations() map[int]func(*Tx) error {
	return withPlayed(map[int]func(*Tx) error{
		// 2: the history may begin later than at its first entry, and bucket meta says where. A program of before would
		// take a trimmed history for a broken one.
		1: func(*Tx) error { return nil },
		// 3: a run may be planned for some addresses only. A program of before would not see that, apply it, and take its commit for
		// applied.
		2: func(*Tx) error { return nil },
	})
}

// CopyBefore is where the store as it was before it was brought forward from a schema lies. Bringing it forward
// writes this copy first; it stays until the next time, so that the program's older version can be installed again.
func CopyBefore(path string, schema int) string { return fmt.Sprintf("%s.schema-%d", path, schema) }

// schema reads the file's version. It refuses files that are not a store, and those of a newer program, which may mean
// something else.
func (tx *Tx) schema(path string) (have schema, err error) {
	found, err := tx.load(bucketMeta, []byte(schemaKey), &have)
	switch {
	case err != nil:
		return have, err
	case !found:
		return have, &DamagedError{Bucket: bucketMeta, Key: keyText(bucketMeta, []byte(schemaKey)), Err: errors.New("there is no schema record")}
	case have.Version > newestSchema():
		newer := &SchemaError{Have: have.Version, Known: newestSchema()}
		if _, err := os.Stat(CopyBefore(path, newer.Known)); err == nil {
			newer.Copy = CopyBefore(path, newer.Known)
		}
		return have, newer
	}
	return have, nil
}

// migrate brings the store forward to a schema, after a copy of it was made. A crash at any moment leaves the store at
// one of the schemas, whole; the next time goes on from there.
func (s *Store) migrate(have schema, to int, steps map[int]func(*Tx) error) error {
	if have.Version == to {
		return nil
	}
	// What began before and did not come to its end has its copy. One made now would be of a schema that no version of the
	// program ever worked with, and would take the place of the one to go back to.
	if have.From == 0 {
		have.From = have.Version
		if err := s.copyBefore(have.From); err != nil {
			return fmt.Errorf("copying the store before it is brought forward from schema %d: %w", have.From, err)
		}
	}
	for at := have.Version; at < to; at++ {
		if err := s.stepFrom(at, have.From, to, steps[at]); err != nil {
			return fmt.Errorf("bringing the store forward from schema %d to %d: %w", at, at+1, err)
		}
	}
	return nil
}

// stepFrom brings the store from one schema to the next, all of it or nothing.
func (s *Store) stepFrom(at, from, to int, step func(*Tx) error) error {
	if step == nil {
		return errors.New("this version does not know how")
	}
	return s.Update(func(tx *Tx) error {
		if err := makeBuckets(tx.bolt); err != nil {
			return err
		}
		var now schema
		if _, err := tx.load(bucketMeta, []byte(schemaKey), &now); err != nil {
			return err
		}
		if err := step(tx); err != nil {
			return err
		}
		now.Version, now.From = at+1, from
		if now.Version == to {
			now.From = 0
		}
		return tx.save(bucketMeta, []byte(schemaKey), &now)
	})
}

// copyBefore writes a copy beside the store and drops those of earlier times.
func (s *Store) copyBefore(have int) (err error) {
	kept := CopyBefore(s.path, have)
	partial := kept + ".new"
	defer func() { err = errors.Join(err, disk.IgnoreMissing(os.Remove(partial))) }()
	f, err := os.OpenFile(partial, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	_, err = s.WriteTo(f)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := Check(partial); err != nil {
		return fmt.Errorf("the copy is not good: %w", err)
	}
	if err := os.Rename(partial, kept); err != nil {
		return err
	}
	older, err := filepath.Glob(globEscape(s.path) + ".schema-*")
	if err != nil {
		return err
	}
	for _, name := range older {
		if name != kept && name != partial {
			if err := disk.IgnoreMissing(os.Remove(name)); err != nil {
				return err
			}
		}
	}
	return disk.Sync(filepath.Dir(s.path))
}

// globEscape makes a path match itself only.
func globEscape(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}
