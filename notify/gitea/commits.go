package gitea

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	sdk "code.gitea.io/sdk/gitea"

	"sallyport/notify/exchange"
	"sallyport/notify/forge"
	"sallyport/notify/forge/wire"
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
// What was there when it was opened stands as its author's push. Gitea writes down a push some seconds late; until one of them has the head, nobody
// knows whose that is, and it is asked again. Of a merged one that is not told after some seconds it may never be, and it counts as
// [forge.Commits].Cut; of an open one it is an error that goes away.
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
	pushes, all, err := c.pushesTo(ctx, p)
	if err != nil {
		return forge.Commits{}, err
	}
	out.Cut = out.Cut || !all
	for _, push := range pushes {
		if push.by.ID == 0 { // an account that is gone made some of it, and nobody knows whose it was
			out.Cut = true
		} else if !slices.Contains(out.Pushers, push.by) {
			out.Pushers = append(out.Pushers, push.by)
		}
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
	commits []string // those that the base does not have, oldest first; of a forced one the old head and the new one
}

// pushesTo are the pushes to a pull request, waited for while none of them has the head. Of one that was merged before Gitea came to its last
// pushes, they are told without their commits, or never: then all is false.
func (c *Client) pushesTo(ctx context.Context, p forge.PullRequest) (list []push, all bool, err error) {
	doing := fmt.Sprintf("reading who pushed to pull request %d", p.Number)
	for waited := time.Duration(0); ; waited += settle {
		list, err := c.pushes(ctx, p.Number)
		if err != nil {
			return nil, false, err
		}
		switch over := waited >= late; {
		case slices.ContainsFunc(list, func(one push) bool { return slices.Contains(one.commits, p.Head) }):
			return list, true, nil
		case over && p.Merged:
			return list, false, nil
		case over:
			return nil, false, &wire.Error{Site: site, Doing: doing, Kind: wire.Busy, Message: fmt.Sprintf("it does not say yet who pushed %.10s", p.Head)}
		}
		if err := c.opts.Wait(ctx, settle); err != nil {
			return nil, false, &wire.Error{Site: site, Doing: doing, Kind: wire.Stopped, Err: err}
		}
	}
}

// pushes are the pushes to a pull request since it was opened, oldest first. They stand in its timeline among everything else, which is
// asked for whole: a page of it can be empty and not the last, since the server leaves some entries out after it has cut the page.
func (c *Client) pushes(ctx context.Context, number int) (out []push, err error) {
	doing := fmt.Sprintf("reading who pushed to pull request %d", number)
	var list []*sdk.TimelineComment
	_, err = c.run(ctx, call{doing: doing, do: func(api *sdk.Client) (err error) {
		list, _, err = api.ListIssueTimeline(c.opts.owner, c.opts.name, int64(number), sdk.ListIssueCommentOptions{
			ListOptions: sdk.ListOptions{Page: -1}})
		return err
	}})
	if err != nil {
		return nil, err
	}
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
		out = append(out, push{by: userOf(entry.Poster), commits: body.Commits})
	}
	return out, nil
}
