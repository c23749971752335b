package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/plumbing/transport"

	"sallyport/agent/hint"
	"sallyport/agent/repo/odb"
	"sallyport/agent/repo/pack"
	"sallyport/notify/redact"
)

// Remote is one way to reach a server.
//
// It stands in the place of go-git's Remote, whose transports are a process-wide map without a lock, keyed by scheme:
// two repositories with different authorities or keys cannot share it. The pieces below it (sessions, packets, packs)
// are go-git's.
type Remote interface {
	// Refs lists the references that start with one of the prefixes; a server may send others too.
	Refs(ctx context.Context, prefixes []string) (RefList, error)
	// Fetch brings the commit that ref points to, and everything below it, into dst. It returns that commit and
	// leaves references alone.
	Fetch(ctx context.Context, dst *odb.Storage, ref plumbing.ReferenceName) (plumbing.Hash, error)
	// Close ends its connections.
	Close()
}

// Options say how to get into a server, and how to bring what comes from it into a mirror.
type Options struct {
	// Of ssh; see the options of package repo, where people set them.
	SSHKeyFile     string
	SSHPassphrase  redact.Secret
	KnownHostsFile string

	// Of https.
	Username string
	Password func(context.Context) (redact.Secret, error) // asked before each use
	CAFile   string

	FetchTimeout time.Duration // without a byte
	Child        *pack.Unpacker
}

// New returns the way to an address. Keys and certificates are read when they are used.
func New(a Address, o Options) Remote {
	switch a.Scheme {
	case "ssh":
		return newSSHRemote(a, o)
	case "file":
		return &localRemote{dir: a.path, child: o.Child}
	}
	return newHTTPRemote(a, o)
}

// route is what a fetch goes through beside its session.
type route struct {
	child    *pack.Unpacker
	activity *activity
}

// lastByte tells the watch over a connection when the whole pack has come. To index it takes minutes where it is large, in
// which nothing moves on the connection; the child has a limit of its own.
type lastByte struct {
	io.Reader
	activity *activity
	come     bool
}

// Read implements io.Reader.
func (l *lastByte) Read(p []byte) (int, error) {
	n, err := l.Reader.Read(p)
	if err != nil && !l.come {
		l.come = true
		l.activity.resting.Add(1)
	}
	return n, err
}

// done has the watch look at the connection again.
func (l *lastByte) done() {
	if l.come {
		l.activity.touch()
		l.activity.resting.Add(-1)
	}
}

// fetchPack runs one fetch over a session of any transport.
func fetchPack(ctx context.Context, s transport.UploadPackSession, via route, dst *odb.Storage, ref plumbing.ReferenceName) (plumbing.Hash, error) {
	adv, err := s.AdvertisedReferencesContext(ctx)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	tip, ok := adv.References[ref.String()]
	if !ok {
		return plumbing.ZeroHash, BranchGone(ref, listOf(adv))
	}
	if len(adv.Shallows) > 0 {
		return plumbing.ZeroHash, hint.With(fmt.Errorf("%w: it is a shallow clone, whose history is cut off", odb.ErrUnreadable),
			"run git fetch --unshallow in it on the server, or set url to the repository that it was cloned from")
	}
	if _, err := odb.ReadCommit(dst, tip); err == nil {
		return tip, nil
	}
	req := packp.NewUploadPackRequestFromCapabilities(adv.Capabilities)
	if adv.Capabilities.Supports(capability.NoProgress) {
		if err := req.Capabilities.Set(capability.NoProgress); err != nil {
			return plumbing.ZeroHash, fmt.Errorf("asking for no progress: %w", err)
		}
	}
	req.Wants = []plumbing.Hash{tip}
	req.Haves = haves(dst)
	answer, err := s.UploadPack(ctx, req)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	coming := &lastByte{Reader: demultiplexed(req.Capabilities, answer), activity: via.activity}
	_, err = via.child.Run(ctx, pack.Order{Kind: pack.OrderReceive, Dir: dst.Filesystem().Root()}, coming)
	coming.done()
	dst.Reindex()
	if closeErr := answer.Close(); err == nil && closeErr != nil && !errors.Is(closeErr, io.EOF) {
		err = closeErr
	}
	return tip, err
}

