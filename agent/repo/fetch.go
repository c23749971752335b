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
	"github.com/go-git/go-git/v5/storage/filesystem"

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
	want, err := parseHash(commit)
	if err != nil {
		return err
	}
	select {
	case r.writer <- struct{}{}:
		defer func() { <-r.writer }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if r.damaged.Load() || !present(r.options.Dir) {
		return r.renew(ctx, want)
	}
	err = r.update(ctx, want)
	if errors.Is(err, ErrDamaged) {
		r.options.Log.Warn("mirror is damaged, making a new one", "repository", r.options.Name, "err", err)
		return r.renew(ctx, want)
	}
	return err
}

// update fetches into the mirror that is there. Readers go on meanwhile: packs are only added.
func (r *Repository) update(ctx context.Context, want plumbing.Hash) error {
	if err := r.tidy(); err != nil {
		return err
	}
	dst := openStorage(r.options.Dir)
	defer closeQuietly(dst)
	if err := dst.HasEncodedObject(plumbing.ZeroHash); !errors.Is(err, plumbing.ErrObjectNotFound) {
		return fmt.Errorf("%w: reading its indexes: %w", ErrDamaged, err)
	}
	before := packsOf(r.options.Dir)
	for name := range r.packed {
		if !before[name] {
			return fmt.Errorf("%w: %s is gone", ErrDamaged, name)
		}
	}
	tip, err := r.remote.fetch(ctx, dst, r.branch())
	if err != nil {
		return errors.Join(err, r.removePartial())
	}
	if err := r.settle(dst, r.options.Dir, tip, before); err != nil {
		return err
	}
	r.invalidate()
	moved := r.arrived(dst, want, tip)
	if len(packsOf(r.options.Dir)) > maxPacks {
		if err := r.compact(ctx); err != nil {
			r.options.Log.Warn("packs of the mirror could not be joined", "repository", r.options.Name, "err", err)
		}
	}
	r.packed = packsOf(r.options.Dir)
	return moved
}

// arrived checks that the commit that was asked for is there.
func (r *Repository) arrived(dst *filesystem.Storage, want, tip plumbing.Hash) error {
	if want == tip {
		return nil
	}
	if _, err := readCommit(dst, want); err == nil {
		return nil
	}
	return withHint(fmt.Errorf("%w: %s is now at %s and does not lead to %s", ErrMoved, r.options.Branch, words.Short(tip.String()), words.Short(want.String())),
		"the branch was moved between a poll and the fetch; the next poll sees it")
}

// settle checks what arrived, makes it durable and only then points the reference to it.
func (r *Repository) settle(dst *filesystem.Storage, dir string, tip plumbing.Hash, before map[string]bool) error {
	commit, err := readCommit(dst, tip)
	if err != nil {
		return err
	}
	w := newWalker(dst)
	if _, err := w.count(commit.TreeHash, r.verified, 0); err != nil {
		return err
	}
	if err := r.syncPacks(dir, before); err != nil {
		return err
	}
	if err := r.pruneHeads(dir); err != nil {
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
	dst := openStorage(fresh)
	defer closeQuietly(dst)
	r.verified = plumbing.ZeroHash
	tip, err := r.remote.fetch(ctx, dst, r.branch())
	if err != nil {
		return err
	}
	if err := r.settle(dst, fresh, tip, nil); err != nil {
		var d *damageError
		if errors.As(err, &d) { // the mirror is new: what it lacks did not come
			return withHint(fmt.Errorf("%w: it sent an incomplete commit: %w", ErrUnreadable, d.cause), "run git fsck in the repository on the server, and mend what it finds")
		}
		return err
	}
	carried := map[string]plumbing.Hash{}
	if present(r.options.Dir) {
		r.carryOver(ctx, dst, fresh, carried)
	}
	missing := r.arrived(dst, want, tip) // before the rename, which takes the files from under dst
	if err := r.swapIn(ctx, dst, fresh, old, carried); err != nil {
		return err
	}
	return missing
}

// swapIn puts a whole mirror in its place. A crash in between leaves either, and Open sorts it out.
func (r *Repository) swapIn(ctx context.Context, dst *filesystem.Storage, fresh, old string, carried map[string]plumbing.Hash) error {
	r.swap.Lock()
	defer r.swap.Unlock()
	if present(r.options.Dir) {
		r.carryOver(ctx, dst, fresh, carried) // what was kept meanwhile
	}
	if err := r.syncPacks(fresh, nil); err != nil {
		return err
	}
	r.packed = packsOf(fresh)
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
func (r *Repository) pruneHeads(dir string) error {
	root := filepath.Join(dir, filepath.FromSlash(headsPrefix))
	current := filepath.Join(root, filepath.FromSlash(r.options.Branch))
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

// packsOf lists the files of the pack directory.
func packsOf(dir string) map[string]bool {
	entries, err := os.ReadDir(filepath.Join(dir, "objects", "pack"))
	if err != nil {
		return nil
	}
	found := map[string]bool{}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".pack") {
			found[strings.TrimSuffix(e.Name(), ".pack")] = true
		}
	}
	return found
}

// syncPacks makes packs durable that were not there before. go-git leaves that to chance.
func (r *Repository) syncPacks(dir string, before map[string]bool) error {
	pack := filepath.Join(dir, "objects", "pack")
	for name := range packsOf(dir) {
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
