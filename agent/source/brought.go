package source

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"sallyport/agent/repo"
	"sallyport/notify/forge"
	"sallyport/notify/words"
)

// People read the final head of a pull request. What comes onto the branch is that head with all below it, by a merge, or commits that
// the site made of it: one that squashes it, or as many as it has, rebased. Anybody who may push can make a commit that the site
// takes for one of these, so what it brings is compared with what was read.

// maxReplays bounds the places that are tried for the beginning of a rebased pull request. The site leaves out commits that bring
// nothing, so that there may be fewer than it lists.
const maxReplays = 10

// unseen says what a commit of a reviewed pull request may have brought that nobody has read; empty if nothing.
func (r review) unseen(ctx context.Context, p forge.PullRequest, commits forge.Commits, c repo.Commit) (why string, err error) {
	own := slices.ContainsFunc(commits.List, func(one forge.Commit) bool { return one.Hash == c.Hash })
	switch {
	case own:
		// What a later commit of it took back again nobody has approved.
		return r.without(ctx, p, r.tip)
	case len(c.Parents) > 1:
		if why, err = r.belowMerge(ctx, p, len(commits.List), c); why != "" || err != nil {
			return why, err
		}
		if why, err = r.git.MergeAdds(ctx, c.Hash); why != "" {
			why = fmt.Sprintf("%s; nobody has reviewed that in %s", why, r.words.Name(p.Number))
		}
		return why, err
	}
	return r.replayed(ctx, p, len(commits.List), c)
}

// belowMerge says what is missing below a merge: the head that was reviewed or, where the site squashes a pull request and merges that,
// the squashed commit, if it is what was reviewed.
func (r review) belowMerge(ctx context.Context, p forge.PullRequest, most int, merge repo.Commit) (why string, err error) {
	if p.MergeCommit == "" || !slices.Contains(merge.Parents[1:], p.MergeCommit) {
		return r.without(ctx, p, merge.Hash)
	}
	squashed, err := r.git.Commit(p.MergeCommit)
	if err != nil {
		return "", err
	}
	if len(squashed.Parents) != 1 {
		return r.without(ctx, p, merge.Hash)
	}
	return r.replayed(ctx, p, most, squashed)
}

// without says that a commit has not got the reviewed head in its history, or that nobody can tell; empty if it has.
func (r review) without(ctx context.Context, p forge.PullRequest, commit string) (string, error) {
	ancestry, err := r.git.Descends(ctx, p.Head, commit)
	if err != nil || ancestry == repo.Descends {
		return "", err
	}
	return fmt.Sprintf("the head of %s that was reviewed, %s, is not in the history of %s", r.words.Name(p.Number), words.Short(p.Head), words.Short(commit)), nil
}

// replayed compares the commits that the site made of a pull request, of which c is one, with the head that was reviewed.
func (r review) replayed(ctx context.Context, p forge.PullRequest, most int, c repo.Commit) (why string, err error) {
	last := p.MergeCommit
	if last == "" {
		return fmt.Sprintf("the site does not say which commit %s was merged as", r.words.Name(p.Number)), nil
	}
	ancestry, err := r.git.Descends(ctx, last, r.tip)
	if err != nil {
		return "", err
	}
	if ancestry != repo.Descends {
		return fmt.Sprintf("%s, which %s was merged as, is not in the history of %s", words.Short(last), r.words.Name(p.Number), words.Short(r.tip)), nil
	}
	below, err := r.below(last, most, c.Hash)
	if err != nil {
		return "", err
	}
	if len(below) == 0 {
		return fmt.Sprintf("it is none of the commits that %s was merged as", r.words.Name(p.Number)), nil
	}
	if why, err = r.bring(ctx, p); why != "" || err != nil {
		return why, err
	}
	for i, onto := range below {
		if i == maxReplays {
			break
		}
		why, err = r.git.ReplayAdds(ctx, repo.Replay{Onto: onto, Head: p.Head, Result: last})
		switch {
		case err != nil:
			return "", err
		case why == "":
			return "", r.git.DropPull(p.Number) // of what was held it stays, to be compared again
		}
	}
	return fmt.Sprintf("it is not what was reviewed in %s, put onto the branch: %s", r.words.Name(p.Number), why), nil
}

// below are the commits onto which a pull request of so many commits may have been put, if it ends at one commit and another is
// part of it: as one commit, which is the usual way, then the most, and one less each.
func (r review) below(last string, most int, part string) (onto []string, err error) {
	found, at := false, last
	for range most {
		c, err := r.git.Commit(at)
		if err != nil {
			return nil, err
		}
		if len(c.Parents) != 1 {
			break // the site makes no merges of one
		}
		found = found || at == part
		if at = c.Parents[0]; found {
			onto = append(onto, at)
		}
	}
	if len(onto) == 0 {
		return nil, nil
	}
	one := onto[0] // squashed, if it is the last that is asked about
	slices.Reverse(onto)
	if part == last {
		onto = append([]string{one}, onto...)
	}
	return onto, nil
}

// bring fetches the head of a pull request that was reviewed. It says why that cannot be had.
func (r review) bring(ctx context.Context, p forge.PullRequest) (why string, err error) {
	if r.git.Has(p.Head) {
		return "", nil
	}
	err = r.git.FetchPull(ctx, p.Number, p.Head)
	if errors.Is(err, repo.ErrMoved) {
		return fmt.Sprintf("the head of %s that was reviewed, %s, is not there any more to compare it with", r.words.Name(p.Number), words.Short(p.Head)), nil
	}
	return "", err
}
