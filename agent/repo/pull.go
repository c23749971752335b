package repo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"sallyport/agent/hint"
	"sallyport/agent/repo/odb"
	"sallyport/notify/words"
)

// pullsPrefix is where the heads of pull requests are kept while they are open.
const pullsPrefix = "refs/sallyport/pulls/"

// FetchPull brings the head of a pull request into the mirror, and only that. The error is ErrMoved if the head is not, or not
// any more, exactly commit: whoever checked the one must not get the other. There must be a mirror; Fetch makes it.
func (r *Repository) FetchPull(ctx context.Context, number int, commit string) error {
	return r.fail("fetching a pull request of", r.fetchPull(ctx, number, commit))
}

func (r *Repository) fetchPull(ctx context.Context, number int, commit string) error {
	want, err := odb.ParseHash(commit)
	if err != nil {
		return err
	}
	select {
	case r.writer <- struct{}{}:
		defer func() { <-r.writer }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if r.damaged.Load() || !odb.Present(r.options.Dir) {
		return hint.With(errors.New("there is no whole mirror yet"), "the next poll of the branch makes it")
	}
	if err := tidy(r.options); err != nil {
		return err
	}
	dst := odb.OpenStorage(r.options.Dir)
	defer odb.CloseQuietly(dst)
	before := odb.PacksOf(r.options.Dir)
	ref := plumbing.ReferenceName(r.options.PullRef(number))
	tip, err := r.remote.Fetch(ctx, dst, ref)
	if err != nil {
		return errors.Join(err, removePartial(r.options.Dir))
	}
	if err := syncPacks(r.options.Dir, before); err != nil {
		return err
	}
	r.packed = odb.PacksOf(r.options.Dir)
	if tip != want {
		return hint.With(fmt.Errorf("%w: %s is now at %s and not at %s", ErrMoved, ref, words.Short(tip.String()), words.Short(want.String())),
			"somebody pushed between the check and the fetch; the new head is checked next")
	}
	c, err := odb.ReadCommit(dst, tip)
	if err != nil {
		return err
	}
	if _, err := odb.NewWalker(dst).Count(c.TreeHash, r.verified, 0); err != nil {
		return err
	}
	r.invalidate()
	return writeRef(r.options.Dir, pullsPrefix+fmt.Sprint(number), tip)
}

// DropPull lets go of the head of a pull request. One that is not there is no error.
func (r *Repository) DropPull(number int) error {
	r.swap.RLock()
	defer r.swap.RUnlock()
	err := os.Remove(filepath.Join(r.options.Dir, filepath.FromSlash(pullsPrefix+fmt.Sprint(number))))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return r.fail("letting go of a pull request of", err)
	}
	return nil
}

// MergeBase is the newest commit that is in the history of both; empty if there is none within 20,000 commits.
func (r *Repository) MergeBase(ctx context.Context, one, other string) (string, error) {
	h, tip, err := r.open(one)
	if err != nil {
		return "", r.fail("comparing commits of", err)
	}
	defer r.release(h)
	hash, err := odb.ParseHash(other)
	if err != nil {
		return "", r.fail("comparing commits of", err)
	}
	second, err := r.commit(h, hash)
	if err != nil {
		return "", r.fail("comparing commits of", err)
	}
	base, err := graph{r, h}.mergeBase(ctx, tip, second)
	return base, r.fail("comparing commits of", err)
}

// mergeBase paints the history of each in a colour of its own, newest commits first, until both meet.
func (g graph) mergeBase(ctx context.Context, one, other *object.Commit) (string, error) {
	w := newDateWalk()
	colours := map[plumbing.Hash]int{one.Hash: 1}
	w.push(one)
	if colours[other.Hash] |= 2; !w.seen[other.Hash] {
		w.push(other)
	}
	for n := 0; w.Len() > 0 && n < maxWalk; n++ {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		c := w.pop()
		mine := colours[c.Hash]
		if mine == 3 {
			return c.Hash.String(), nil
		}
		for _, p := range c.ParentHashes {
			fresh := colours[p]|mine != colours[p]
			colours[p] |= mine
			if w.seen[p] && (!fresh || w.waiting[p]) {
				continue
			}
			parent, err := g.parent(p)
			if err != nil {
				return "", err
			}
			w.push(parent)
		}
	}
	return "", nil
}
