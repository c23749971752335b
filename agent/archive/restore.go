package archive

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"

	"sallyport/agent/datadir"
	"sallyport/agent/hint"
	"sallyport/agent/rescue"
	"sallyport/store"
)

// stagingDir is where an archive is unpacked before anything gets its place.
const stagingDir = ".restoring"

// RestoreOptions say what goes where.
type RestoreOptions struct {
	DataDir string
	Archive io.Reader
	By      string // cli:jane, for the history
	Now     func() time.Time
}

// Restored says what a restore did.
type Restored struct {
	BackupAt time.Time `json:"backup_at"`
	Files    int       `json:"files"` // states and their copies
	Ended    []int     `json:"ended"` // runs that were waiting and have ended
	NextRun  int       `json:"next_run"`
}

// Restore unpacks a backup into an empty or absent data directory. Nothing gets its place before the whole archive was
// read and the store in it was checked; the store comes last, so that an agent never finds half a restore.
func Restore(o RestoreOptions) (Restored, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if err := os.MkdirAll(o.DataDir, 0o700); err != nil {
		return Restored{}, fmt.Errorf("creating the data directory: %w", err)
	}
	root, err := os.OpenRoot(o.DataDir)
	if err != nil {
		return Restored{}, fmt.Errorf("opening the data directory: %w", err)
	}
	defer root.Close()
	if err := mustBeEmpty(root, o.DataDir); err != nil {
		return Restored{}, err
	}
	out, err := o.restore(root)
	if err != nil {
		return out, errors.Join(err, root.RemoveAll(stagingDir))
	}
	return out, root.RemoveAll(stagingDir)
}

func (o *RestoreOptions) restore(root *os.Root) (Restored, error) {
	out := Restored{Ended: []int{}}
	if err := root.RemoveAll(stagingDir); err != nil { // of a restore that was killed
		return out, fmt.Errorf("removing what an earlier restore left: %w", err)
	}
	if err := root.Mkdir(stagingDir, 0o700); err != nil {
		return out, fmt.Errorf("unpacking the backup: %w", err)
	}
	staging, err := root.OpenRoot(stagingDir)
	if err != nil {
		return out, fmt.Errorf("unpacking the backup: %w", err)
	}
	defer staging.Close()
	m, files, err := unpack(staging, o.Archive)
	if err != nil {
		return out, err
	}
	out.BackupAt, out.Files = m.CreatedAt, files
	db := filepath.Join(o.DataDir, stagingDir, datadir.Store(""))
	if err := store.Check(db); err != nil {
		return out, fmt.Errorf("checking the store in the backup: %w", err)
	}
	revived, err := rescue.GoOn(rescue.Copy{
		Path: db, What: "a backup", At: out.BackupAt, By: o.By, Now: o.Now,
		Also: func(tx *store.Tx, _ *rescue.Revived) error {
			return errors.Join(rescue.DropMessages(tx), anotherAgent(tx))
		},
	})
	if err != nil {
		return out, err
	}
	out.Ended, out.NextRun = revived.Ended, revived.NextRun
	if err := giveAway(root, staging); err != nil {
		return out, err
	}
	return out, settle(root, o.DataDir)
}

// anotherAgent makes the restored agent get an identity of its own at its start: the old one may still run somewhere,
// and two agents of one name could not be told apart in Slack.
func anotherAgent(tx *store.Tx) error {
	s, err := tx.Agent()
	if err != nil {
		return err
	}
	s.ID = ""
	return tx.PutAgent(s)
}

// mustBeEmpty refuses a directory that holds anything of value.
func mustBeEmpty(root *os.Root, dir string) error {
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return fmt.Errorf("reading the data directory: %w", err)
	}
	for _, e := range entries {
		if e.Name() != stagingDir && e.Name() != "lost+found" {
			return hint.Refuse(fmt.Sprintf("stop the agent, and move the directory aside: mv %s %s.old", dir, dir), "%s is not empty: it has %s", dir, e.Name())
		}
	}
	return nil
}

