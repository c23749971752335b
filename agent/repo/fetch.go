package repo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"

	"sallyport/agent/hint"
	"sallyport/agent/repo/odb"
	"sallyport/agent/repo/pack"
	"sallyport/notify/words"
	"sallyport/store/disk"
)

const (
	headsPrefix   = "refs/sallyport/heads/"
	appliedPrefix = "refs/sallyport/applied/"
)

// Fetch brings the branch into the mirror, so that commit is there afterwards; it makes the mirror if there is none.
// A damaged one is replaced by a fresh one. When the branch has moved away from commit meanwhile and commit is not
// below it, what there is now is fetched and the error is ErrMoved: poll again.
func (r *Repository) Fetch(ctx context.Context, commit string) error {
	return r.fail("fetching", r.fetch(ctx, commit))
}

func (r *Repository) fetch(ctx context.Context, commit string) error {
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
		return r.renew(ctx, want)
	}
	err = r.update(ctx, want)
	if errors.Is(err, odb.ErrDamaged) {
		r.options.Log.Warn("mirror is damaged, making a new one", "repository", r.options.Name, "err", err)
		return r.renew(ctx, want)
	}
	return err
}

// update fetches into the mirror that is there. Readers go on meanwhile: packs are only added.
func (r *Repository) update(ctx context.Context, want plumbing.Hash) error {
	if err := tidy(r.options); err != nil {
		return err
	}
	dst := odb.OpenStorage(r.options.Dir)
	defer odb.CloseQuietly(dst)
	if err := dst.HasEncodedObject(plumbing.ZeroHash); !errors.Is(err, plumbing.ErrObjectNotFound) {
		return fmt.Errorf("%w: reading its indexes: %w", odb.ErrDamaged, err)
	}
	before := odb.PacksOf(r.options.Dir)
	for name := range r.packed {
		if !before[name] {
			return fmt.Errorf("%w: %s is gone", odb.ErrDamaged, name)
		}
	}
	tip, err := r.remote.Fetch(ctx, dst, r.branch())
	if err != nil {
		return errors.Join(err, removePartial(r.options.Dir))
	}
	if err := r.settle(dst, r.options.Dir, tip, before); err != nil {
		return err
	}
	r.invalidate()
	moved := arrived(r.options.Branch, dst, want, tip)
	if len(odb.PacksOf(r.options.Dir)) > pack.MaxPacks {
		if err := r.compact(ctx); err != nil {
			r.options.Log.Warn("packs of the mirror could not be joined", "repository", r.options.Name, "err", err)
		}
	}
	r.packed = odb.PacksOf(r.options.Dir)
	return moved
}

// arrived checks that the commit that was asked for is there.
func arrived(branch string, dst *odb.Storage, want, tip plumbing.Hash) error {
	if want == tip {
		return nil
	}
	if _, err := odb.ReadCommit(dst, want); err == nil {
		return nil
	}
	return hint.With(fmt.Errorf("%w: %s is now at %s and does not lead to %s", ErrMoved, branch, words.Short(tip.String()), words.Short(want.String())),
		"the branch was moved between a poll and the fetch; the next poll sees it")
}

// settle checks what arrived, makes it durable and only then points the reference to it.
func (r *Repository) settle(dst *odb.Storage, dir string, tip plumbing.Hash, before map[string]bool) error {
	commit, err := odb.ReadCommit(dst, tip)
	if err != nil {
		return err
	}
	w := odb.NewWalker(dst)
	if _, err := w.Count(commit.TreeHash, r.verified, 0); err != nil {
		return err
	}
	if err := syncPacks(dir, before); err != nil {
		return err
	}
	if err := pruneHeads(dir, r.options.Branch); err != nil {
		return err
	}
	if err := writeRef(dir, headsPrefix+r.options.Branch, tip); err != nil {
		return err
	}
	r.verified = commit.TreeHash
	return nil
}

