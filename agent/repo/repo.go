package repo

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"sallyport/agent/hint"
	"sallyport/agent/repo/odb"
	"sallyport/agent/repo/pack"
	"sallyport/agent/repo/transport"
)

// Verb makes the program the child process that unpacks for a repository; see [pack.Main].
const Verb = pack.Verb

// Main is that process.
func Main(args []string) int { return pack.Main(args) }

// idleHandles is how long an opened mirror stays in memory after its last use.
const idleHandles = 10 * time.Second

// Repository is one branch of one remote and its mirror. All methods are safe for concurrent use.
type Repository struct {
	options Options
	address transport.Address
	remote  transport.Remote
	child   *pack.Unpacker

	writer   chan struct{}                 // holds a token of whoever changes the mirror
	swap     sync.RWMutex                  // read-locked while the mirror is read, locked while its files are replaced
	damaged  atomic.Bool                   // something could not be read; the next Fetch makes the mirror anew
	met      atomic.Pointer[plumbing.Hash] // the commit that was found last; nil when one was missed since
	verified plumbing.Hash                 // the tree that was walked last; guarded by writer
	packed   map[string]bool               // the packs that there were after the last fetch; guarded by writer
	inflated inflatedObjects

	mu         sync.Mutex // guards what follows
	idle       []*handle
	generation int // grows when the mirror's files change; older handles are not used again
	timer      *time.Timer
	closed     bool
}

// handle is an opened mirror, used by one goroutine at a time: go-git's storage is not safe for more.
type handle struct {
	storage    *odb.Storage
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
	child := &pack.Unpacker{Name: o.Name, MaxObject: o.MaxObjectSize, Log: o.Log}
	r := &Repository{options: o, address: a, child: child, writer: make(chan struct{}, 1)}
	r.remote = transport.New(a, transport.Options{
		SSHKeyFile: o.SSHKeyFile, SSHPassphrase: o.SSHPassphrase, KnownHostsFile: o.KnownHostsFile,
		Username: o.Username, Password: o.password(), CAFile: o.CAFile, FetchTimeout: o.FetchTimeout, Child: child,
	})
	if err := tidySiblings(r.options.Dir); err != nil {
		return nil, r.fail("opening mirror of", err)
	}
	if err := tidy(r.options); err != nil {
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
	r.remote.Close()
	return nil
}

// Poll asks the server where the branch is. It downloads nothing and ends within Options.Timeout.
func (r *Repository) Poll(ctx context.Context) (Tip, error) {
	ctx, cancel := context.WithTimeout(ctx, r.options.Timeout)
	defer cancel()
	branch := r.branch()
	list, err := r.remote.Refs(ctx, []string{branch.String(), "HEAD"})
	if err != nil {
		return Tip{}, r.fail("polling", err)
	}
	if h, ok := list.Hashes[branch.String()]; ok {
		return Tip{Commit: h.String()}, nil
	}
	// Only now is it worth a second question: is there any branch at all?
	all, err := r.remote.Refs(ctx, []string{"refs/heads/", "HEAD"})
	if err != nil {
		return Tip{}, r.fail("polling", err)
	}
	if h, ok := all.Hashes[branch.String()]; ok { // it came back in between
		return Tip{Commit: h.String()}, nil
	}
	if len(all.Hashes) == 0 {
		return Tip{}, r.fail("polling", transport.ErrEmptyRepository)
	}
	return Tip{}, r.fail("polling", transport.BranchGone(branch, all))
}

func (r *Repository) branch() plumbing.ReferenceName {
	return plumbing.NewBranchReferenceName(r.options.Branch)
}

// Has reports whether the mirror holds a commit and is not known to be damaged; otherwise Fetch is due. To ask again for
// the same commit, as each poll does, costs next to nothing.
func (r *Repository) Has(commit string) bool {
	hash, err := odb.ParseHash(commit)
	if err != nil || r.damaged.Load() {
		return false
	}
	if met := r.met.Load(); met != nil && *met == hash && odb.Present(r.options.Dir) {
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
	if !odb.Present(r.options.Dir) {
		r.swap.RUnlock()
		return nil, hint.With(odb.ErrUnknownCommit, "the repository was not fetched yet")
	}
	return &handle{storage: odb.OpenStorage(r.options.Dir), generation: r.generation}, nil
}

func (r *Repository) release(h *handle) {
	defer r.swap.RUnlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	if h.generation != r.generation || len(r.idle) >= 2 || r.closed {
		odb.CloseQuietly(h.storage)
		return
	}
	r.idle = append(r.idle, h)
	if r.timer == nil {
		r.timer = time.AfterFunc(idleHandles, transport.Guarded(r.dropIdle, func(err error) {
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
		odb.CloseQuietly(h.storage)
	}
	r.idle = nil
	r.inflated.drop()
}

// invalidate makes sure that what was opened before is not used again.
func (r *Repository) invalidate() {
	r.mu.Lock()
	r.generation++
	r.mu.Unlock()
	r.dropIdle()
}
