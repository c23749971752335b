package repo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// idleHandles is how long an opened mirror stays in memory after its last use.
const idleHandles = 10 * time.Second

// Repository is one branch of one remote and its mirror. All methods are safe for concurrent use.
type Repository struct {
	options Options
	address address
	remote  remote
	child   *unpacker

	writer   chan struct{}                 // holds a token of whoever changes the mirror
	swap     sync.RWMutex                  // read-locked while the mirror is read, locked while its files are replaced
	damaged  atomic.Bool                   // something could not be read; the next Fetch makes the mirror anew
	met      atomic.Pointer[plumbing.Hash] // the commit that was found last; nil when one was missed since
	verified plumbing.Hash                 // the tree that was walked last; guarded by writer
	packed   map[string]bool               // the packs that there were after the last fetch; guarded by writer

	mu         sync.Mutex // guards what follows
	idle       []*handle
	generation int // grows when the mirror's files change; older handles are not used again
	timer      *time.Timer
	closed     bool
}

// handle is an opened mirror, used by one goroutine at a time: go-git's storage is not safe for more.
type handle struct {
	storage    *filesystem.Storage
	generation int
}

// Tip is where the branch is on the server.
type Tip struct {
	Commit string // full hash
}

// Open checks the options and puts the mirror's directory in order: what a killed process left there is removed.
// It needs no network and no mirror. Keys and certificates are read when they are used.
func Open(o Options) (*Repository, error) {
	a, err := o.validate()
	if err != nil {
		return nil, fmt.Errorf("opening repository %q: %w", o.Name, err)
	}
	r := &Repository{options: o, address: a, child: newUnpacker(a, o), writer: make(chan struct{}, 1)}
	switch a.scheme {
	case "ssh":
		r.remote = newSSHRemote(a, o)
	case "file":
		r.remote = &localRemote{dir: a.path, child: newUnpacker(a, o)}
	default:
		r.remote = newHTTPRemote(a, o)
	}
	if err := r.tidySiblings(); err != nil {
		return nil, r.fail("opening mirror of", err)
	}
	if err := r.tidy(); err != nil {
		return nil, r.fail("opening mirror of", err)
	}
	return r, nil
}

// Close ends connections and frees memory. The mirror stays.
func (r *Repository) Close() error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.dropIdle()
	r.remote.close()
	return nil
}

// Poll asks the server where the branch is. It downloads nothing and ends within Options.Timeout.
func (r *Repository) Poll(ctx context.Context) (Tip, error) {
	ctx, cancel := context.WithTimeout(ctx, r.options.Timeout)
	defer cancel()
	branch := r.branch()
	list, err := r.remote.refs(ctx, []string{branch.String(), "HEAD"})
	if err != nil {
		return Tip{}, r.fail("polling", err)
	}
	if h, ok := list.hashes[branch.String()]; ok {
		return Tip{Commit: h.String()}, nil
	}
	// Only now is it worth a second question: is there any branch at all?
	all, err := r.remote.refs(ctx, []string{"refs/heads/", "HEAD"})
	if err != nil {
		return Tip{}, r.fail("polling", err)
	}
	if len(all.hashes) == 0 {
		return Tip{}, r.fail("polling", ErrEmptyRepository)
	}
	return Tip{}, r.fail("polling", branchGone(branch, all))
}

func (r *Repository) branch() plumbing.ReferenceName {
	return plumbing.NewBranchReferenceName(r.options.Branch)
}

// Has reports whether the mirror holds a commit and is not known to be damaged; otherwise Fetch is due. To ask again for
// the same commit, as each poll does, costs next to nothing.
func (r *Repository) Has(commit string) bool {
	hash, err := parseHash(commit)
	if err != nil || r.damaged.Load() {
		return false
	}
	if met := r.met.Load(); met != nil && *met == hash && present(r.options.Dir) {
		return true
	}
	h, err := r.acquire()
	if err != nil {
		return false
	}
	defer r.release(h)
	if _, err := r.commit(h, hash); err != nil {
		return false
	}
	r.met.Store(&hash)
	return true
}

