package archive

import (
	"archive/tar"
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"sallyport/agent/datadir"
	"sallyport/agent/foreign"
	"sallyport/agent/hint"
	"sallyport/store"
)

// The names and the format of an archive.
const (
	manifestFile = "sallyport-backup.json"
	backupFormat = 1
)

// manifest says what the archive is.
type manifest struct {
	Format    int       `json:"format"`
	CreatedAt time.Time `json:"created_at"`
}

// stateTries is how often a state that is being written is read again.
const (
	stateTries = 10
	stateRest  = 100 * time.Millisecond
)

// Source is what goes into a backup.
type Source struct {
	DataDir string
	Store   *store.Store
	Now     func() time.Time // default time.Now
}

// Write writes the archive to w while everything goes on being used. The store is one moment of it; each state is
// whole, though an apply that runs meanwhile may have moved on in one and not in another.
func Write(w io.Writer, src Source) (err error) {
	if src.Now == nil {
		src.Now = time.Now
	}
	// The archive needs the copy's size before its bytes, and bbolt knows it only afterwards: copy to a file first.
	// That also keeps a slow pipe from holding a reading transaction open.
	snapshot, err := os.CreateTemp(src.DataDir, ".backup-*") // 0600
	if err != nil {                                          // full, or read only: that is when people want a backup most
		snapshot, err = os.CreateTemp("", "sallyport-backup-*")
	}
	if err != nil {
		return fmt.Errorf("making room for a copy of the store: %w", err)
	}
	defer func() { err = errors.Join(err, snapshot.Close()) }()
	// Nobody needs the name, and no crash leaves it behind.
	if err := os.Remove(snapshot.Name()); err != nil {
		return fmt.Errorf("unlinking the copy of the store: %w", err)
	}
	size, err := src.Store.WriteTo(snapshot)
	if err != nil {
		return err
	}
	if _, err := snapshot.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("reading the copy of the store: %w", err)
	}
	z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return fmt.Errorf("compressing the backup: %w", err)
	}
	a := &writer{tar: tar.NewWriter(z), now: src.Now().UTC().Truncate(time.Second)}
	if err := errors.Join(a.fill(src.DataDir, snapshot, size), a.tar.Close(), z.Close()); err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	return nil
}

// writer writes the entries of a backup.
type writer struct {
	tar   *tar.Writer
	now   time.Time
	spool *os.File // what the next entry is copied to until it is known to be whole
}

func (a *writer) fill(dataDir string, snapshot *os.File, size int64) error {
	m, err := json.Marshal(manifest{Format: backupFormat, CreatedAt: a.now})
	if err != nil {
		return err
	}
	if err := a.add(manifestFile, a.now, int64(len(m)), bytes.NewReader(m)); err != nil {
		return err
	}
	if err := a.add(datadir.Store(""), a.now, size, snapshot); err != nil {
		return err
	}
	a.spool = snapshot // it is in the archive
	root, err := os.OpenRoot(dataDir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, dir := range []string{datadir.States(""), datadir.AllStateCopies("")} {
		if err := a.tree(root, dir); err != nil {
			return err
		}
	}
	return nil
}

func (a *writer) add(name string, changed time.Time, size int64, r io.Reader) error {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o600, Size: size, ModTime: changed, Format: tar.FormatPAX}
	if err := a.tar.WriteHeader(h); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if _, err := io.Copy(a.tar, r); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// tree adds the plain files below a directory; a missing one is empty. Locks and half-written files are left out.
func (a *writer) tree(root *os.Root, dir string) error {
	return fs.WalkDir(root.FS(), dir, func(name string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // no such directory, or a file that terraform removed meanwhile
		}
		if err != nil || !d.Type().IsRegular() || skipped(path.Base(name)) {
			return err
		}
		size, changed, err := a.readSettled(root, filepath.FromSlash(name))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := a.spool.Seek(0, io.SeekStart); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return a.add(name, changed, size, io.LimitReader(a.spool, size))
	})
}

func skipped(base string) bool {
	return strings.HasSuffix(base, ".lock.info") || strings.HasSuffix(base, ".tmp")
}

// maxStateFile bounds a file of a state, in bytes: what terraform runs can make sparse ones of any size.
const maxStateFile = 1 << 30

// readSettled copies a file that nobody is writing into the spool, and returns its size: terraform writes a local state in place,
// so a reader may find half of it. Such a read shows in the file's time or size, or in a state that is not JSON, and is done
// again. Terraform's user may write here: see package foreign.
func (a *writer) readSettled(root *os.Root, name string) (int64, time.Time, error) {
	for try := 1; ; try++ {
		size, changed, settled, err := a.copyIn(root, name)
		var large *foreign.TooLargeError
		if errors.As(err, &large) {
			return 0, time.Time{}, hint.With(fmt.Errorf("%s is larger than %d MiB: no state is", name, int64(maxStateFile)>>20),
				"look at the file; nothing is backed up while it is there")
		}
		if err != nil || settled {
			return size, changed, err
		}
		if try == stateTries {
			return 0, time.Time{}, &answer{ErrConflict, name + " is being written all the time, or is damaged",
				"try again when no apply is running; if that does not help, look at the file"}
		}
		<-time.After(stateRest)
	}
}

// copyIn copies a file into the spool once and says whether it was whole.
func (a *writer) copyIn(root *os.Root, name string) (size int64, changed time.Time, settled bool, err error) {
	f, err := foreign.OpenIn(root, name)
	if err != nil {
		return 0, time.Time{}, false, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	before, err := f.Stat()
	if err != nil {
		return 0, time.Time{}, false, err
	}
	if before.Size() > maxStateFile {
		return 0, time.Time{}, false, &foreign.TooLargeError{Name: name, Most: maxStateFile}
	}
	if strings.HasSuffix(name, ".tfstate") {
		whole, err := isJSON(f)
		if err != nil || !whole {
			return 0, time.Time{}, false, err
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return 0, time.Time{}, false, err
		}
	}
	if _, err := a.spool.Seek(0, io.SeekStart); err != nil {
		return 0, time.Time{}, false, err
	}
	if err := foreign.Copy(a.spool, f, maxStateFile); err != nil {
		return 0, time.Time{}, false, err
	}
	if size, err = a.spool.Seek(0, io.SeekCurrent); err != nil {
		return 0, time.Time{}, false, err
	}
	after, err := root.Lstat(name)
	if err != nil {
		return 0, time.Time{}, false, err
	}
	return size, before.ModTime(), os.SameFile(before, after) && size == after.Size() && before.ModTime().Equal(after.ModTime()), nil
}

// isJSON reports whether a text is one JSON value, without holding it in memory.
func isJSON(text io.Reader) (bool, error) {
	dec := json.NewDecoder(bufio.NewReaderSize(io.LimitReader(text, maxStateFile), 64<<10))
	depth, values := 0, 0
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return depth == 0 && values == 1, nil
		}
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) || errors.Is(err, io.ErrUnexpectedEOF) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if delim, ok := token.(json.Delim); ok && (delim == '{' || delim == '[') {
			depth++
			continue
		} else if ok {
			depth--
		}
		if depth == 0 {
			values++
		}
	}
}
