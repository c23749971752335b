package gitea

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	sdk "code.gitea.io/sdk/gitea"

	"sallyport/notify/forge"
	"sallyport/notify/forge/wire"
)

const (
	// maxCandidates is how many merged pull requests are looked into for one commit.
	maxCandidates = 100
	// maxKept is how many merged pull requests are remembered with what they brought.
	maxKept = 200
)

// merged is a merged pull request with what it brought onto its base.
type merged struct {
	pull    forge.PullRequest
	commits map[string]bool
}

// Landed are the merged pull requests that brought a commit onto a branch. None is an answer.
//
// Gitea knows the pull request of a commit that a merge ended in, and of no other. So the pull requests that were merged since the commit was
// made are looked into: its own commits (of a merge, of a fast-forward), and those that a rebase made of them. One that was
// pushed by hand and found again by Gitea counts as merged, by whoever its committer's e-mail belongs to; what it says can be
// forged, as e-mails can, so it forbids and grants nothing. Where there are too many to look into it is an error.
//
// Git has a merge some moments before Gitea has written down whose it is. So for a commit that was made just now, or that an open pull
// request still ends in, the question is asked again for some seconds before the answer is none.
func (c *Client) Landed(ctx context.Context, commit, branch string) ([]forge.PullRequest, error) {
	const doing = "looking for the pull request of a commit"
	if !hashPattern.MatchString(commit) || branch == "" {
		return nil, fmt.Errorf("%s: %.80q is no full hash, or there is no branch", doing, commit)
	}
	for waited := time.Duration(0); ; waited += settle {
		list, young, err := c.landed(ctx, commit, branch)
		if err != nil || len(list) > 0 || !young || waited >= late {
			return list, err
		}
		if err := c.opts.Wait(ctx, settle); err != nil {
			return nil, &wire.Error{Site: site, Doing: doing, Kind: wire.Stopped, Err: err}
		}
	}
}

// landed asks once. young reports whether the answer may be another one in a moment.
func (c *Client) landed(ctx context.Context, commit, branch string) (out []forge.PullRequest, young bool, err error) {
	tip, found, err := c.endedIn(ctx, commit)
	if err != nil {
		return nil, false, err
	}
	if found && tip.BaseRef == branch {
		return []forge.PullRequest{tip}, false, nil
	}
	raw, now, err := c.commitAt(ctx, commit)
	if err != nil {
		return nil, false, err
	}
	candidates, open, err := c.mergedSince(ctx, branch, made(raw))
	if err != nil {
		return nil, false, err
	}
	c.landing.Lock()
	defer c.landing.Unlock()
	var cut error // of those that cannot be looked into, which matter if no other one has the commit
	for _, p := range candidates {
		m, err := c.whatItBrought(ctx, p)
		switch {
		case errors.Is(err, errManyCommits):
			cut = err
		case err != nil:
			return nil, false, err
		case m.commits[commit]:
			out = append(out, m.pull)
		}
	}
	if len(out) > 0 {
		return out, false, nil
	}
	age := now.Sub(made(raw))
	return nil, age > -late && age < late || open[commit], cut
}

// made is when a commit was made, by its committer's word.
func made(c *sdk.Commit) time.Time {
	if c.RepoCommit == nil || c.RepoCommit.Committer == nil {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, c.RepoCommit.Committer.Date)
	if err != nil {
		return time.Time{}
	}
	return at
}

// endedIn is the pull request whose merge ended in a commit.
func (c *Client) endedIn(ctx context.Context, commit string) (p forge.PullRequest, found bool, err error) {
	const doing = "asking for the pull request of a commit"
	var raw *sdk.PullRequest
	_, err = c.run(ctx, call{doing: doing, do: func(api *sdk.Client) (err error) {
		raw, _, err = api.GetCommitPullRequest(c.opts.owner, c.opts.name, commit)
		return err
	}})
	if wire.KindOf(err) == wire.NotFound {
		return p, false, nil
	}
	if err != nil {
		return p, false, err
	}
	if p, err = pullOf(raw); err != nil {
		return p, false, odd(doing, err.Error())
	}
	if !p.Merged || p.MergeCommit != commit {
		return p, false, nil
	}
	p, err = c.settled(ctx, p)
	return p, err == nil, err
}

// errManyCommits: a pull request has more commits than are read of one.
var errManyCommits = fmt.Errorf("it has more than %d commits", maxPullCommits)