// acquire opens the mirror for reading, or takes one that is still open. release must follow; a goroutine must not
// hold two, or it waits for itself when somebody wants to swap the mirror.
func (r *Repository) acquire() (*handle, error) {
	r.swap.RLock()
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.idle); n > 0 {
		h := r.idle[n-1]
		r.idle = r.idle[:n-1]
		return h, nil
	}
	if !present(r.options.Dir) {
		r.swap.RUnlock()
		return nil, withHint(ErrUnknownCommit, "the repository was not fetched yet")
	}
	return &handle{storage: openStorage(r.options.Dir), generation: r.generation}, nil
}

func (r *Repository) release(h *handle) {
	defer r.swap.RUnlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	if h.generation != r.generation || len(r.idle) >= 2 || r.closed {
		closeQuietly(h.storage)
		return
	}
	r.idle = append(r.idle, h)
	if r.timer == nil {
		r.timer = time.AfterFunc(idleHandles, guarded(r.dropIdle, func(err error) {
			r.options.Log.Error("closing an idle mirror", "repository", r.options.Name, "err", err)
		}))
		return
	}
	r.timer.Reset(idleHandles)
}

// dropIdle closes what nobody uses.
func (r *Repository) dropIdle() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, h := range r.idle {
		closeQuietly(h.storage)
	}
	r.idle = nil
}

// invalidate makes sure that what was opened before is not used again.
func (r *Repository) invalidate() {
	r.mu.Lock()
	r.generation++
	r.mu.Unlock()
	r.dropIdle()
}

// present reports whether there is a mirror in a directory.
func present(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, "objects", "pack"))
	return err == nil && info.IsDir()
}

// tidySiblings finishes or undoes a replacement of the mirror that was cut short.
func (r *Repository) tidySiblings() error {
	parent, base := filepath.Split(r.options.Dir)
	entries, err := os.ReadDir(parent)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading directory of mirrors: %w", err)
	}
	for _, e := range entries {
		path := filepath.Join(parent, e.Name())
		switch {
		case strings.HasPrefix(e.Name(), base+".old-"):
			if !present(r.options.Dir) && present(path) {
				if err := os.Rename(path, r.options.Dir); err != nil {
					return fmt.Errorf("bringing back the old mirror: %w", err)
				}
				continue
			}
		case strings.HasPrefix(e.Name(), base+".new-"):
		default:
			continue
		}
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("removing a mirror left half made: %w", err)
		}
	}
	return nil
}

// tidy removes what a killed writer leaves in the mirror: half packs, which would fill the disk one by one; lock
// files, which go-git takes for references; and references cut to nothing by a power failure, which make every fetch
// fail with "ref file is empty".
func (r *Repository) tidy() error {
	if !present(r.options.Dir) {
		return nil
	}
	err := r.removePartial()
	locks, globErr := filepath.Glob(filepath.Join(globQuote(r.options.Dir), "*.lock"))
	err = errors.Join(err, globErr)
	for _, path := range locks {
		err = errors.Join(err, os.Remove(path))
	}
	walkErr := filepath.WalkDir(filepath.Join(r.options.Dir, "refs"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Size() == 0 || strings.HasSuffix(path, ".lock") {
			r.options.Log.Info("removing what a killed process left", "repository", r.options.Name, "file", path)
			return os.Remove(path)
		}
		return nil
	})
	if err := errors.Join(err, walkErr); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("tidying up the mirror: %w", err)
	}
	return nil
}

// removePartial deletes packs that were not finished.
func (r *Repository) removePartial() error {
	pack := filepath.Join(r.options.Dir, "objects", "pack")
	entries, err := os.ReadDir(pack)
	if err != nil {
		return err
	}
	var all error
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "tmp_") {
			path := filepath.Join(pack, e.Name())
			// go-git leaves the file open after an error, and an open file keeps its space on a full disk.
			all = errors.Join(all, os.Truncate(path, 0), os.Remove(path))
		}
	}
	return all
}

// globQuote takes the meaning from characters that a pattern would interpret.
func globQuote(s string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(s)
}

// parseHash wants a full hash.
func parseHash(s string) (plumbing.Hash, error) {
	if !plumbing.IsHash(s) {
		return plumbing.ZeroHash, fmt.Errorf("%w: %q is not a full commit hash", ErrUnknownCommit, s)
	}
	return plumbing.NewHash(s), nil
}
