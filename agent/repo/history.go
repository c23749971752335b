package repo

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"sallyport/agent/hint"
	"sallyport/agent/repo/odb"
	"sallyport/notify/words"
)

const (
	// maxWalk bounds the commits that a question about ancestry reads; on a large history that is half a second.
	maxWalk = 20_000
	// skew is how wrong the clocks of committers may be.
	skew = 30 * 24 * time.Hour
	// slop is how many commits are looked at beyond the point where their times say that it is of no use.
	slop = 500
)

// Commit is what people want to know about a commit. Names, addresses and subject are whatever the author wrote:
// forgeable, and not cleaned of control characters.
type Commit struct {
	Hash           string
	Author         string
	AuthorEmail    string
	Committer      string
	CommitterEmail string
	Subject        string    // the first line of the message
	Time           time.Time // the committer's, UTC
	Parents        []string  // full hashes; more than one: a merge
}

// Ancestry is the relation of a commit to an older one.
type Ancestry string

// The relations.
const (
	Descends  Ancestry = "descends"  // the older commit is an ancestor, or the same
	Rewritten Ancestry = "rewritten" // it is not: history was rewritten
	Unknown   Ancestry = "unknown"   // not decided within 20,000 commits
)

// Commit describes a commit of the mirror.
func (r *Repository) Commit(hash string) (Commit, error) {
	h, c, err := r.open(hash)
	if err != nil {
		return Commit{}, r.fail("reading a commit of", err)
	}
	defer r.release(h)
	return describe(c), nil
}

// Raw returns a commit as git stores it, which is what a signature is of.
func (r *Repository) Raw(commit string) ([]byte, error) {
	hash, err := odb.ParseHash(commit)
	if err != nil {
		return nil, r.fail("reading a commit of", err)
	}
	h, err := r.acquire()
	if err != nil {
		return nil, r.fail("reading a commit of", err)
	}
	defer r.release(h)
	raw, err := odb.ReadObject(h.storage, plumbing.CommitObject, hash, odb.MaxTreeBytes)
	return raw, r.fail("reading a commit of", err)
}

func describe(c *object.Commit) Commit {
	text := decoderOf(c)
	subject, _, _ := strings.Cut(strings.TrimLeft(text(c.Message), "\r\n\t "), "\n")
	var parents []string
	for _, p := range c.ParentHashes {
		parents = append(parents, p.String())
	}
	return Commit{
		Parents:        parents,
		Hash:           c.Hash.String(),
		Author:         shortened(text(c.Author.Name), maxIdentity),
		AuthorEmail:    shortened(text(c.Author.Email), maxIdentity),
		Committer:      shortened(text(c.Committer.Name), maxIdentity),
		CommitterEmail: shortened(text(c.Committer.Email), maxIdentity),
		Subject:        shortened(strings.TrimSpace(subject), maxSubject),
		Time:           c.Committer.When.UTC(),
	}
}

const (
	maxSubject  = 4096 // bytes
	maxIdentity = 1024 // bytes of a name or an e-mail
)

// shortened is a text of a commit's of at most so many bytes: who makes a commit can make its subject sixty megabytes long, and each
// run of it carries that along. It is cut between words, since nobody knows half of a secret again.
func shortened(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return s[:max(0, strings.LastIndexByte(s[:most], ' '))] + "..."
}

// open acquires the mirror and reads a commit. Without an error the handle must be released.
func (r *Repository) open(commit string) (*handle, *object.Commit, error) {
	hash, err := odb.ParseHash(commit)
	if err != nil {
		return nil, nil, err
	}
	h, err := r.acquire()
	if err != nil {
		return nil, nil, err
	}
	c, err := r.commit(h, hash)
	if err != nil {
		r.release(h)
		return nil, nil, err
	}
	return h, c, nil
}

// commit reads a commit and tells one that was never there from one that cannot be read.
func (r *Repository) commit(h *handle, hash plumbing.Hash) (*object.Commit, error) {
	c, err := odb.ReadCommit(h.storage, hash)
	if err == nil {
		return c, nil
	}
	if errors.Is(h.storage.HasEncodedObject(hash), plumbing.ErrObjectNotFound) {
		r.met.Store(nil) // what was there before may be gone too
		return nil, hint.With(fmt.Errorf("%w: %s", odb.ErrUnknownCommit, words.Short(hash.String())),
			"the commit was not fetched, or a force-push removed it before it was")
	}
	return nil, r.noteDamage(err)
}

// graph is the commits of a mirror that is open, each with its parents.
type graph struct {
	mirror *Repository
	handle *handle
}

// parent reads a commit that must be there, because a commit above it is.
func (g graph) parent(hash plumbing.Hash) (*object.Commit, error) {
	c, err := g.mirror.commit(g.handle, hash)
	if errors.Is(err, odb.ErrUnknownCommit) {
		return nil, g.mirror.noteDamage(fmt.Errorf("%w: commit %s is missing", odb.ErrDamaged, words.Short(hash.String())))
	}
	return c, err
}

// Descends reports whether new has old in its history. It reads at most 20,000 commits. A commit that the mirror does
// not hold is in no history, since mirrors are complete.
func (r *Repository) Descends(ctx context.Context, older, newer string) (Ancestry, error) {
	h, c, err := r.open(newer)
	if err != nil {
		return Unknown, r.fail("comparing commits of", err)
	}
	defer r.release(h)
	hash, err := odb.ParseHash(older)
	if err != nil {
		return Unknown, r.fail("comparing commits of", err)
	}
	base, err := r.commit(h, hash)
	if errors.Is(err, odb.ErrUnknownCommit) {
		return Rewritten, nil
	}
	if err != nil {
		return Unknown, r.fail("comparing commits of", err)
	}
	a, err := graph{r, h}.descends(ctx, base, c)
	return a, r.fail("comparing commits of", err)
}

