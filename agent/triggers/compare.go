package triggers

import (
	"context"
	"errors"

	"sallyport/agent/active"
	"sallyport/agent/config"
	"sallyport/agent/lifecycle/due"
	"sallyport/agent/phrase"
	"sallyport/agent/repo"
	"sallyport/agent/stack"
	"sallyport/store"
)

// maxBetween bounds how many commits that came at once are looked at for one that took back what was asked about.
const maxBetween = 1000

// compare finds out what the head means for one stack.
func (t *Triggers) compare(ctx context.Context, git active.Mirror, head string, s *config.Stack, st *store.StackState, open *store.Run) (*finding, error) {
	f := &finding{stack: s}
	if err := t.store.View(func(tx *store.Tx) (err error) { f.observed, err = forgetObserved(tx, s, st); return err }); err != nil {
		return nil, err
	}
	f.Comparison = due.Comparison{Head: head, Asked: st.LastCommitCommit}
	if open != nil {
		f.Open = open.ID
	}
	def := stack.DefinitionOf(s)
	tree, err := git.Tree(head)
	if err != nil {
		return nil, err
	}
	f.files, f.err = stack.Footprint(tree, def)
	if f.err != nil && !errors.Is(f.err, stack.ErrNoDir) {
		return nil, f.err // the mirror, not the commit: look again when it was mended
	}
	f.Bad = f.err != nil
	// What is wrong with the stack's own files is told by the run that it gets: its plan ends with that.
	since := func(commit string) (bool, error) {
		cause, changed, err := TouchedSince(ctx, git, commit, head, def, f.files)
		if changed && f.cause == "" {
			f.cause = cause
		}
		return changed, err
	}
	if f.SinceApplied, err = since(st.AppliedCommit); err != nil {
		return nil, err
	}
	if f.SinceAsked, err = since(st.LastCommitCommit); err != nil {
		return nil, err
	}
	if !f.SinceAsked && f.SinceApplied {
		// Equal files are no answer: what was asked about may have been taken back and brought again since.
		if f.Again, err = broughtAgain(ctx, git, st.LastCommitCommit, head, f.files); err != nil {
			return nil, err
		}
		f.SinceAsked = f.Again
	}
	if open != nil && open.Head != head {
		if f.news, f.SinceOpen, err = TouchedSince(ctx, git, open.Head, head, def, f.files); err != nil {
			return nil, err
		}
	}
	if (f.SinceApplied || st.Partly != 0) && st.AppliedCommit != "" {
		f.behind, f.behindBy = behind(ctx, git, st.AppliedCommit, head, f.files)
	}
	if f.SinceApplied && st.AppliedCommit != "" && f.behind == 0 {
		f.behind = -1 // more commits than are looked at, or a merge: some of them touched it
	}
	return f, nil
}

// TouchedSince reports whether a stack's files differ between two commits, and one that does. The files at the older
// commit count too: a module that is no longer called was part of the stack then.
func TouchedSince(ctx context.Context, git active.Mirror, old, head string, def stack.Definition, now stack.Files) (string, bool, error) {
	if old == "" {
		return "", true, nil
	}
	if old == head {
		return "", false, nil
	}
	paths, err := git.Changed(ctx, old, head)
	if errors.Is(err, repo.ErrUnknownCommit) {
		return "", true, nil // gone after a rewrite: everything counts as changed
	}
	if err != nil {
		return "", false, err
	}
	if p := now.FirstTouched(paths); p != "" {
		return p, true, nil
	}
	tree, err := git.Tree(old)
	if err != nil {
		return "", false, err
	}
	before, err := stack.Footprint(tree, def)
	if err != nil {
		return "", !errors.Is(err, stack.ErrNoDir), nil
	}
	p := before.FirstTouched(paths)
	return p, p != "", nil
}

// broughtAgain reports whether a stack's files, which are the same at two commits, were others in between: no way back
// through the history leads from the newer commit to the older one's without a commit that changes them. Where there are
// more commits than are looked at that counts as well: a question too many is better than a change that nobody hears of.
func broughtAgain(ctx context.Context, git active.Mirror, old, head string, files stack.Files) (bool, error) {
	if old == head {
		return false, nil
	}
	list, whole, err := git.Between(ctx, old, head, maxBetween)
	if err != nil || !whole {
		return !whole, err
	}
	between := map[string]repo.Commit{}
	for _, c := range list {
		between[c.Hash] = c
	}
	visited := map[string]bool{head: true}
	for next := []string{head}; len(next) > 0; next = next[1:] {
		c, newer := between[next[0]]
		if !newer {
			return false, nil // in the older one's history
		}
		for _, parent := range c.Parents {
			if visited[parent] {
				continue
			}
			paths, err := git.Changed(ctx, parent, c.Hash)
			if err != nil {
				return false, err
			}
			if files.FirstTouched(paths) == "" {
				visited[parent] = true
				next = append(next, parent)
			}
		}
	}
	return true, nil
}

// behind counts the commits that touch a stack and are not applied; -1 if that cannot be told. If it is one, only is that one.
func behind(ctx context.Context, git active.Mirror, applied, head string, files stack.Files) (n int, only string) {
	commits, _, err := git.Between(ctx, applied, head, phrase.MaxBehind)
	if err != nil {
		return -1, ""
	}
	for _, c := range commits {
		paths, err := git.TouchedBy(ctx, c.Hash)
		if err != nil {
			return -1, ""
		}
		if files.FirstTouched(paths) != "" {
			n, only = n+1, c.Hash
		}
	}
	if n != 1 {
		only = ""
	}
	return n, only
}

// forgetObserved takes the commit that a stack was last asked about out of its state, if that is not stored then, where nobody was
// asked: its plan was made while the stack was only observed, which it is no more. So the commit counts as new, and the stack as seen for
// the first time if nothing of it was ever applied: without changes it is taken as it is, and with some people are asked.
func forgetObserved(tx *store.Tx, s *config.Stack, st *store.StackState) (forgotten bool, err error) {
	if s.Mode == config.ModeObserve || st.LastCommitCommit == "" || st.OpenRun != 0 {
		return false, nil
	}
	last, err := store.Found(tx.Run(st.LastCommitRun))
	if err != nil || last == nil || last.Status != store.Previewed {
		return false, err
	}
	st.LastCommitCommit = ""
	return true, nil
}
