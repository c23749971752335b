package gitea

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	sdk "code.gitea.io/sdk/gitea"

	"sallyport/notify/exchange"
	"sallyport/notify/forge"
	"sallyport/notify/redact"
)

// maxPullCommits is how many commits of a pull request are read; one with more is [forge.Commits].Cut.
const maxPullCommits = 250

func commitOf(c *sdk.Commit) forge.Commit {
	out := forge.Commit{Hash: hashOf(c), Author: userOf(c.Author), Committer: userOf(c.Committer)}
	if c.RepoCommit != nil && c.RepoCommit.Author != nil {
		out.AuthorEmail = redact.CleanLine(c.RepoCommit.Author.Email)
	}
	if c.RepoCommit != nil && c.RepoCommit.Committer != nil {
		out.CommitterEmail = redact.CleanLine(c.RepoCommit.Committer.Email)
	}
	return out
}

// Commits are the commits of a pull request, oldest first, and who pushed to it since it was opened, who need not be who the commits name.
// What was there before is its author's. Gitea writes down a push some seconds late; until the newest one has the head, nobody
// knows whose that is, which is an error that goes away.
func (c *Client) Commits(ctx context.Context, p forge.PullRequest) (forge.Commits, error) {
	raw, total, err := c.pullCommits(ctx, p.Number)
	if err != nil {
		return forge.Commits{}, err
	}
	out := forge.Commits{Cut: total > len(raw)}
	for _, one := range raw {
		out.List = append(out.List, commitOf(one))
	}
	slices.Reverse(out.List)
	pushes, err := c.pushes(ctx, p.Number)
	if err != nil {
		return forge.Commits{}, err
	}
	for _, push := range pushes {
		if push.by.ID == 0 { // an account that is gone made some of it, and nobody knows whose it was
			out.Cut = true
		} else if !slices.Contains(out.Pushers, push.by) {
			out.Pushers = append(out.Pushers, push.by)
		}
	}
	if n := len(pushes); n > 0 && !pushes[n-1].has(p.Head) {
		return forge.Commits{}, odd(fmt.Sprintf("reading who pushed to pull request %d", p.Number),
			fmt.Sprintf("it does not say yet who pushed %.10s", p.Head))
	}
	return out, nil
}

// pullCommits are the commits of a pull request as Gitea lists them, newest first, and how many there are.
func (c *Client) pullCommits(ctx context.Context, number int) (list []*sdk.Commit, total int, err error) {
	doing := fmt.Sprintf("reading the commits of pull request %d", number)
	for page := 1; len(list) < maxPullCommits; page++ {
		var more []*sdk.Commit
		var x *exchange.Exchange
		if x, err = c.run(ctx, call{doing: doing, do: func(api *sdk.Client) (err error) {
			more, _, err = api.ListPullRequestCommits(c.opts.owner, c.opts.name, int64(number), sdk.ListPullRequestCommitsOptions{
				ListOptions: sdk.ListOptions{Page: page, PageSize: perPage}})
			return err
		}}); err != nil {
			return nil, 0, err
		}
		for _, one := range more {
			if hashOf(one) == "" {
				return nil, 0, odd(doing, "an entry is no commit")
			}
		}
		list = append(list, more...)
		known := false
		if total, known = totalOf(x); !known {
			return nil, 0, odd(doing, "it does not say how many there are")
		}
		if len(more) == 0 || len(list) >= total {
			break
		}
	}
	return list, total, nil
}

// push is one push to a pull request.
type push struct {
	by      forge.User
	commits []string // oldest first; of a forced one the old head and the new one
}

func (p push) has(hash string) bool { return slices.Contains(p.commits, hash) }

// pushes are the pushes to a pull request since it was opened, oldest first. They stand in its timeline among everything else, which is
// asked for whole: a page of it can be empty and not the last, since the server leaves some entries out after it has cut the page.
func (c *Client) pushes(ctx context.Context, number int) ([]push, error) {
	doing := fmt.Sprintf("reading who pushed to pull request %d", number)
	var list []*sdk.TimelineComment
	if _, err := c.run(ctx, call{doing: doing, do: func(api *sdk.Client) (err error) {
		list, _, err = api.ListIssueTimeline(c.opts.owner, c.opts.name, int64(number), sdk.ListIssueCommentOptions{
			ListOptions: sdk.ListOptions{Page: -1}})
		return err
	}}); err != nil {
		return nil, err
	}
	var out []push
	for _, entry := range list {
		if entry == nil || entry.Type != "pull_push" {
			continue
		}
		var body struct {
			Commits []string `json:"commit_ids"`
		}
		if err := json.Unmarshal([]byte(entry.Body), &body); err != nil {
			return nil, odd(doing, "a push names no commits")
		}
		if len(body.Commits) == 0 {
			continue // of the base alone
		}
		out = append(out, push{by: userOf(entry.Poster), commits: body.Commits})
	}
	return out, nil
}
