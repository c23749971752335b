package pullrequests

import (
	"context"
	"errors"
	"fmt"

	"sallyport/agent/active"
	"sallyport/agent/announce"
	"sallyport/agent/config"
	"sallyport/agent/journal"
	image "sallyport/agent/packer/alone"
	"sallyport/agent/stack"
	"sallyport/agent/stack/guard"
	"sallyport/agent/triggers"
	"sallyport/notify/words"
	"sallyport/store"
)

// comparePull finds out which stacks a pull request touches, and which of those are not planned without being asked for.
// What it changes is compared with where it left the branch: what came onto the branch meanwhile is not its doing.
func (pw *Pullwatch) comparePull(ctx context.Context, conf *active.Config, l look, next *store.PullRequest) (touched []*config.Stack, err error) {
	git := conf.Repos[l.repository.Name]
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
	for _, s := range conf.Stacks(l.repository.Name) {
		def := stack.DefinitionOf(s)
		files, err := stack.Footprint(tree, def)
		gone := errors.Is(err, stack.ErrNoDir)
		if err != nil && !gone {
			return nil, err
		}
		_, changed, err := triggers.TouchedSince(ctx, git, base, next.Head, def, files)
		switch {
		case err != nil:
			return nil, err
		case !changed:
			next.Untouched++
			continue
		case gone:
			next.Settle(s.Name, fmt.Sprintf("its directory %s leaves the branch; its resources are not destroyed by that", s.Dir))
			continue
		}
		why := ""
		if files.Fault() == nil { // else its preview ends with that, and nothing is run
			if why, err = alone(before, tree, s, def); err != nil {
				return nil, err
			}
		}
		if why == "" {
			why = l.doubt
		}
		if why != "" {
			next.Held[s.Name] = pw.health.Redact(why)
			continue
		}
		touched = append(touched, s)
	}
	for _, note := range pw.newRoots(conf, l.repository.Name, tree) {
		next.Notes = append(next.Notes, pw.health.Redact(note))
	}
	return touched, nil
}

// alone says why a stack or an image of a pull request may not be planned before somebody has looked; empty if it may.
func alone(before, now stack.Tree, s *config.Stack, def stack.Definition) (string, error) {
	if s.Engine == config.EnginePacker {
		return image.Alone(before, now, s.Dir, s.Template), nil
	}
	return guard.Alone(before, now, def)
}

// newRoots are directories that become stacks with the merge: they are no stacks yet, so nothing plans them before.
func (pw *Pullwatch) newRoots(conf *active.Config, repository string, tree stack.Tree) []string {
	known := map[string]bool{}
	for _, s := range conf.Stacks(repository) {
		known[s.Dir] = true
	}
	var notes []string
	for _, g := range conf.Cfg.StackGlobs {
		if g.Stack.Repository != repository {
			continue
		}
		roots, err := stack.Roots(tree, g.Stack.Tool.Reads(), g.Matches)
		if err != nil {
			continue // planning says what is wrong with it
		}
		for _, dir := range roots {
			if !known[dir] && len(notes) < 10 {
				known[dir] = true // a block can match it once for each key
				notes = append(notes, fmt.Sprintf("%s becomes a new stack with the merge, and is planned then", dir))
			}
		}
	}
	return notes
}

// recordPull writes what follows from a look at a new head: its plans take the place of the ones before.
func (pw *Pullwatch) recordPull(conf *active.Config, l look, next *store.PullRequest, touched []*config.Stack) error {
	return pw.journal.Update(func(tx *journal.Tx) error {
		known, err := tx.PullRequest(next.Repository, next.Number)
		if err != nil {
			return err
		}
		if known != nil && known.Head != next.Head {
			m := store.Move{To: store.Superseded, Text: fmt.Sprintf("%s is at %s now", conf.Words(next.Repository).Plain(next.Number), words.Short(next.Head))}
			if err := pw.endPreviews(tx, conf, known, m); err != nil {
				return err
			}
		}
		if ok, err := pw.operator.MayBegin(tx.Tx, next.Repository, len(touched)); err != nil || !ok {
			return errors.Join(err, pw.operator.Postpone(next))
		}
		next.Runs = map[string]int{}
		for _, s := range touched {
			if err := pw.operator.Preview(tx, conf, next, s, ""); err != nil {
				return err
			}
		}
		if next.Why == "" {
			if err := pw.enqueueRest(tx.Tx, conf, next); err != nil {
				return err
			}
		}
		if err := tx.PutPullRequest(next); err != nil {
			return err
		}
		return pw.ledger.CommentOn(tx.Tx, next.Repository, next.Number)
	})
}

// enqueueRest sets the statuses of the stacks that get no run: a context that is required for the merge must never be missing.
func (pw *Pullwatch) enqueueRest(tx *store.Tx, conf *active.Config, p *store.PullRequest) error {
	for _, s := range conf.Stacks(p.Repository) {
		if p.Runs[s.Name] != 0 {
			continue
		}
		newest, err := announce.NewestOf(tx, s.Name)
		if err != nil {
			return err
		}
		if newest != nil && newest.Commit == p.Head {
			continue // it is on the branch already
		}
		m := store.Message{
			Kind: store.MessageStatus, Key: announce.StatusKey(p.Repository, p.Head, s.Name), Text: p.Held[s.Name],
			Repository: p.Repository, Commit: p.Head, Stack: s.Name, PullRequest: p.Number,
		}
		if why := p.Settled[s.Name]; why != "" {
			m.Text, m.Settled = why, true
		}
		if err := tx.Enqueue(m); err != nil {
			return err
		}
	}
	return nil
}
