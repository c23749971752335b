package control

import (
	"archive/tar"
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

	"sallyport/store"
)

// A backup is one zstd-compressed tar archive: the manifest first, then the store, then the states. It holds secrets in
// clear, as terraform's states do.
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

// BackupSource is what goes into a backup.
type BackupSource struct {
	DataDir string
	Store   *store.Store
	Now     func() time.Time // default time.Now
}

// WriteBackup writes the archive to w while everything goes on being used. The store is one moment of it; each state is
// whole, though an apply that runs meanwhile may have moved on in one and not in another.
func WriteBackup(w io.Writer, src BackupSource) (err error) {
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
	a := &archive{tar: tar.NewWriter(z), now: src.Now().UTC().Truncate(time.Second)}
	if err := errors.Join(a.fill(src.DataDir, snapshot, size), a.tar.Close(), z.Close()); err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	return nil
}

// archive writes the entries of a backup.
type archive struct {
	tar *tar.Writer
	now time.Time
}

func (a *archive) fill(dataDir string, snapshot io.Reader, size int64) error {
	m, err := json.Marshal(manifest{Format: backupFormat, CreatedAt: a.now})
	if err != nil {
		return err
	}
	if err := a.add(manifestFile, a.now, int64(len(m)), bytes.NewReader(m)); err != nil {
		return err
	}
	if err := a.add(storeFile, a.now, size, snapshot); err != nil {
		return err
	}
	root, err := os.OpenRoot(dataDir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, dir := range []string{stateDir, stateCopies} {
		if err := a.tree(root, dir); err != nil {
			return err
		}
	}
	return nil
}

func (a *archive) add(name string, changed time.Time, size int64, r io.Reader) error {
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
func (a *archive) tree(root *os.Root, dir string) error {
	return fs.WalkDir(root.FS(), dir, func(name string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // no such directory, or a file that terraform removed meanwhile
		}
		if err != nil || !d.Type().IsRegular() || skipped(path.Base(name)) {
			return err
		}
		data, changed, err := readSettled(root, filepath.FromSlash(name))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		return a.add(name, changed, int64(len(data)), bytes.NewReader(data))
	})
}

func skipped(base string) bool {
	return strings.HasSuffix(base, ".lock.info") || strings.HasSuffix(base, ".tmp")
}

// readSettled reads a file that nobody is writing: terraform writes a local state in place, so a reader may find half
// of it. Such a read shows in the file's time or size, or in a state that is not JSON, and is done again.
func readSettled(root *os.Root, name string) ([]byte, time.Time, error) {
	for try := 1; ; try++ {
		before, err := root.Stat(name)
		if err != nil {
			return nil, time.Time{}, err
		}
		data, err := root.ReadFile(name)
		if err != nil {
			return nil, time.Time{}, err
		}
		after, err := root.Stat(name)
		if err != nil {
			return nil, time.Time{}, err
		}
		whole := !strings.HasSuffix(name, ".tfstate") || json.Valid(data)
		if whole && int64(len(data)) == after.Size() && before.ModTime().Equal(after.ModTime()) {
			return data, after.ModTime(), nil
		}
		if try == stateTries {
			return nil, time.Time{}, Errorf(Conflict, "%s is being written all the time, or is damaged", name).
				WithHint("try again when no apply is running; if that does not help, look at the file")
		}
		<-time.After(stateRest)
	}
}
