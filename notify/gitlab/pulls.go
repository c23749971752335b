package gitlab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	gitlabapi "gitlab.com/gitlab-org/api/client-go/v2"

	"sallyport/notify/forge"
	"sallyport/notify/forge/wire"
	"sallyport/notify/redact"
)

var hashPattern = regexp.MustCompile(`^(?:[0-9a-f]{40}|[0-9a-f]{64})$`)

// errUnready: a merge request that GitLab is still preparing has no head.
var errUnready = errors.New("it has no head yet")

// mergeRequestOf is a merge request of the project.
func mergeRequestOf(m *gitlabapi.BasicMergeRequest, project int64) (forge.PullRequest, error) {
	if m == nil {
		return forge.PullRequest{}, errors.New("it describes no merge request")
	}
	out := forge.PullRequest{
		Number: int(m.IID), Title: redact.CleanLine(m.Title), URL: redact.CleanLine(m.WebURL), Draft: m.Draft, Author: userOf(m.Author),
		// One that is locked is being merged: it comes out of that merged, or opened again.
		Open: m.State == "opened" || m.State == "locked", Merged: m.State == "merged",
		Head: m.SHA, HeadRef: redact.CleanLine(m.SourceBranch), HeadRepository: m.SourceProjectID,
		BaseRef: redact.CleanLine(m.TargetBranch), BaseRepository: m.TargetProjectID,
		UpdatedAt: timeOf(m.UpdatedAt),
	}
	if out.Merged {
		out.MergedAt, out.MergedBy = timeOf(m.MergedAt), userOf(m.MergeUser)
		out.MergeCommit = landedAs(m)
	}
	known := out.Open || out.Merged || m.State == "closed"
	switch {
	case out.Number <= 0 || m.TargetProjectID != project || !known || out.MergeCommit != "" && !hashPattern.MatchString(out.MergeCommit):
		return forge.PullRequest{}, fmt.Errorf("it describes no merge request of the project (number %d of %d, state %.20q)", out.Number, m.TargetProjectID, m.State)
	case m.SHA == "":
		return out, errUnready
	case !hashPattern.MatchString(m.SHA):
		return forge.PullRequest{}, fmt.Errorf("%.80q is no head of a merge request", m.SHA)
	}
	return out, nil
}

// landedAs is the commit that GitLab made of a merge request: the squashed one, which has what was reviewed in it, else the merge. After a
// fast-forward it made none, and what is on the branch are the commits of the people.
func landedAs(m *gitlabapi.BasicMergeRequest) string {
	return cmp.Or(m.SquashCommitSHA, m.MergeCommitSHA)
}

const (
	// fullEvery is when the whole list is read though nothing seems to have changed: that a fork was deleted changes nothing of its
	// merge requests, and a project that was restored has other ones.
	fullEvery = 10 * time.Minute
	// overlap is how much further back than the newest change is looked: a change is seen when it is committed, and its time is
	// that of before.
	overlap = 2 * time.Minute
	// maxPasses is how often a list of several pages is read until it stands still.
	maxPasses = 4
)

// listing is what is known of the open merge requests.
type listing struct {
	open   map[int]forge.PullRequest
	newest time.Time // of all changes, by GitLab's clock
	full   time.Time // when the whole list was read, by ours; zero: never
	last   []forge.PullRequest
	waits  bool // one has no head yet
}

// OpenPullRequests are the open merge requests, newest first, and whether anything about them changed since the last call that gave
// no error. Nothing new costs one request. One that GitLab is still preparing is left out until it has a head.
func (c *Client) OpenPullRequests(ctx context.Context) (list []forge.PullRequest, changed bool, err error) {
	id, err := c.id(ctx)
	if err != nil {
		return nil, false, err
	}
	c.listing.Lock()
	defer c.listing.Unlock()
	l := &c.list
	if l.full.IsZero() || l.waits || l.newest.IsZero() || c.opts.Now().Sub(l.full) >= fullEvery || c.opts.Now().Before(l.full) {
		err = c.readOpen(ctx, id)
	} else {
		err = c.readChanged(ctx, id)
	}
	if err != nil {
		return nil, false, err
	}
	list = slices.SortedFunc(maps.Values(l.open), func(a, b forge.PullRequest) int { return b.Number - a.Number })
	changed = l.last == nil || !slices.Equal(list, l.last)
	l.last = append([]forge.PullRequest{}, list...)
	if !l.waits { // which may be one that a status is waited for of
		c.statuses.giveUp(ctx, id, l.open)
	}
	return list, changed, nil
}

// readOpen reads the whole list, if it has several pages again until it stands still: one that slips from one page to another
// would be missed, as if it had been closed.
func (c *Client) readOpen(ctx context.Context, id int64) error {
	const doing = "listing merge requests"
	began := c.opts.Now()
	var before []forge.PullRequest
	for range maxPasses {
		now, err := c.readList(ctx, doing, id, listOptions("opened", "created_at"))
		if err != nil {
			return err
		}
		if now.pages > 1 && (before == nil || !slices.Equal(before, now.list)) {
			before = append([]forge.PullRequest{}, now.list...)
			continue
		}
		l := &c.list
		l.open, l.full, l.waits = map[int]forge.PullRequest{}, began, now.waits
		l.take(now)
		return nil
	}
	return wire.Odd(site, doing, "the list changes faster than it can be read")
}

