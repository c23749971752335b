package source

import (
	"context"
	"errors"
	"fmt"

	"sallyport/agent/active"
	"sallyport/agent/config"
	"sallyport/agent/lifecycle"
	"sallyport/agent/repo"
	"sallyport/agent/trust"
	"sallyport/notify/words"
	"sallyport/store"
)

const (
	// maxJudged bounds the commits that are looked at before a head is taken. More at once were not pushed by anybody in a day.
	maxJudged = 500
	maxLost   = 10 // commits that are named of those that a rewritten branch loses
)

// holding is why a new tip of a branch is not taken.
type holding struct {
	why  string   // which commit is not trusted and why; empty: history was rewritten
	lost []string // the commits that the branch has no more
}

// checkHead decides whether a new tip may become the head: nil if so. An error means that it cannot be told now: the tip waits.
func (src *Source) checkHead(ctx context.Context, conf *active.Config, r *config.Repository, known *store.RepositoryState, tip string) (*holding, error) {
	git := conf.Repos[r.Name]
	sameBranch := known.Branch == r.Branch && known.URL == r.URL
	if known.Head != "" && known.Head != tip && sameBranch && !r.FollowRewritten && known.Accepted != tip {
		ancestry, err := git.Descends(ctx, known.Head, tip)
		if err != nil && !errors.Is(err, repo.ErrUnknownCommit) {
			return nil, err
		}
		if err != nil || ancestry != repo.Descends {
			return &holding{lost: src.lost(ctx, git, known.Head, tip)}, nil
		}
	}
	if lifecycle.Requirements(r) == "" {
		return nil, nil
	}
	commits, unfinished, err := src.newCommits(ctx, git, r, known, tip)
	if err != nil {
		return nil, err
	}
	for _, c := range commits[:min(len(commits), maxJudged)] {
		why, err := src.distrust(ctx, conf, r, tip, c)
		if err != nil {
			return nil, fmt.Errorf("asking whether commit %s is trusted: %w", words.Short(c.Hash), err)
		}
		if why != "" {
			text := fmt.Sprintf("commit %s by %s (%s): %s", words.Short(c.Hash), c.Author, c.Subject, why)
			return &holding{why: src.health.Redact(text)}, nil
		}
	}
	if len(commits) > maxJudged {
		unfinished = fmt.Sprintf("more than %d commits at once are not looked at", maxJudged)
	}
	if unfinished != "" {
		return &holding{why: unfinished}, nil // what was looked at is trusted, and nobody knows of the rest
	}
	return nil, nil
}

// lost names the commits that a rewritten branch has no more, as far as they can be told.
func (src *Source) lost(ctx context.Context, git active.Mirror, before, tip string) []string {
	commits, complete, err := git.Between(ctx, tip, before, maxLost)
	if err != nil {
		src.log.Warn("listing the commits that a branch lost", "commit", tip, "err", err)
		return nil
	}
	var lost []string
	for _, c := range commits {
		lost = append(lost, src.health.Redact(fmt.Sprintf("%s by %s (%s)", words.Short(c.Hash), c.Author, c.Subject)))
	}
	if !complete {
		lost = append(lost, "others")
	}
	return lost
}

// newCommits are those of a tip that were not found trusted before: since the head, or, where the head was never looked at
// like this, since the oldest commit that is applied. Where there never was one the tip alone is looked at, since nobody could
// mend the rest, with all that came since the first tip that was held. unfinished says why there may be more that nobody saw.
func (src *Source) newCommits(ctx context.Context, git active.Mirror, r *config.Repository, known *store.RepositoryState, tip string) (all []repo.Commit, unfinished string, err error) {
	bases := []string{known.Head}
	if known.Trust != lifecycle.Requirements(r) || known.Head == "" {
		if bases, err = src.appliedCommits(r.Name); err != nil {
			return nil, "", err
		}
	}
	if len(bases) == 0 {
		return firstCommits(ctx, git, known.Suspect, tip)
	}
	found := false
	seen := map[string]bool{}
	for _, base := range bases {
		commits, complete, err := git.Between(ctx, base, tip, maxJudged+1)
		if errors.Is(err, repo.ErrUnknownCommit) {
			continue // it is gone: the others say what there is
		}
		if err != nil {
			return nil, "", err
		}
		found = true
		if !complete && len(commits) <= maxJudged {
			unfinished = fmt.Sprintf("the history up to %s is too long, or its dates too far apart, to tell which of its commits are new", words.Short(tip))
		}
		for _, c := range commits {
			if !seen[c.Hash] {
				seen[c.Hash] = true
				all = append(all, c)
			}
		}
	}
	if !found && known.Head != "" && known.Trust == lifecycle.Requirements(r) {
		// The head is gone: as if it had never been looked at.
		return src.newCommits(ctx, git, r, &store.RepositoryState{Suspect: known.Suspect}, tip)
	}
	if !found {
		c, err := git.Commit(tip)
		return []repo.Commit{c}, "none of the commits that are applied is in the mirror any more, so nobody knows which of the branch's are new", err
	}
	return all, unfinished, nil
}

// firstCommits are what is looked at of a branch of which nothing was ever trusted: its tip, and what lies above the first tip
// that was held. A commit that was held must not come in below another.
func firstCommits(ctx context.Context, git active.Mirror, suspect, tip string) (all []repo.Commit, unfinished string, err error) {
	c, err := git.Commit(tip)
	if err != nil || suspect == "" || suspect == tip {
		return []repo.Commit{c}, "", err
	}
	above, complete, err := git.Between(ctx, suspect, tip, maxJudged+1)
	if errors.Is(err, repo.ErrUnknownCommit) {
		return []repo.Commit{c}, "", nil // mirrors are complete: it is in no history
	}
	if err != nil {
		return nil, "", err
	}
	all = append([]repo.Commit{c}, above...)
	ancestry, err := git.Descends(ctx, suspect, tip)
	if err != nil {
		return nil, "", err
	}
	if ancestry != repo.Rewritten {
		first, err := git.Commit(suspect)
		if err != nil {
			return nil, "", err
		}
		all = append(all, first)
	}
	if !complete && len(above) <= maxJudged || ancestry == repo.Unknown {
		unfinished = fmt.Sprintf("the history up to %s is too long to tell which of its commits are new", words.Short(tip))
	}
	return all, unfinished, nil
}

// appliedCommits are the commits that the stacks of a repository are at.
func (src *Source) appliedCommits(repository string) (commits []string, err error) {
	err = src.store.View(func(tx *store.Tx) error {
		stacks, err := tx.Stacks()
		for _, st := range stacks {
			if st.Repository == repository && st.AppliedCommit != "" {
				commits = append(commits, st.AppliedCommit)
			}
		}
		return err
	})
	return commits, err
}

// distrust says why a commit below a tip is not trusted; empty if it is.
func (src *Source) distrust(ctx context.Context, conf *active.Config, r *config.Repository, tip string, c repo.Commit) (string, error) {
	if r.Signed != (trust.Files{}) {
		keys, err := trust.Parse(r.Signed)
		if err != nil {
			return "", err // cannot be: the configuration was checked
		}
		raw, err := conf.Repos[r.Name].Raw(c.Hash)
		if err != nil {
			return "", err
		}
		if _, err := keys.Signer(raw, src.now()); err != nil {
			return err.Error(), nil
		}
	}
	if !r.RequireReview {
		return "", nil
	}
	return review{site: conf.Changes(r.Name), words: conf.Words(r.Name), git: conf.Repos[r.Name], branch: r.Branch, tip: tip}.missing(ctx, c)
}