// unpack writes the entries of an archive below staging and returns how many states there were.
func unpack(staging *os.Root, archive io.Reader) (manifest, int, error) {
	var m manifest
	z, err := zstd.NewReader(archive, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(256<<20))
	if err != nil {
		return m, 0, fmt.Errorf("reading the backup: %w", err)
	}
	defer z.Close()
	entries, files, haveStore := tar.NewReader(z), 0, false
	for first := true; ; first = false {
		h, err := entries.Next()
		if errors.Is(err, io.EOF) && !first {
			break
		}
		if errors.Is(err, zstd.ErrMagicMismatch) {
			err = errors.New("it does not begin as a backup does")
		}
		if err != nil {
			return m, files, hint.Refuse("is this a file that sallyport backup wrote, and is it whole?", "reading the backup: %v", err)
		}
		switch {
		case first:
			if err := readManifest(h, entries, &m); err != nil {
				return m, files, err
			}
			continue
		case h.Name == datadir.Store(""):
			haveStore = true
		case strings.HasPrefix(h.Name, datadir.States("")+"/"), strings.HasPrefix(h.Name, datadir.AllStateCopies("")+"/"):
			files++
		default:
			return m, files, hint.Refuse("", "the backup holds %q, which does not belong there", h.Name)
		}
		if err := unpackFile(staging, h, entries); err != nil {
			return m, files, fmt.Errorf("unpacking %s: %w", h.Name, err)
		}
	}
	if !haveStore {
		return m, files, hint.Refuse("", "the backup holds no store")
	}
	return m, files, nil
}

func readManifest(h *tar.Header, r io.Reader, m *manifest) error {
	if h.Name != manifestFile || json.NewDecoder(io.LimitReader(r, 1<<16)).Decode(m) != nil {
		return hint.Refuse("", "this is not a backup that sallyport wrote")
	}
	if m.Format > backupFormat {
		return hint.Refuse("use the version of sallyport that wrote it, or a newer one", "the backup has format %d, this version knows up to %d", m.Format, backupFormat)
	}
	return nil
}

// unpackFile writes one plain file. The root refuses names and links that lead out of it; O_EXCL refuses a second entry
// of the same name.
func unpackFile(staging *os.Root, h *tar.Header, r io.Reader) error {
	if h.Typeflag != tar.TypeReg || !fs.ValidPath(h.Name) {
		return hint.Refuse("", "it is not a plain file with a plain name")
	}
	if err := staging.MkdirAll(path.Dir(h.Name), 0o700); err != nil {
		return err
	}
	f, err := staging.OpenFile(h.Name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return staging.Chtimes(h.Name, h.ModTime, h.ModTime)
}

// giveAway hands what root unpacked to the data directory's owner: an agent that runs as another user could not open it.
func giveAway(root, staging *os.Root) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := root.Stat(".")
	if err != nil {
		return fmt.Errorf("looking at the data directory: %w", err)
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return errors.New("looking at the data directory: it has no owner")
	}
	return fs.WalkDir(staging.FS(), ".", func(name string, _ fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		return staging.Lchown(name, int(owner.Uid), int(owner.Gid))
	})
}

// settle gives everything its place, the store last, and never over something that an agent made meanwhile.
func settle(root *os.Root, dataDir string) error {
	for _, name := range []string{datadir.States(""), datadir.AllStateCopies(""), datadir.Store("")} {
		from := filepath.Join(dataDir, stagingDir, name)
		err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, filepath.Join(dataDir, name), unix.RENAME_NOREPLACE)
		if errors.Is(err, fs.ErrNotExist) && name != datadir.Store("") {
			continue // the backup had none
		}
		if err != nil {
			return fmt.Errorf("putting %s in place: %w", name, err)
		}
	}
	dir, err := root.Open(".")
	if err != nil {
		return fmt.Errorf("opening the data directory: %w", err)
	}
	// The whole file system: many directories are new, and each would want a sync of its own.
	if err := errors.Join(unix.Syncfs(int(dir.Fd())), dir.Close()); err != nil {
		return fmt.Errorf("syncing the data directory: %w", err)
	}
	return nil
}
