package sim

import (
	"context"
	"crypto/sha1" //nolint:gosec // git's own
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/repo"
	"sallyport/agent/stack"
)

const gitURL = "https://git.example.com/infra.git"

// commit is one of the history, with all of its files.
type commit struct {
	repo.Commit
	files map[string]string
}

// origin is the repository on the server.
type origin struct {
	mu      sync.Mutex
	commits map[string]*commit
	head    string
	before  string // where the branch was before: a replica that lags behind says so
}

func newOrigin() *origin { return &origin{commits: map[string]*commit{}} }

// push adds a commit on a parent and moves the branch to it.
func (o *origin) push(parent, author, subject string, files map[string]string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	sum := sha1.Sum([]byte(fmt.Sprint(parent, subject, len(o.commits)))) //nolint:gosec // git's own
	c := &commit{files: maps.Clone(files), Commit: repo.Commit{
		Hash: fmt.Sprintf("%x", sum), Author: author, AuthorEmail: strings.ToLower(author) + "@example.com", Committer: author,
		CommitterEmail: strings.ToLower(author) + "@example.com", Subject: subject, Time: time.Now().UTC().Truncate(time.Second),
	}}
	if parent != "" {
		c.Parents = []string{parent}
	}
	o.commits[c.Hash] = c
	o.before, o.head = o.head, c.Hash
	return c.Hash
}

// reset moves the branch elsewhere, as a force-push does.
func (o *origin) reset(to string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.before, o.head = o.head, to
}

func (o *origin) tip() *commit {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.commits[o.head]
}

func (o *origin) at(hash string) *commit {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.commits[hash]
}

// line is a commit and all before it, newest first. No commit of this history has two parents.
func (o *origin) line(hash string) []*commit {
	var out []*commit
	for c := o.at(hash); c != nil; c = o.at(c.Parents[0]) {
		out = append(out, c)
		if len(c.Parents) == 0 {
			break
		}
	}
	return out
}

// fetched is what lies in the mirror's directory. It outlives the agent.
type fetched struct {
	mu  sync.Mutex
	has map[string]bool
}

func (f *fetched) add(list []*commit) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range list {
		f.has[c.Hash] = true
	}
}

func (f *fetched) holds(hash string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.has[hash]
}

// mirror is an agent's view of the repository. It knows what was fetched and nothing else.
type mirror struct {
	w    *world
	life *life
}

var _ active.Mirror = mirror{}

func fail(op string, err error) error {
	var done *repo.Error
	if err == nil || errors.As(err, &done) {
		return err
	}
	return &repo.Error{Op: op, URL: gitURL, Err: err}
}

// network is a way to the server and back.
func (m mirror) network(ctx context.Context, op string) error {
	m.life.mustLive()
	switch m.w.weather().git {
	case "down":
		return fail(op, &os.SyscallError{Syscall: "connect", Err: syscall.ECONNREFUSED})
	case "hang":
		<-ctx.Done()
		return fail(op, fmt.Errorf("no answer in time: %w", context.DeadlineExceeded))
	case "slow":
		return m.rest(ctx, op, 5*time.Second, 40*time.Second)
	case "flaky":
		if m.w.chance("git", 0.4) {
			return fail(op, repo.ErrStalled)
		}
	}
	return m.rest(ctx, op, 20*time.Millisecond, 300*time.Millisecond)
}

func (m mirror) rest(ctx context.Context, op string, least, most time.Duration) error {
	select {
	case <-ctx.Done():
		m.life.mustLive()
		return fail(op, ctx.Err())
	case <-time.After(m.w.between("git", least, most)):
		m.life.mustLive()
		return nil
	}
}

func (m mirror) Poll(ctx context.Context) (repo.Tip, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second) // as the real one
	defer cancel()
	if err := m.network(ctx, "polling"); err != nil {
		return repo.Tip{}, err
	}
	o := m.w.git
	o.mu.Lock()
	defer o.mu.Unlock()
	if m.w.weather().git == "stale" && o.before != "" {
		return repo.Tip{Commit: o.before}, nil
	}
	return repo.Tip{Commit: o.head}, nil
}

func (m mirror) Fetch(ctx context.Context, want string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute) // without a byte
	defer cancel()
	if err := m.network(ctx, "fetching"); err != nil {
		return err
	}
	have := m.w.git.line(m.w.git.tip().Hash)
	m.w.mirror.add(have)
	if !slices.ContainsFunc(have, func(c *commit) bool { return c.Hash == want }) {
		return fail("fetching", repo.ErrMoved)
	}
	return nil
}

func (m mirror) FetchPull(context.Context, int, string) error {
	return fail("fetching", repo.ErrNotFound)
}
func (m mirror) DropPull(int) error        { return nil }
func (m mirror) Has(commit string) bool    { return m.w.mirror.holds(commit) }
func (m mirror) Keep(string, string) error { return nil } // nothing is ever dropped here
func (m mirror) Close() error              { return nil }
func (m mirror) Raw(string) ([]byte, error) {
	return nil, fail("reading a commit of", repo.ErrUnreadable)
}