func demultiplexed(caps *capability.List, r io.Reader) io.Reader {
	switch {
	case caps.Supports(capability.Sideband64k):
		return sideband.NewDemuxer(sideband.Sideband64k, r)
	case caps.Supports(capability.Sideband):
		return sideband.NewDemuxer(sideband.Sideband, r)
	}
	return r
}

// haves names commits that the mirror holds: the heads and a few of their ancestors in growing distances, so that
// after a force-push the server still finds a common one. A few dozen hashes are enough; go-git would send thousands.
func haves(dst *odb.Storage) []plumbing.Hash {
	const reach = 1000
	seen := map[plumbing.Hash]bool{}
	var all []plumbing.Hash
	refs, err := dst.IterReferences()
	if err != nil {
		return nil // an unreadable reference costs a larger pack, no more
	}
	_ = refs.ForEach(func(ref *plumbing.Reference) error {
		if ref.Type() != plumbing.HashReference || len(all) > 1000 {
			return nil
		}
		commit, err := odb.ReadCommit(dst, ref.Hash())
		if err != nil {
			return nil
		}
		for n, next := 0, 0; n < reach && !seen[commit.Hash]; n++ {
			if n == next {
				seen[commit.Hash] = true
				all = append(all, commit.Hash)
				next += 1 + next/2
			}
			if len(commit.ParentHashes) == 0 {
				break
			}
			if commit, err = odb.ReadCommit(dst, commit.ParentHashes[0]); err != nil {
				break
			}
		}
		return nil
	})
	return all
}

// BranchGone says what there is in the place of a branch.
func BranchGone(ref plumbing.ReferenceName, list RefList) error {
	err := fmt.Errorf("%w: %s", ErrBranchGone, ref.Short())
	if list.head != "" && list.head != ref.String() {
		return hint.With(err, "the repository's default branch is %q: set branch to it, or bring %q back",
			plumbing.ReferenceName(list.head).Short(), ref.Short())
	}
	return hint.With(err, "bring the branch %q back, or set branch to one that exists", ref.Short())
}

// activity remembers when a byte last moved on any of a repository's connections.
type activity struct {
	last    atomic.Int64
	resting atomic.Int32 // how many fetches wait for no byte any more
}

func (a *activity) touch() { a.last.Store(time.Now().UnixNano()) }

// watch returns a context that ends with ErrStalled when nothing has moved for the given time. A deadline on the
// connection itself would also end connections that are only idle between two polls.
func (a *activity) watch(ctx context.Context, stall time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	a.touch()
	start(func() {
		timer := time.NewTimer(stall)
		defer timer.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-timer.C:
			}
			if a.resting.Load() > 0 {
				a.touch()
			}
			idle := time.Since(time.Unix(0, a.last.Load()))
			if idle >= stall {
				cancel(fmt.Errorf("%w: nothing came or went for %s", ErrStalled, stall))
				return
			}
			timer.Reset(stall - idle)
		}
	}, func(err error) { cancel(err) })
	return ctx, func() { cancel(nil) }
}

// conn reports each byte that moves.
type conn struct {
	net.Conn
	activity *activity
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.activity.touch()
	}
	return n, err
}

func (c *conn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if n > 0 {
		c.activity.touch()
	}
	return n, err
}

// dial connects within ctx. TCP keepalives hold the state of firewalls and notice hosts that died.
func dial(ctx context.Context, network, addr string, a *activity) (net.Conn, error) {
	d := net.Dialer{Timeout: 30 * time.Second, KeepAlive: 15 * time.Second}
	c, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, activity: a}, nil
}
