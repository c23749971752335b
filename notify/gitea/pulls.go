package gitea

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	sdk "code.gitea.io/sdk/gitea"

	"sallyport/notify/exchange"
	"sallyport/notify/forge"
	"sallyport/notify/redact"
)

func pullOf(p *sdk.PullRequest) (forge.PullRequest, error) {
	if p == nil || p.Head == nil || p.Base == nil {
		return forge.PullRequest{}, errors.New("it describes no pull request")
	}
	out := forge.PullRequest{
		Number: int(p.Index), Title: redact.CleanLine(p.Title), URL: redact.CleanLine(p.HTMLURL),
		Open: p.State == sdk.StateOpen, Draft: p.Draft, Author: userOf(p.Poster),
		Head: p.Head.Sha, HeadRef: redact.CleanLine(p.Head.Ref), HeadRepository: max(p.Head.RepoID, 0), // -1: the fork was deleted
		Base: p.Base.Sha, BaseRef: redact.CleanLine(p.Base.Ref), BaseRepository: p.Base.RepoID,
		UpdatedAt: instant(p.Updated), Merged: p.HasMerged,
	}
	if p.HasMerged {
		out.MergedAt, out.MergedBy = instant(p.Merged), userOf(p.MergedBy)
		if p.MergedCommitID != nil {
			out.MergeCommit = *p.MergedCommitID
		}
	}
	if out.Number <= 0 || !hashPattern.MatchString(out.Head) || out.BaseRepository <= 0 || out.BaseRef == "" ||
		out.MergeCommit != "" && !hashPattern.MatchString(out.MergeCommit) {
		return forge.PullRequest{}, fmt.Errorf("it describes no pull request (number %d, head %.80q)", out.Number, out.Head)
	}
	return out, nil
}

func instant(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC() // zones that are equal in value are not equal to ==
}

// listed is the list of open pull requests as it was read last.
type listed struct {
	known bool
	at    time.Time // of the server, before it was read
	full  time.Time // ours, when it was read whole
	pulls []forge.PullRequest
	told  []forge.PullRequest // as it was given out last
	first bool                // nothing was given out yet
}

// OpenPullRequests are the open pull requests, newest first, and whether anything about them changed since the last call that gave no
// error.
//
// Making the list costs Gitea a look into git for each of them, and it has no conditional requests. So a poll asks for one pull
// request or more that were touched since shortly before the last list, which a database answers; only if there is one, or after
// some minutes, is the list itself read again. What is not touched by it (a fork that was deleted, a renamed branch) shows then. A list of
// several pages is read until it stands still. Ask [Client.PullRequest] before acting on the absence of one.
func (c *Client) OpenPullRequests(ctx context.Context) (list []forge.PullRequest, changed bool, err error) {
	c.listing.Lock()
	defer c.listing.Unlock()
	moved, now := true, time.Time{}
	if c.list.known && c.opts.Now().Sub(c.list.full) < fullList {
		if moved, now, err = c.touchedSince(ctx, c.list.at.Add(-settle)); err != nil {
			return nil, false, err
		}
	}
	if moved {
		if err := c.readList(ctx, now); err != nil {
			return nil, false, err
		}
	}
	changed = !c.list.first || !slices.Equal(c.list.pulls, c.list.told)
	c.list.told, c.list.first = c.list.pulls, true
	return slices.Clone(c.list.pulls), changed, nil
}

// touchedSince reports whether any pull request was touched since, in whatever state it is, and what the server's clock says.
func (c *Client) touchedSince(ctx context.Context, since time.Time) (touched bool, now time.Time, err error) {
	x, err := c.run(ctx, call{doing: "asking which pull requests moved", do: func(api *sdk.Client) error {
		list, _, err := api.ListRepoIssues(c.opts.owner, c.opts.name, sdk.ListIssueOption{
			ListOptions: sdk.ListOptions{Page: 1, PageSize: 1}, State: sdk.StateAll, Type: sdk.IssueTypePull, Since: since.UTC(),
		})
		touched = len(list) > 0
		return err
	}})
	if err != nil {
		return false, time.Time{}, err
	}
	return touched, serverTime(x, c.opts.Now), nil
}

// maxPasses is how often a list of several pages is read until it stands still.
const maxPasses = 4