// renew makes a whole mirror beside the present one and swaps them.
func (r *Repository) renew(ctx context.Context, want plumbing.Hash) error {
	suffix := strings.ToLower(rand.Text()[:10])
	fresh, old := r.options.Dir+".new-"+suffix, r.options.Dir+".old-"+suffix
	if err := os.MkdirAll(filepath.Dir(fresh), 0o700); err != nil {
		return fmt.Errorf("making directory of mirrors: %w", err)
	}
	defer os.RemoveAll(fresh)
	defer debug.FreeOSMemory() // a whole history took several times its size; the agent goes back to idling
	if _, err := git.PlainInit(fresh, true); err != nil {
		return fmt.Errorf("making mirror: %w", err)
	}
	if err := os.Chmod(fresh, 0o700); err != nil {
		return fmt.Errorf("making mirror: %w", err)
	}
	dst := odb.OpenStorage(fresh)
	defer odb.CloseQuietly(dst)
	r.verified = plumbing.ZeroHash
	tip, err := r.remote.Fetch(ctx, dst, r.branch())
	if err != nil {
		return err
	}
	if err := r.settle(dst, fresh, tip, nil); err != nil {
		var d *odb.DamageError
		if errors.As(err, &d) { // the mirror is new: what it lacks did not come
			return hint.With(fmt.Errorf("%w: it sent an incomplete commit: %w", odb.ErrUnreadable, d.Cause), "run git fsck in the repository on the server, and mend what it finds")
		}
		return err
	}
	carried := map[string]plumbing.Hash{}
	if odb.Present(r.options.Dir) {
		r.carryOver(ctx, dst, fresh, carried)
	}
	missing := arrived(r.options.Branch, dst, want, tip) // before the rename, which takes the files from under dst
	if err := r.swapIn(ctx, dst, fresh, old, carried); err != nil {
		return err
	}
	return missing
}

// swapIn puts a whole mirror in its place. A crash in between leaves either, and Open sorts it out.
func (r *Repository) swapIn(ctx context.Context, dst *odb.Storage, fresh, old string, carried map[string]plumbing.Hash) error {
	r.swap.Lock()
	defer r.swap.Unlock()
	if odb.Present(r.options.Dir) {
		r.carryOver(ctx, dst, fresh, carried) // what was kept meanwhile
	}
	if err := syncPacks(fresh, nil); err != nil {
		return err
	}
	r.packed = odb.PacksOf(fresh)
	if err := os.Rename(r.options.Dir, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("moving the old mirror away: %w", err)
	}
	if err := os.Rename(fresh, r.options.Dir); err != nil {
		return fmt.Errorf("putting the new mirror in place: %w", err)
	}
	r.invalidate()
	r.damaged.Store(false)
	if err := disk.Sync(filepath.Dir(r.options.Dir)); err != nil {
		return err
	}
	if err := os.RemoveAll(old); err != nil {
		r.options.Log.Warn("old mirror could not be removed", "repository", r.options.Name, "err", err)
	}
	return nil
}

// pruneHeads removes the head of a branch that was tracked before. Its name may also stand where a directory is needed
// now (main, then main/v2).
func pruneHeads(dir, branch string) error {
	root := filepath.Join(dir, filepath.FromSlash(headsPrefix))
	current := filepath.Join(root, filepath.FromSlash(branch))
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == current || path == root {
			return err
		}
		if !d.IsDir() {
			return os.Remove(path)
		}
		if !strings.HasPrefix(current, path+string(filepath.Separator)) {
			if err := os.RemoveAll(path); err != nil {
				return err
			}
			return fs.SkipDir
		}
		return nil
	})
	if info, statErr := os.Stat(current); statErr == nil && info.IsDir() {
		err = errors.Join(err, os.RemoveAll(current))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing heads of other branches: %w", err)
	}
	return nil
}

// syncPacks makes packs durable that were not there before. go-git leaves that to chance.
func syncPacks(dir string, before map[string]bool) error {
	pack := filepath.Join(dir, "objects", "pack")
	for name := range odb.PacksOf(dir) {
		if before[name] {
			continue
		}
		for _, ext := range []string{".pack", ".idx"} {
			if err := disk.Sync(filepath.Join(pack, name+ext)); err != nil {
				return err
			}
		}
	}
	return disk.Sync(pack)
}
