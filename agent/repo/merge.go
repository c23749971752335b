package repo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/go-git/go-git/v5/plumbing/filemode"

	"sallyport/agent/repo/tree"
	"sallyport/notify/words"
)

// maxSide bounds the commits that a merge brings in, for the question where its two sides parted.
const maxSide = 1000

// maxMerged bounds the file that is merged once more.
const maxMerged = 1 << 20

// MergeAdds says what a merge has that neither of its sides gave it, or that it leaves out of them; empty if nothing, as of a
// merge that git made by itself, and of a commit that is none. What cannot be found out is said, too: whoever asks must not
// take it for nothing.
func (r *Repository) MergeAdds(ctx context.Context, commit string) (what string, err error) {
	c, err := r.Commit(commit)
	switch {
	case err != nil:
		return "", err
	case len(c.Parents) < 2:
		return "", nil
	case len(c.Parents) > 2:
		return fmt.Sprintf("it merges %s at once, which is not looked into", words.Count(len(c.Parents)-1, "commit")), nil
	}
	base, err := parted(ctx, r, c.Parents[0], c.Parents[1])
	if err != nil {
		return "", err
	}
	if base == "" {
		return "it is a merge of which nobody can tell where its sides parted", nil
	}
	path, err := unmerged(ctx, r, base, c)
	if err != nil || path == "" {
		return "", err
	}
	return fmt.Sprintf("it is a merge, and what it does to %s comes from neither side alone", path), nil
}

// A Replay is a change that was put onto a commit without merging it: squashed into one commit, or rebased as several.
type Replay struct {
	Onto   string // the commit below what was made
	Head   string // of the change
	Result string // the last commit that was made
}

// ReplayAdds says what a replayed change has that a merge of the same would not have, or that it leaves out; empty if nothing. What
// cannot be found out is said, too.
func (r *Repository) ReplayAdds(ctx context.Context, p Replay) (what string, err error) {
	base, err := parted(ctx, r, p.Onto, p.Head)
	if err != nil {
		return "", err
	}
	if base == "" {
		return "nobody can tell where it and the branch parted", nil
	}
	path, err := unmerged(ctx, r, base, Commit{Hash: p.Result, Parents: []string{p.Onto, p.Head}})
	if err != nil || path == "" {
		return "", err
	}
	return "what it does to " + path + " is something else", nil
}

// parted finds the one commit at which two sides parted; empty if there is not exactly one, or it was not found.
func parted(ctx context.Context, r *Repository, ours, theirs string) (string, error) {
	side, complete, err := r.Between(ctx, ours, theirs, maxSide)
	if err != nil || !complete {
		return "", err
	}
	if len(side) == 0 {
		return theirs, nil // it is in our history already
	}
	in := map[string]bool{}
	for _, c := range side {
		in[c.Hash] = true
	}
	var bases []string
	for _, c := range side {
		for _, p := range c.Parents {
			if !in[p] && !slices.Contains(bases, p) {
				bases = append(bases, p)
			}
		}
	}
	// A side that took the other in meanwhile leaves several; the youngest has all others in its history.
	for _, b := range bases {
		youngest := true
		for _, other := range bases {
			ancestry, err := r.Descends(ctx, other, b)
			if err != nil {
				return "", err
			}
			youngest = youngest && ancestry == Descends
		}
		if youngest {
			return b, nil
		}
	}
	return "", nil
}

// unmerged is the first path at which a merge is not what its sides make it; empty if there is none.
func unmerged(ctx context.Context, r *Repository, base string, merge Commit) (string, error) {
	ours, theirs := merge.Parents[0], merge.Parents[1]
	differ := map[[2]string]map[string]bool{}
	paths := map[string]bool{}
	for _, pair := range [][2]string{{base, ours}, {base, theirs}, {ours, merge.Hash}, {theirs, merge.Hash}} {
		list, err := r.Changed(ctx, pair[0], pair[1])
		if err != nil {
			return "", err
		}
		differ[pair] = map[string]bool{}
		for _, path := range list {
			differ[pair][path], paths[path] = true, true
		}
	}
	for _, path := range sorted(paths) {
		notOurs, notTheirs := differ[[2]string{ours, merge.Hash}][path], differ[[2]string{theirs, merge.Hash}][path]
		ok := false
		switch weDid, theyDid := differ[[2]string{base, ours}][path], differ[[2]string{base, theirs}][path]; {
		case weDid && theyDid && (notOurs || notTheirs):
			var err error
			if ok, err = mergedFile(r, path, base, merge); err != nil {
				return "", err
			}
		case weDid:
			ok = !notOurs
		case theyDid:
			ok = !notTheirs
		}
		if !ok {
			return path, nil
		}
	}
	return "", nil
}

func sorted(set map[string]bool) []string {
	var out []string
	for s := range set {
		out = append(out, s)
	}
	slices.Sort(out)
	return out
}

// mergedFile reports whether a file that both sides changed is what the two changes make of it.
func mergedFile(r *Repository, path, base string, merge Commit) (bool, error) {
	var texts [4][]byte
	var mode filemode.FileMode
	for i, commit := range []string{base, merge.Parents[0], merge.Parents[1], merge.Hash} {
		text, m, err := fileOf(r, commit, path)
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		if err != nil {
			return false, r.fail("reading a merge of", err)
		}
		if i > 0 && m != mode || m != filemode.Regular && m != filemode.Executable || len(text) > maxMerged || bytes.IndexByte(text, 0) >= 0 {
			return false, nil
		}
		texts[i], mode = text, m
	}
	merged, ok := tree.MergeLines(string(texts[0]), string(texts[1]), string(texts[2]))
	return ok && merged == string(texts[3]), nil
}

// fileOf reads a file at exactly this path: unlike [tree.Tree.ReadFile] it follows no link.
func fileOf(r *Repository, commit, path string) ([]byte, filemode.FileMode, error) {
	h, c, err := r.open(commit)
	if err != nil {
		return nil, 0, err
	}
	defer r.release(h)
	return tree.FileAt(h.storage, c.TreeHash, path)
}
