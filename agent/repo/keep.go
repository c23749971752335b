package repo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/google/renameio/v2"

	"sallyport/agent/repo/odb"
	"sallyport/agent/repo/pack"
	"sallyport/store"
	"sallyport/store/disk"
)

// Keep holds a commit in the mirror for ever under a name, so that it stays readable after a force-push removed it from
// the server. An empty commit lets go of the name. It does not wait for a fetch.
func (r *Repository) Keep(name, commit string) error {
	ref := plumbing.ReferenceName(appliedPrefix + refName(name))
	if err := ref.Validate(); err != nil || name == "" || strings.Contains(name, "/") {
		return r.fail("keeping a commit of", fmt.Errorf("%q is not a name for a reference", name))
	}
	if commit == "" {
		r.swap.RLock()
		defer r.swap.RUnlock()
		err := os.Remove(filepath.Join(r.options.Dir, filepath.FromSlash(ref.String())))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return r.fail("letting go of a commit of", err)
		}
		return nil
	}
	hash, err := odb.ParseHash(commit)
	if err != nil {
		return r.fail("keeping a commit of", err)
	}
	h, err := r.acquire()
	if err != nil {
		return r.fail("keeping a commit of", err)
	}
	defer r.release(h)
	if _, err := r.commit(h, hash); err != nil {
		return r.fail("keeping a commit of", err)
	}
	return r.fail("keeping a commit of", writeRef(r.options.Dir, ref.String(), hash))
}

// refName is the last part of the reference for a name. Git takes none that is as long as a name of a stack can be on every file
// system, holds two dots in a row, or ends with a dot or ".lock".
func refName(name string) string {
	short := store.FileName(name)
	if plumbing.ReferenceName(appliedPrefix+short).Validate() != nil {
		return "+" + store.NameDigest(name) // nothing else begins with a plus
	}
	return short
}

// writeRef points a reference to a commit, atomically and durably. go-git truncates the file and writes into it, and a
// power failure in between leaves an empty reference. The temporary file lies outside refs, where it would be taken for one.
func writeRef(dir, ref string, hash plumbing.Hash) error {
	path := filepath.Join(dir, filepath.FromSlash(ref))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("writing reference %s: %w", ref, err)
	}
	if err := renameio.WriteFile(path, []byte(hash.String()+"\n"), 0o600, renameio.WithTempDir(dir)); err != nil {
		return fmt.Errorf("writing reference %s: %w", ref, err)
	}
	return disk.Sync(filepath.Dir(path))
}

// carryOver brings the kept commits from the old mirror, as far as they can be read there. The server may not have
// them any more. What cannot be saved is logged: the stacks that applied it will see everything as changed. done is what
// an earlier call has dealt with.
func (r *Repository) carryOver(ctx context.Context, dst *odb.Storage, fresh string, done map[string]plumbing.Hash) {
	found, err := kept(r.options.Dir, done)
	if err == nil && len(found) > 0 {
		err = r.carry(ctx, fresh, found)
		dst.Reindex()
	}
	if err != nil {
		r.options.Log.Warn("kept commits could not be read from the damaged mirror", "repository", r.options.Name, "err", err)
	}
}

// kept reads the names of kept commits in the old mirror, without those that were dealt with, and adds them to those. One whose
// reference says nothing is under its name with a zero hash.
func kept(dir string, done map[string]plumbing.Hash) (map[string]plumbing.Hash, error) {
	found := map[string]plumbing.Hash{}
	root := filepath.Join(dir, filepath.FromSlash(appliedPrefix))
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		hash, _ := odb.ParseHash(strings.TrimSpace(string(content)))
		if met, ok := done[name]; !ok || met != hash {
			done[name], found[name] = hash, hash
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return found, err
}

// carry brings commits over in one child process and writes their references.
func (r *Repository) carry(ctx context.Context, fresh string, kept map[string]plumbing.Hash) error {
	whole, err := salvage(r.options.Dir, fresh)
	defer os.RemoveAll(whole)
	if err != nil {
		return err
	}
	o := pack.Order{Kind: pack.OrderCarry, Dir: fresh, Source: whole}
	for _, hash := range kept {
		o.Tips = append(o.Tips, hash.String())
	}
	out, err := r.child.Run(ctx, o, nil)
	if err != nil {
		return err
	}
	for name, hash := range kept {
		var err error
		if f, lost := out.Lost[hash.String()]; lost {
			err = f.Err()
		} else {
			err = writeRef(fresh, appliedPrefix+filepath.ToSlash(name), hash)
		}
		if err != nil {
			r.options.Log.Warn("a kept commit is lost with the damaged mirror", "repository", r.options.Name, "ref", name, "err", err)
		}
	}
	return nil
}

// salvage makes a repository of those packs of the mirror whose index can be read; a single broken index keeps go-git
// from reading anything.
func salvage(mirror, fresh string) (string, error) {
	dir := fresh + "-salvage"
	from, to := filepath.Join(mirror, "objects", "pack"), filepath.Join(dir, "objects", "pack")
	if err := os.MkdirAll(to, 0o700); err != nil {
		return dir, fmt.Errorf("making room for what is whole: %w", err)
	}
	for name := range odb.PacksOf(mirror) {
		if _, err := pack.ReadIndex(filepath.Join(from, name+".idx")); err != nil {
			continue
		}
		for _, ext := range []string{".pack", ".idx"} {
			if err := os.Link(filepath.Join(from, name+ext), filepath.Join(to, name+ext)); err != nil {
				return dir, fmt.Errorf("linking what is whole: %w", err)
			}
		}
	}
	return dir, nil
}