// mergedSince are the pull requests that were merged into a branch and touched at or after a time, those that were touched last first, and
// the heads of those that are open. A
// commit's time can be forged: one in the future would hide them all, so nothing younger than a month is believed.
func (c *Client) mergedSince(ctx context.Context, branch string, since time.Time) (out []forge.PullRequest, open map[string]bool, err error) {
	const doing = "listing merged pull requests"
	if latest := c.opts.Now().Add(-month); since.After(latest) {
		since = latest
	}
	open = map[string]bool{}
	for page, read := 1, 0; ; page++ {
		var raw []*sdk.PullRequest
		x, err := c.run(ctx, call{doing: doing, do: func(api *sdk.Client) (err error) {
			raw, _, err = api.ListRepoPullRequests(c.opts.owner, c.opts.name, sdk.ListPullRequestsOptions{
				ListOptions: sdk.ListOptions{Page: page, PageSize: perPage}, State: sdk.StateAll, Sort: "recentupdate"})
			return err
		}})
		if err != nil {
			return nil, nil, err
		}
		for _, one := range raw {
			if one == nil || instant(one.Updated).Before(since) {
				return out, open, nil
			}
			if one.State == sdk.StateOpen && one.Head != nil {
				open[one.Head.Sha] = true
			}
			if !one.HasMerged || one.Base == nil || one.Base.Ref != branch {
				continue
			}
			p, err := pullOf(one)
			if err != nil {
				return nil, nil, odd(doing, err.Error())
			}
			if p.MergeCommit != "" {
				out = append(out, p)
			}
			if len(out) > maxCandidates {
				return nil, nil, odd(doing, fmt.Sprintf("more than %d were merged since the commit was made", maxCandidates))
			}
		}
		read += len(raw)
		if total, known := totalOf(x); len(raw) == 0 || known && read >= total {
			return out, open, nil
		}
		if page == maxPages {
			return nil, nil, odd(doing, fmt.Sprintf("there are more than %d pages", maxPages))
		}
	}
}

// month is how young a commit's time is believed to be.
const month = 30 * 24 * time.Hour

// whatItBrought finds out what a merged pull request brought. It does not change any more, so it is remembered.
func (c *Client) whatItBrought(ctx context.Context, p forge.PullRequest) (merged, error) {
	if m, known := c.brought[p.Number]; known && m.pull.MergeCommit == p.MergeCommit {
		return m, nil
	}
	own, total, err := c.pullCommits(ctx, p.Number)
	if err != nil {
		return merged{}, err
	}
	if total > len(own) {
		return merged{}, fmt.Errorf("looking into pull request %d: %w", p.Number, errManyCommits)
	}
	if len(own) == 0 {
		return merged{}, odd("looking into a merged pull request", fmt.Sprintf("pull request %d has no commits", p.Number))
	}
	landed, err := history(ctx, c, p.MergeCommit, len(own))
	if err != nil {
		return merged{}, err
	}
	p.Head, p.Commits = hashOf(own[0]), total
	m := merged{pull: p, commits: map[string]bool{p.MergeCommit: true}}
	for _, one := range own {
		m.commits[hashOf(one)] = true
	}
	for i, one := range landed {
		if i >= len(own) || !replays(one, own[i]) {
			break
		}
		m.commits[hashOf(one)] = true
	}
	if len(c.brought) >= maxKept {
		clear(c.brought)
	}
	c.brought[p.Number] = m
	return m, nil
}

// history are at most so many commits in a line, newest first, that end in what a pull request was merged as: in that commit itself, or
// in the second parent of a merge.
func history(ctx context.Context, c *Client, commit string, most int) ([]*sdk.Commit, error) {
	tip, _, err := c.commitAt(ctx, commit)
	if err != nil {
		return nil, err
	}
	if len(tip.Parents) > 1 && tip.Parents[1] != nil {
		commit = tip.Parents[1].SHA
	}
	var raw []*sdk.Commit
	for page := 1; len(raw) < most; page++ {
		var more []*sdk.Commit
		if _, err := c.run(ctx, call{doing: "reading the history of a commit", do: func(api *sdk.Client) (err error) {
			more, _, err = api.ListRepoCommits(c.opts.owner, c.opts.name, sdk.ListCommitOptions{
				ListOptions: sdk.ListOptions{Page: page, PageSize: perPage}, SHA: commit})
			return err
		}}); err != nil {
			return nil, err
		}
		if len(more) == 0 {
			break
		}
		raw = append(raw, more...)
	}
	var line []*sdk.Commit
	for _, one := range raw {
		if hashOf(one) != commit || len(line) == most {
			break
		}
		line = append(line, one)
		if len(one.Parents) != 1 || one.Parents[0] == nil {
			break
		}
		commit = one.Parents[0].SHA
	}
	return line, nil
}

// replays reports whether one commit is another one made anew by a rebase: by the same author, at the same time, with the same words. It is
// no proof that it changes the same, which nobody takes it for.
func replays(one, other *sdk.Commit) bool {
	a, b := one.RepoCommit, other.RepoCommit
	return a != nil && b != nil && a.Author != nil && b.Author != nil && *a.Author == *b.Author && firstLine(a.Message) == firstLine(b.Message)
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return strings.TrimSpace(line)
}
