package view

import (
	"context"
	"errors"
	"fmt"

	"sallyport/agent/active"
	"sallyport/agent/config"
	"sallyport/agent/control"
	"sallyport/agent/repo"
	"sallyport/agent/stack"
	"sallyport/notify/words"
	"sallyport/store"
)

// Why says what made the last run of a stack, or why there is none.
func (v *Viewer) Why(ctx context.Context, conf *active.Config, name string) (control.Why, error) {
	s := conf.Stack(name)
	if s == nil {
		return control.Why{}, control.NoStack(name, active.StackNames(conf))
	}
	var out control.Why
	err := v.store.View(func(tx *store.Tx) (err error) {
		out, err = control.WhyOf(tx, name, s.Repository)
		return err
	})
	if err != nil || out.Head == "" {
		return out, err
	}
	unknown, err := unknownIn(conf, s, out.Head)
	if err != nil {
		return out, err
	}
	out.Reads(unknown)
	if out.AppliedCommit == "" {
		return out, nil
	}
	changed, touched, err := differences(ctx, conf, s, out.AppliedCommit, out.Head)
	switch {
	case errors.Is(err, repo.ErrUnknownCommit):
		out.Because = append(out.Because, "the applied commit is gone from the repository, so that everything counts as changed")
		return out, nil
	case err != nil:
		return out, err
	}
	out.Compare(changed, touched)
	return out, nil
}

// unknownIn is what a stack's files read at a commit and cannot be followed, each with what to do. Of a commit that is gone nothing
// is known.
func unknownIn(conf *active.Config, s *config.Stack, commit string) (list []string, err error) {
	tree, err := conf.Repos[s.Repository].Tree(commit)
	if errors.Is(err, repo.ErrUnknownCommit) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	files, err := stack.Footprint(tree, stack.DefinitionOf(s))
	if err != nil && !errors.Is(err, stack.ErrNoDir) {
		return nil, fmt.Errorf("at commit %s: %w", words.Short(commit), err)
	}
	for _, u := range files.Unknown {
		list = append(list, u.String())
	}
	return list, nil
}

// differences are the paths that differ between two commits, and those of them that belong to a stack at either.
func differences(ctx context.Context, conf *active.Config, s *config.Stack, old, head string) (changed, touched []string, err error) {
	if old == head {
		return nil, nil, nil
	}
	git := conf.Repos[s.Repository]
	if changed, err = git.Changed(ctx, old, head); err != nil {
		return nil, nil, err
	}
	def := stack.DefinitionOf(s)
	var sides []stack.Files
	for _, commit := range []string{old, head} {
		tree, err := git.Tree(commit)
		if err != nil {
			return nil, nil, err
		}
		files, err := stack.Footprint(tree, def)
		if err != nil && !errors.Is(err, stack.ErrNoDir) {
			return nil, nil, fmt.Errorf("at commit %s: %w", words.Short(commit), err)
		}
		sides = append(sides, files)
	}
	for _, p := range changed {
		if sides[0].Touches(p) || sides[1].Touches(p) {
			touched = append(touched, p)
		}
	}
	return changed, touched, nil
}