// readList reads the list until two readings of it say the same; one page is one answer, and is taken as it is. began is a time of the
// server's before it, if one is known.
func (c *Client) readList(ctx context.Context, began time.Time) error {
	const doing = "listing pull requests"
	var last []forge.PullRequest
	for pass := range maxPasses {
		var list []forge.PullRequest
		pages, err := c.pages(ctx, doing, func(api *sdk.Client, o sdk.ListOptions) (int, error) {
			raw, _, err := api.ListRepoPullRequests(c.opts.owner, c.opts.name, sdk.ListPullRequestsOptions{ListOptions: o, State: sdk.StateOpen})
			for _, p := range raw {
				one, bad := pullOf(p)
				if bad != nil {
					return len(raw), errors.Join(err, odd(doing, bad.Error()))
				}
				list = append(list, one)
			}
			return len(raw), err
		}, func(x *exchange.Exchange) {
			if began.IsZero() {
				began = serverTime(x, c.opts.Now).Add(-c.opts.Timeout) // it was made up to so long before it came
			}
		})
		if err != nil {
			return err
		}
		slices.SortFunc(list, func(a, b forge.PullRequest) int { return b.Number - a.Number })
		list = slices.CompactFunc(list, func(a, b forge.PullRequest) bool { return a.Number == b.Number })
		if pages == 1 || pass > 0 && slices.Equal(list, last) {
			c.list = listed{known: true, at: began, full: c.opts.Now(), pulls: list, told: c.list.told, first: c.list.first}
			return nil
		}
		last = list
	}
	return odd(doing, "the list changes faster than it can be read")
}

// PullRequest is one pull request, whatever its state, with who merged it, or had it merged when its checks were through.
func (c *Client) PullRequest(ctx context.Context, number int) (forge.PullRequest, error) {
	doing := fmt.Sprintf("reading pull request %d", number)
	var raw *sdk.PullRequest
	if _, err := c.run(ctx, call{doing: doing, do: func(api *sdk.Client) (err error) {
		raw, _, err = api.GetPullRequest(c.opts.owner, c.opts.name, int64(number))
		return err
	}}); err != nil {
		return forge.PullRequest{}, err
	}
	p, err := pullOf(raw)
	if err != nil {
		return forge.PullRequest{}, odd(doing, err.Error())
	}
	if p.Number != number {
		return forge.PullRequest{}, odd(doing, fmt.Sprintf("it describes pull request %d", p.Number))
	}
	return c.settled(ctx, p)
}

// settled gives a merged pull request the head that was merged. Gitea tells what the branch points to now, to which anybody who may write
// can have pushed since, and have it approved; the ref of the pull request stays at what was merged, and its commits are listed from there.
func (c *Client) settled(ctx context.Context, p forge.PullRequest) (forge.PullRequest, error) {
	if !p.Merged {
		return p, nil
	}
	doing := fmt.Sprintf("reading the head of pull request %d", p.Number)
	head, total := "", 0
	x, err := c.run(ctx, call{doing: doing, do: func(api *sdk.Client) error {
		list, _, err := api.ListPullRequestCommits(c.opts.owner, c.opts.name, int64(p.Number), sdk.ListPullRequestCommitsOptions{
			ListOptions: sdk.ListOptions{Page: 1, PageSize: 1}})
		if len(list) > 0 {
			head = hashOf(list[0])
		}
		return err
	}})
	if err != nil {
		return forge.PullRequest{}, err
	}
	if head == "" {
		return forge.PullRequest{}, odd(doing, "it names no commit")
	}
	total, _ = strconv.Atoi(x.Header.Get("X-Total-Count"))
	p.Head, p.Commits = head, total
	return p, nil
}

// pages reads a list page by page until an empty one comes, or as many entries as the server says there are (which it says on every page, if
// at all). A short page is not the end: administrators can make pages smaller. Links are not followed, since behind a proxy they may lead
// elsewhere. f returns how many entries a page has. A list that does not end is an error: what is left out may be a refusal.
func (c *Client) pages(ctx context.Context, doing string, f func(*sdk.Client, sdk.ListOptions) (int, error), seen ...func(*exchange.Exchange)) (pages int, err error) {
	read := 0
	for page := 1; page <= maxPages; page++ {
		n := 0
		x, err := c.run(ctx, call{doing: doing, do: func(api *sdk.Client) (err error) {
			n, err = f(api, sdk.ListOptions{Page: page, PageSize: perPage})
			return err
		}})
		if err != nil {
			return page, err
		}
		for _, look := range seen {
			look(x)
		}
		read += n
		total, known := totalOf(x)
		switch {
		case known && read >= total:
			return page, nil
		case n == 0 && known: // it became shorter while it was read, or the server does not count as it lists
			return page, odd(doing, fmt.Sprintf("it has %d of %d", read, total))
		case n == 0:
			return page, nil
		}
	}
	return maxPages, odd(doing, fmt.Sprintf("there are more than %d pages", maxPages))
}

// totalOf is how many entries a list has, if the server says it.
func totalOf(x *exchange.Exchange) (int, bool) {
	n, err := strconv.Atoi(x.Header.Get("X-Total-Count"))
	return n, err == nil && n >= 0
}
