package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"sallyport/agent/datadir"
	"sallyport/agent/hint"
	"sallyport/agent/rescue"
	"sallyport/store"
)

// VerifyOptions say what is read, and where it is unpacked meanwhile.
type VerifyOptions struct {
	Archive io.Reader
	Scratch string         // where there is room for the store and the states; default: the system's directory for temporary files
	Checker rescue.Checker // of the store, which a damaged one may kill; default: this process
}

// Verified says what a backup holds that was read whole.
type Verified struct {
	BackupAt time.Time `json:"backup_at"`
	Stacks   int       `json:"stacks"`
	Runs     int       `json:"runs"`
	History  int       `json:"history"` // entries, each with the hash of the one before
	States   int       `json:"states"`  // that the agent keeps
	Copies   int       `json:"copies"`  // of states, from before applies and repairs
}

// Verify reads a backup whole, as a restore would: the archive to its end, every record of the store and the chain of its history,
// every state and every copy of one. It touches no data directory; what it unpacks meanwhile is gone when it returns.
func Verify(ctx context.Context, o VerifyOptions) (out Verified, err error) {
	dir, err := os.MkdirTemp(o.Scratch, "sallyport-verify-") // 0700: it holds secrets
	if err != nil {
		return out, fmt.Errorf("making room to read the backup: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	root, err := os.OpenRoot(dir)
	if err != nil {
		return out, fmt.Errorf("making room to read the backup: %w", err)
	}
	defer root.Close()
	m, _, err := unpack(root, o.Archive)
	if err != nil {
		return out, err
	}
	out.BackupAt = m.CreatedAt
	if err := out.readStore(ctx, o.Checker, datadir.Store(dir)); err != nil {
		return out, fmt.Errorf("checking the store in the backup: %w", err)
	}
	if err := out.readStates(root); err != nil {
		return out, fmt.Errorf("reading the states in the backup: %w", err)
	}
	return out, out.readCopies(dir)
}

func (v *Verified) readStore(ctx context.Context, checker rescue.Checker, db string) (err error) {
	if checker != nil {
		if err := checker.Check(ctx, db); err != nil {
			return err
		}
	}
	s, err := store.Open(store.Options{Path: db, ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	history, err := s.Verify()
	if err != nil {
		return err
	}
	v.History = history.Entries
	return s.View(func(tx *store.Tx) error {
		stacks, err := tx.Stacks()
		if err != nil {
			return err
		}
		runs, err := tx.Runs(store.RunFilter{})
		v.Stacks, v.Runs = len(stacks), len(runs)
		return err
	})
}

// readStates reads every state that the agent keeps: each is one whole JSON value.
func (v *Verified) readStates(root *os.Root) error {
	return fs.WalkDir(root.FS(), datadir.States(""), func(name string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // the backup has none
		}
		if err != nil || d.IsDir() {
			return err
		}
		if base := path.Base(name); !strings.HasSuffix(base, ".tfstate") {
			return nil
		}
		f, err := root.Open(filepath.FromSlash(name))
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }() // read only
		whole, err := isJSON(f)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if !whole {
			return hint.Refuse("use another backup, or the copies of this stack's state in it", "%s is not a whole state", name)
		}
		v.States++
		return nil
	})
}

// readCopies unpacks and reads every copy of a state.
func (v *Verified) readCopies(dir string) error {
	stacks, err := os.ReadDir(datadir.AllStateCopies(dir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("listing the kept states in the backup: %w", err)
	}
	for _, stack := range stacks {
		copies, err := StateCopies(dir, stack.Name())
		if err != nil {
			return err
		}
		v.Copies += len(copies)
	}
	return nil
}