// readChanged reads what changed lately, whatever its state is.
func (c *Client) readChanged(ctx context.Context, id int64) error {
	o := listOptions("all", "updated_at")
	after := c.list.newest.Add(-overlap).UTC()
	o.UpdatedAfter = &after
	now, err := c.readList(ctx, "listing changed merge requests", id, o)
	if err != nil {
		return err
	}
	c.list.take(now)
	c.list.waits = now.waits
	return nil
}

func listOptions(state, by string) *gitlabapi.ListProjectMergeRequestsOptions {
	scope, sort := "all", "desc"
	return &gitlabapi.ListProjectMergeRequestsOptions{
		ListOptions: gitlabapi.ListOptions{PerPage: perPage}, State: &state, Scope: &scope, OrderBy: &by, Sort: &sort,
	}
}

// read is one reading of a list.
type read struct {
	list   []forge.PullRequest
	newest time.Time
	pages  int
	waits  bool
}

func (c *Client) readList(ctx context.Context, doing string, id int64, o *gitlabapi.ListProjectMergeRequestsOptions) (read, error) {
	var out read
	var odd error
	_, err := c.each(ctx, doing, perPage, func(options ...gitlabapi.RequestOptionFunc) (*gitlabapi.Response, int, bool, error) {
		raw, resp, err := c.api.MergeRequests.ListProjectMergeRequests(id, o, options...)
		out.pages++
		for _, m := range raw {
			one, err := mergeRequestOf(m, id)
			switch {
			case errors.Is(err, errUnready):
				out.waits = out.waits || one.Open
			case err != nil:
				odd = err
			default:
				out.list = append(out.list, one)
			}
			if one.UpdatedAt.After(out.newest) {
				out.newest = one.UpdatedAt
			}
		}
		return resp, len(raw), false, err
	})
	if err == nil && odd != nil {
		err = wire.Odd(site, doing, odd.Error())
	}
	return out, err
}

// take takes over what was read: the open ones, and that others are no more.
func (l *listing) take(r read) {
	for _, p := range r.list {
		if p.Open {
			l.open[p.Number] = p
		} else {
			delete(l.open, p.Number)
		}
	}
	if r.newest.After(l.newest) {
		l.newest = r.newest
	}
}

// PullRequest is one merge request, whatever its state. One that GitLab is still preparing is an error: try again. Of one that is open no
// more, statuses that an agent before this one left unfinished are canceled.
func (c *Client) PullRequest(ctx context.Context, number int) (forge.PullRequest, error) {
	id, err := c.id(ctx)
	if err != nil {
		return forge.PullRequest{}, err
	}
	raw, p, err := c.mergeRequest(ctx, id, number)
	if err != nil {
		return p, err
	}
	p.Base = raw.DiffRefs.BaseSha
	if !p.Open {
		c.statuses.finishClosed(ctx, id, number)
	}
	return p, nil
}

func (c *link) mergeRequest(ctx context.Context, id int64, number int) (*gitlabapi.MergeRequest, forge.PullRequest, error) {
	doing := fmt.Sprintf("reading merge request %d", number)
	var raw *gitlabapi.MergeRequest
	if _, err := c.run(ctx, wire.Call{Doing: doing, Do: func(ctx context.Context) (err error) {
		raw, _, err = c.api.MergeRequests.GetMergeRequest(id, int64(number), nil, gitlabapi.WithContext(ctx))
		return err
	}}); err != nil {
		return nil, forge.PullRequest{}, err
	}
	p, err := mergeRequestOf(&raw.BasicMergeRequest, id)
	switch {
	case errors.Is(err, errUnready):
		return nil, forge.PullRequest{}, &wire.Error{Site: site, Doing: doing, Kind: wire.Busy, Err: err}
	case err != nil:
		return nil, forge.PullRequest{}, wire.Odd(site, doing, err.Error())
	case p.Number != number:
		return nil, forge.PullRequest{}, wire.Odd(site, doing, fmt.Sprintf("it describes merge request %d", p.Number))
	}
	return raw, p, nil
}

// HeadRef is where git finds the head of a merge request, in the project itself, of forks too.
func (c *Client) HeadRef(number int) string {
	return fmt.Sprintf("refs/merge-requests/%d/head", number)
}

// Landed are the merge requests that were merged into a branch and that a commit is part of, or was made by: as a merge, squashed,
// rebased, or by a train. Several may have the same commit.
func (c *Client) Landed(ctx context.Context, commit, branch string) ([]forge.PullRequest, error) {
	const doing = "listing the merge requests of a commit"
	if !hashPattern.MatchString(commit) || branch == "" {
		return nil, fmt.Errorf("%s: %.80q is no full hash, or there is no branch", doing, commit)
	}
	id, err := c.id(ctx)
	if err != nil {
		return nil, err
	}
	var out []forge.PullRequest
	var odd error
	_, err = c.each(ctx, doing, 0, func(options ...gitlabapi.RequestOptionFunc) (*gitlabapi.Response, int, bool, error) {
		raw, resp, err := c.api.Commits.ListMergeRequestsByCommit(id, commit, options...)
		for _, m := range raw {
			if m != nil && (m.State != "merged" || m.TargetBranch != branch || m.TargetProjectID != id) {
				continue
			}
			one, err := mergeRequestOf(m, id)
			if err != nil {
				odd = err
				continue
			}
			out = append(out, one)
		}
		return resp, len(raw), false, err
	})
	if err == nil && odd != nil {
		err = wire.Odd(site, doing, odd.Error())
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}