// descends walks from the newest commit down, by time. Once all that is left is a month older than what is sought, a few
// more are looked at, in case that a clock was wrong, and then the answer is no.
func (g graph) descends(ctx context.Context, base, tip *object.Commit) (Ancestry, error) {
	w := newDateWalk()
	w.push(tip)
	late := 0
	for n := 0; w.Len() > 0; n++ {
		if n >= maxWalk {
			return Unknown, nil
		}
		if err := ctx.Err(); err != nil {
			return Unknown, err
		}
		c := w.pop()
		if c.Hash == base.Hash {
			return Descends, nil
		}
		if c.Committer.When.Before(base.Committer.When.Add(-skew)) {
			if late++; late > slop {
				return Rewritten, nil
			}
		}
		for _, p := range c.ParentHashes {
			if w.seen[p] {
				continue
			}
			parent, err := g.parent(p)
			if err != nil {
				return Unknown, err
			}
			w.push(parent)
		}
	}
	return Rewritten, nil
}

// Between lists the commits that are in the history of newer and not in that of older, newest first, at most limit.
// complete is false if there are more, or if 20,000 commits did not suffice to tell.
func (r *Repository) Between(ctx context.Context, older, newer string, limit int) (commits []Commit, complete bool, err error) {
	h, tip, err := r.open(newer)
	if err != nil {
		return nil, false, r.fail("listing commits of", err)
	}
	defer r.release(h)
	hash, err := odb.ParseHash(older)
	if err != nil {
		return nil, false, r.fail("listing commits of", err)
	}
	base, err := r.commit(h, hash)
	if err != nil {
		return nil, false, r.fail("listing commits of", err)
	}
	found, complete, err := graph{r, h}.between(ctx, base, tip, limit)
	if err != nil {
		return nil, false, r.fail("listing commits of", err)
	}
	return found, complete, nil
}

// between paints: what can be reached from base is not wanted. It goes on until nothing wanted is left to look at, and
// until the paint has passed the oldest commit found: commits of one second come in any order.
func (g graph) between(ctx context.Context, base, tip *object.Commit, limit int) ([]Commit, bool, error) {
	w := newDateWalk()
	unwanted := map[plumbing.Hash]bool{base.Hash: true}
	w.push(base)
	w.push(tip)
	var found []*object.Commit
	complete := true
	for n := 0; w.Len() > 0 && (w.anyBut(unwanted) || !w.past(found)); n++ {
		if n >= maxWalk || len(found) > limit && w.past(found) {
			complete = false
			break
		}
		if err := ctx.Err(); err != nil {
			return nil, false, err
		}
		c := w.pop()
		if !unwanted[c.Hash] {
			found = append(found, c)
		}
		for _, p := range c.ParentHashes {
			repaint := unwanted[c.Hash] && !unwanted[p]
			if repaint {
				unwanted[p] = true
			}
			if w.seen[p] && (!repaint || w.waiting[p]) {
				continue
			}
			parent, err := g.parent(p)
			if err != nil {
				return nil, false, err
			}
			w.push(parent)
		}
	}
	found = slices.DeleteFunc(found, func(c *object.Commit) bool { return unwanted[c.Hash] })
	if len(found) > limit {
		found, complete = found[:limit], false
	}
	list := make([]Commit, 0, len(found))
	for _, c := range found {
		list = append(list, describe(c))
	}
	return list, complete, nil
}

// dateWalk hands out commits newest first.
type dateWalk struct {
	commits []*object.Commit
	seen    map[plumbing.Hash]bool // was pushed
	waiting map[plumbing.Hash]bool // was pushed and not yet popped
}

func newDateWalk() *dateWalk {
	return &dateWalk{seen: map[plumbing.Hash]bool{}, waiting: map[plumbing.Hash]bool{}}
}

// push queues a commit unless it is queued. One that was handed out already is handed out again.
func (w *dateWalk) push(c *object.Commit) {
	if !w.waiting[c.Hash] {
		w.seen[c.Hash], w.waiting[c.Hash] = true, true
		heap.Push(w, c)
	}
}

func (w *dateWalk) pop() *object.Commit {
	c := heap.Pop(w).(*object.Commit)
	delete(w.waiting, c.Hash)
	return c
}

// anyBut reports whether a commit waits that is not one of those.
func (w *dateWalk) anyBut(those map[plumbing.Hash]bool) bool {
	for _, c := range w.commits {
		if !those[c.Hash] {
			return true
		}
	}
	return false
}

// past reports whether all that waits is older than the last of those found.
func (w *dateWalk) past(found []*object.Commit) bool {
	return len(found) == 0 || w.Len() == 0 || w.commits[0].Committer.When.Before(found[len(found)-1].Committer.When)
}

// Len implements heap.Interface.
func (w *dateWalk) Len() int { return len(w.commits) }

// Less implements heap.Interface.
func (w *dateWalk) Less(i, j int) bool {
	return w.commits[i].Committer.When.After(w.commits[j].Committer.When)
}

// Swap implements heap.Interface.
func (w *dateWalk) Swap(i, j int) { w.commits[i], w.commits[j] = w.commits[j], w.commits[i] }

// Push implements heap.Interface.
func (w *dateWalk) Push(x any) { w.commits = append(w.commits, x.(*object.Commit)) }

// Pop implements heap.Interface.
func (w *dateWalk) Pop() any {
	n := len(w.commits) - 1
	c := w.commits[n]
	w.commits = w.commits[:n]
	return c
}
