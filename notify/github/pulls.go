package github

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"

	githubapi "github.com/google/go-github/v92/github"

	"sallyport/notify/redact"
)

var (
	hashPattern  = regexp.MustCompile(`^(?:[0-9a-f]{40}|[0-9a-f]{64})$`)
	loginPattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_-]*(?:\[bot\])?$`)
)

func userOf(u *githubapi.User) User {
	return User{ID: u.GetID(), Login: redact.CleanLine(u.GetLogin()), Bot: u.GetType() == "Bot"}
}

func pullOf(p *githubapi.PullRequest) (PullRequest, error) {
	out := PullRequest{
		Number: p.GetNumber(), Title: redact.CleanLine(p.GetTitle()), URL: redact.CleanLine(p.GetHTMLURL()),
		Open: p.GetState() == "open", Draft: p.GetDraft(), Author: userOf(p.GetUser()), Association: redact.CleanLine(p.GetAuthorAssociation()),
		Head: p.GetHead().GetSHA(), HeadRef: redact.CleanLine(p.GetHead().GetRef()), HeadRepository: p.GetHead().GetRepo().GetID(),
		Base: p.GetBase().GetSHA(), BaseRef: redact.CleanLine(p.GetBase().GetRef()), BaseRepository: p.GetBase().GetRepo().GetID(),
		UpdatedAt: p.GetUpdatedAt().Time, Merged: !p.GetMergedAt().IsZero(), MergedAt: p.GetMergedAt().Time,
		MergedBy: userOf(p.GetMergedBy()), Commits: p.GetCommits(),
	}
	if out.Merged { // of an open one it is a try that GitHub made
		out.MergeCommit = p.GetMergeCommitSHA()
	}
	if out.Number <= 0 || !hashPattern.MatchString(out.Head) || out.BaseRepository == 0 || out.MergeCommit != "" && !hashPattern.MatchString(out.MergeCommit) {
		return PullRequest{}, fmt.Errorf("it describes no pull request (number %d, head %.80q)", out.Number, out.Head)
	}
	return out, nil
}

func pullsOf(list []*githubapi.PullRequest) ([]PullRequest, error) {
	out := make([]PullRequest, 0, len(list))
	for _, p := range list {
		one, err := pullOf(p)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

// page is one page of the list as it was read last.
type page struct {
	etag string
	list []PullRequest
	next int
}

// maxPasses is how often a list of several pages is read until it stands still.
const maxPasses = 4

// OpenPullRequests are the open pull requests, newest first, and whether anything about them changed since the last
// call that gave no error. Nothing new costs one conditional request for each 100 of them.
//
// A list of several pages may move while it is read, and a pull request that slips from one page to another
// would be missed, as if it had been closed. Such a list is read again until it stands still. Even so, ask
// [Client.PullRequest] before acting on the absence of one.
func (c *Client) OpenPullRequests(ctx context.Context) (list []PullRequest, changed bool, err error) {
	c.listing.Lock()
	defer c.listing.Unlock()
	for pass := 0; ; pass++ {
		if pass == maxPasses {
			return nil, false, odd("listing pull requests", "the list changes faster than it can be read")
		}
		fresh, err := c.readPages(ctx)
		if err != nil {
			return nil, false, err
		}
		if !fresh || len(c.pages) == 1 {
			break
		}
	}
	seen := map[int]bool{}
	for _, p := range c.pages {
		for _, pull := range p.list {
			if !seen[pull.Number] {
				seen[pull.Number] = true
				list = append(list, pull)
			}
		}
	}
	changed = !c.hasList || !slices.Equal(list, c.listed)
	c.listed, c.hasList = list, true
	return slices.Clone(list), changed, nil
}

// readPages reads every page, those that are known conditionally, and reports whether any was new.
func (c *Client) readPages(ctx context.Context) (fresh bool, err error) {
	for i := 0; ; i++ {
		if i == maxPages {
			return false, odd("listing pull requests", fmt.Sprintf("there are more than %d", maxPages*perPage))
		}
		known := page{}
		if i < len(c.pages) {
			known = c.pages[i]
		}
		now, isNew, err := c.readPage(ctx, i+1, known)
		if err != nil {
			return false, err
		}
		fresh = fresh || isNew
		c.pages = append(c.pages[:i:i], append([]page{now}, c.pages[min(i+1, len(c.pages)):]...)...)
		if now.next != i+2 {
			c.pages = c.pages[:i+1]
			return fresh, nil
		}
	}
}

func (c *Client) readPage(ctx context.Context, number int, known page) (now page, isNew bool, err error) {
	const doing = "listing pull requests"
	var raw []*githubapi.PullRequest
	x, err := c.run(ctx, call{doing: doing, do: func(ctx context.Context) error {
		path := fmt.Sprintf("repos/%s/%s/pulls?state=open&sort=created&direction=desc&per_page=%d&page=%d", c.opts.owner, c.opts.name, perPage, number)
		r, err := c.api.NewRequest(ctx, http.MethodGet, path, nil)
		if err != nil {
			return err
		}
		if known.etag != "" {
			r.Header.Set("If-None-Match", known.etag)
		}
		resp, err := c.api.Do(r, &raw)
		if err == nil {
			now.next = resp.NextPage
		}
		return err
	}})
	if err != nil {
		return page{}, false, err
	}
	if x.Status == http.StatusNotModified {
		if known.etag == "" {
			return page{}, false, odd(doing, "304 to a request without a condition")
		}
		return known, false, nil
	}
	if now.list, err = pullsOf(raw); err != nil {
		return page{}, false, odd(doing, err.Error())
	}
	now.etag = x.Header.Get("ETag")
	return now, true, nil
}

// PullRequest is one pull request, whatever its state, with who merged it.
func (c *Client) PullRequest(ctx context.Context, number int) (PullRequest, error) {
	doing := fmt.Sprintf("reading pull request %d", number)
	var raw *githubapi.PullRequest
	if _, err := c.run(ctx, call{doing: doing, do: func(ctx context.Context) (err error) {
		raw, _, err = c.api.PullRequests.Get(ctx, c.opts.owner, c.opts.name, number)
		return err
	}}); err != nil {
		return PullRequest{}, err
	}
	pull, err := pullOf(raw)
	if err != nil || pull.Number != number {
		return PullRequest{}, odd(doing, fmt.Sprint(err))
	}
	return pull, nil
}

// Landed are the pull requests that were merged into a branch and that a commit is part of or was made by. Who merged them only
// [Client.PullRequest] says.
func (c *Client) Landed(ctx context.Context, hash, branch string) ([]PullRequest, error) {
	doing := "listing the pull requests of a commit"
	if !hashPattern.MatchString(hash) {
		return nil, fmt.Errorf("%s: %.80q is no full hash", doing, hash)
	}
	var raw []*githubapi.PullRequest
	err := c.everyPage(ctx, doing, func(ctx context.Context, o githubapi.ListOptions) (*githubapi.Response, error) {
		list, resp, err := c.api.PullRequests.ListPullRequestsWithCommit(ctx, c.opts.owner, c.opts.name, hash, &o)
		raw = append(raw, list...)
		return resp, err
	})
	if err != nil {
		return nil, err
	}
	list, err := pullsOf(raw)
	if err != nil {
		return nil, odd(doing, err.Error())
	}
	return slices.DeleteFunc(list, func(p PullRequest) bool { return !p.Merged || p.BaseRef != branch }), nil
}

// everyPage calls f for each page of a list.
func (c *Client) everyPage(ctx context.Context, doing string, f func(context.Context, githubapi.ListOptions) (*githubapi.Response, error)) error {
	_, err := c.pagesUntil(ctx, doing, func(ctx context.Context, o githubapi.ListOptions) (*githubapi.Response, bool, error) {
		resp, err := f(ctx, o)
		return resp, false, err
	})
	return err
}

// pagesUntil calls f for each page of a list, until it reports that it has what it wants.
func (c *Client) pagesUntil(ctx context.Context, doing string, f func(context.Context, githubapi.ListOptions) (*githubapi.Response, bool, error)) (found bool, err error) {
	o := githubapi.ListOptions{PerPage: perPage, Page: 1}
	for range maxPages {
		var resp *githubapi.Response
		if _, err := c.run(ctx, call{doing: doing, do: func(ctx context.Context) (err error) {
			resp, found, err = f(ctx, o)
			return err
		}}); err != nil {
			return false, err
		}
		if found || resp.NextPage == 0 {
			return found, nil
		}
		if resp.NextPage <= o.Page { // would never end, and what is left out may be a refusal
			return false, odd(doing, fmt.Sprintf("page %d leads back to %d", o.Page, resp.NextPage))
		}
		o.Page = resp.NextPage
	}
	return false, odd(doing, fmt.Sprintf("there are more than %d", maxPages*perPage))
}