func (m mirror) open(op, hash string) (*commit, error) {
	if !m.Has(hash) {
		return nil, fail(op, fmt.Errorf("%w: %s", repo.ErrUnknownCommit, hash))
	}
	return m.w.git.at(hash), nil
}

func (m mirror) Commit(hash string) (repo.Commit, error) {
	c, err := m.open("reading a commit of", hash)
	if err != nil {
		return repo.Commit{}, err
	}
	return c.Commit, nil
}

func (m mirror) Descends(_ context.Context, older, newer string) (repo.Ancestry, error) {
	if _, err := m.open("comparing commits of", older); err != nil {
		return repo.Unknown, err
	}
	if _, err := m.open("comparing commits of", newer); err != nil {
		return repo.Unknown, err
	}
	if slices.ContainsFunc(m.w.git.line(newer), func(c *commit) bool { return c.Hash == older }) {
		return repo.Descends, nil
	}
	return repo.Rewritten, nil
}

func (m mirror) Between(_ context.Context, older, newer string, limit int) ([]repo.Commit, bool, error) {
	for _, hash := range []string{older, newer} {
		if _, err := m.open("listing commits of", hash); err != nil {
			return nil, false, err
		}
	}
	old := map[string]bool{}
	for _, c := range m.w.git.line(older) {
		old[c.Hash] = true
	}
	var out []repo.Commit
	for _, c := range m.w.git.line(newer) {
		if old[c.Hash] {
			break
		}
		if len(out) == limit {
			return out, false, nil
		}
		out = append(out, c.Commit)
	}
	return out, true, nil
}

func (m mirror) OnBranch(_ context.Context, prefix, head string) (string, error) {
	if _, err := m.open("looking for a commit of", head); err != nil {
		return "", err
	}
	for _, c := range m.w.git.line(head) {
		if strings.HasPrefix(c.Hash, prefix) {
			return c.Hash, nil
		}
	}
	return "", fail("looking for a commit of", repo.ErrUnknownCommit)
}

func (m mirror) MergeBase(context.Context, string, string) (string, error) {
	return "", fail("comparing commits of", repo.ErrUnknownCommit)
}

func (m mirror) MergeAdds(context.Context, string) (string, error) { return "", nil }

func (m mirror) ReplayAdds(context.Context, repo.Replay) (string, error) { return "", nil }

func differing(a, b map[string]string) []string {
	var out []string
	for name, text := range a {
		if other, both := b[name]; !both || other != text {
			out = append(out, name)
		}
	}
	for name := range b {
		if _, both := a[name]; !both {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func (m mirror) Changed(_ context.Context, a, b string) ([]string, error) {
	from, err := m.open("comparing commits of", a)
	if err != nil {
		return nil, err
	}
	to, err := m.open("comparing commits of", b)
	if err != nil {
		return nil, err
	}
	return differing(from.files, to.files), nil
}

func (m mirror) TouchedBy(_ context.Context, hash string) ([]string, error) {
	c, err := m.open("comparing commits of", hash)
	if err != nil {
		return nil, err
	}
	var before map[string]string
	if len(c.Parents) > 0 {
		before = m.w.git.at(c.Parents[0]).files
	}
	return differing(before, c.files), nil
}

func (m mirror) Tree(hash string) (stack.Tree, error) {
	c, err := m.open("reading a commit of", hash)
	if err != nil {
		return nil, err
	}
	return tree(c.files), nil
}

func (m mirror) Materialise(_ context.Context, hash, dir string, _ repo.MaterialiseOptions) error {
	const op = "checking out a commit of"
	c, err := m.open(op, hash)
	if err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fail(op, err)
	}
	for name, text := range c.files {
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(text), 0o600)); err != nil {
			return fail(op, errors.Join(err, os.RemoveAll(dir)))
		}
	}
	return nil
}

// tree is the files of a commit, none of which is a link.
type tree map[string]string

func (t tree) ReadFile(name string) ([]byte, error) {
	text, ok := t[path.Clean(name)]
	if !ok {
		return nil, fail("reading a file of", fmt.Errorf("%s: %w", name, fs.ErrNotExist))
	}
	return []byte(text), nil
}

func (t tree) ReadDir(dir string) ([]fs.DirEntry, error) {
	var out []fs.DirEntry
	for name := range t {
		switch at, file := path.Split(name); {
		case path.Clean(at) == path.Clean(dir):
			out = append(out, entry{file, 0})
		case path.Clean(dir) == "." && strings.Count(name, "/") == 1:
			top := path.Dir(name)
			if !slices.ContainsFunc(out, func(e fs.DirEntry) bool { return e.Name() == top }) {
				out = append(out, entry{top, fs.ModeDir})
			}
		}
	}
	slices.SortFunc(out, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return out, nil
}

func (t tree) Resolve(name string) (string, []string, error) { return path.Clean(name), nil, nil }

type entry struct {
	name string
	mode fs.FileMode
}

func (e entry) Name() string               { return e.name }
func (e entry) IsDir() bool                { return e.mode.IsDir() }
func (e entry) Type() fs.FileMode          { return e.mode }
func (e entry) Info() (fs.FileInfo, error) { return nil, errors.ErrUnsupported }
