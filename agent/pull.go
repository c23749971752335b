package agent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sallyport/agent/config"
	"sallyport/agent/stack"
	"sallyport/store"
)

// comparePull finds out which stacks a pull request touches, and which of those are not planned without being asked for.
// What it changes is compared with where it left the branch: what came onto the branch meanwhile is not its doing.
func (a *pullwatch) comparePull(ctx context.Context, w *world, l look, next *store.PullRequest) (touched []*config.Stack, err error) {
	git := w.repos[l.repository.Name]
	base, err := git.MergeBase(ctx, l.branch, next.Head)
	if err != nil {
		return nil, err
	}
	if base == "" {
		next.Why = "it has no commit in common with the branch"
		return nil, nil
	}
	tree, err := git.Tree(next.Head)
	if err != nil {
		return nil, err
	}
	before, err := git.Tree(base)
	if err != nil {
		return nil, err
	}
	next.Held = map[string]string{}
	for _, s := range w.stacks(l.repository.Name) {
		def := definition(s)
		files, err := stack.Footprint(tree, def)
		gone := errors.Is(err, stack.ErrNoDir)
		if err != nil && !gone {
			return nil, err
		}
		_, changed, err := touchedSince(ctx, git, base, next.Head, def, files)
		switch {
		case err != nil:
			return nil, err
		case !changed:
			next.Untouched++
			continue
		case gone:
			next.Notes = append(next.Notes, fmt.Sprintf("%s: its directory %s leaves the branch; its resources are not destroyed by that", s.Name, s.Dir))
			next.Untouched++
			continue
		case s.Engine == config.EnginePacker:
			next.Notes = append(next.Notes, fmt.Sprintf("%s: an image is planned when its change is on the branch, not before", s.Name))
			next.Untouched++
			continue
		}
		why := ""
		if files.Fault() == nil { // else its preview ends with that, and nothing is run
			if why, err = stack.Alone(before, tree, def); err != nil {
				return nil, err
			}
		}
		if why == "" {
			why = l.doubt
		}
		if why != "" {
			next.Held[s.Name] = a.redact(why)
			continue
		}
		touched = append(touched, s)
	}
	for _, note := range a.newRoots(w, l.repository.Name, tree) {
		next.Notes = append(next.Notes, a.redact(note))
	}
	return touched, nil
}

// newRoots are directories that become stacks with the merge: they are no stacks yet, so nothing plans them before.
func (a *pullwatch) newRoots(w *world, repository string, tree stack.Tree) []string {
	known := map[string]bool{}
	for _, s := range w.stacks(repository) {
		known[s.Dir] = true
	}
	var notes []string
	for _, g := range w.cfg.StackGlobs {
		if g.Stack.Repository != repository {
			continue
		}
		roots, err := stack.Roots(tree, g.Glob)
		if err != nil {
			continue // planning says what is wrong with it
		}
		for _, dir := range roots {
			if !known[dir] && len(notes) < 10 {
				notes = append(notes, fmt.Sprintf("%s becomes a new stack with the merge, and is planned then", dir))
			}
		}
	}
	return notes
}

// recordPull writes what follows from a look at a new head: its plans take the place of the ones before.
func (a *pullwatch) recordPull(w *world, l look, next *store.PullRequest, touched []*config.Stack) error {
	return a.update(func(tx *Tx) error {
		known, err := tx.PullRequest(next.Repository, next.Number)
		if err != nil {
			return err
		}
		if known != nil && known.Head != next.Head {
			m := store.Move{To: store.Superseded, Text: fmt.Sprintf("pull request %d is at %s now", next.Number, short(next.Head))}
			if err := a.endPreviews(tx, w, known, m); err != nil {
				return err
			}
		}
		if ok, err := a.mayBegin(tx.Tx, next.Repository, len(touched)); err != nil || !ok {
			return errors.Join(err, a.postpone(next))
		}
		next.Runs = map[string]int{}
		for _, s := range touched {
			if err := a.preview(tx, w, next, s, ""); err != nil {
				return err
			}
		}
		if next.Why == "" {
			if err := a.tellRest(tx.Tx, w, next); err != nil {
				return err
			}
		}
		if err := tx.PutPullRequest(next); err != nil {
			return err
		}
		return a.commentOn(tx.Tx, next.Repository, next.Number)
	})
}

// postpone is the error that a pull request waits with when too many plans were begun.
func (a *operator) postpone(next *store.PullRequest) error {
	return fmt.Errorf("%d plans of pull requests were begun within the hour; %s waits", maxPreviews, short(next.Head))
}

// mayBegin bounds how many plans are begun in an hour, and counts these.
func (a *operator) mayBegin(tx *store.Tx, repository string, more int) (bool, error) {
	if more == 0 {
		return true, nil
	}
	key := "pulls/begun/" + repository
	var begun []time.Time
	if _, err := tx.Setting(key, &begun); err != nil {
		return false, err
	}
	now := a.now().UTC()
	begun = slices.DeleteFunc(begun, func(at time.Time) bool { return now.Sub(at) > time.Hour || at.After(now) })
	if len(begun) > 0 && len(begun)+more > maxPreviews {
		return false, nil
	}
	for range more {
		begun = append(begun, now)
	}
	return true, tx.PutSetting(key, begun)
}

// preview makes the run of one stack at the head that was checked.
func (a *operator) preview(tx *Tx, w *world, p *store.PullRequest, s *config.Stack, by string) error {
	run := &store.Run{
		Stack: s.Name, Repository: p.Repository, Kind: store.KindPullRequest, Commit: p.Head, Head: p.Head,
		PullRequest: p.Number, Reason: fmt.Sprintf("pull request %d: %s", p.Number, p.Title), RequestedBy: by,
	}
	if err := a.create(tx, w, run); err != nil {
		return err
	}
	p.Runs[s.Name] = run.ID
	return nil
}

// tellRest sets the statuses of the stacks that get no run: a context that is required for the merge must never be missing.
func (a *pullwatch) tellRest(tx *store.Tx, w *world, p *store.PullRequest) error {
	for _, s := range w.stacks(p.Repository) {
		if p.Runs[s.Name] != 0 {
			continue
		}
		newest, err := newestOf(tx, s.Name)
		if err != nil {
			return err
		}
		if newest != nil && newest.Commit == p.Head {
			continue // it is on the branch already
		}
		if err := tx.Enqueue(store.Message{
			Kind: store.MessageStatus, Key: statusKey(p.Repository, p.Head, s.Name), Text: p.Held[s.Name],
			Repository: p.Repository, Commit: p.Head, Stack: s.Name, PullRequest: p.Number,
		}); err != nil {
			return err
		}
	}
	return nil
}
