package github

import (
	"context"
	"fmt"
	"slices"
	"strings"

	githubapi "github.com/google/go-github/v92/github"

	"sallyport/notify/redact"
)

// Verdict is what a probe found about one permission.
type Verdict string

// The verdicts of probes.
const (
	Granted Verdict = "granted"
	Missing Verdict = "missing"
	Unclear Verdict = "unclear" // GitHub did not say
)

// Permission is one thing that the token has to be allowed to do.
type Permission struct {
	Name    string // as the settings of tokens and apps call it: "commit statuses: write"
	For     string // what it is needed for
	Verdict Verdict
	Err     error // why it is missing or unclear
}

// Probe is what a token turned out to be.
type Probe struct {
	Self         Identity
	RepositoryID int64
	Private      bool
	Archived     bool // read-only: neither statuses nor comments
	Permissions  []Permission
	Rate         Rate
}

// Hint says what a person can do; empty if nothing is missing.
func (p Probe) Hint() string {
	var names []string
	for _, one := range p.Permissions {
		if one.Verdict == Missing {
			names = append(names, one.Name)
		}
	}
	switch {
	case p.Archived:
		return "the repository is archived: nothing can be written to it"
	case len(names) > 0:
		return "give the token: " + strings.Join(names, ", ")
	}
	return ""
}

// Probe asks what the token may do, without changing anything. An error means that not even the repository could be
// read. Permissions to write are asked for by writes that cannot succeed: a status of a commit that does not exist, a comment on pull
// request 0. GitHub looks at the token first and says 403 where it may not, and at the thing only then (404, 422).
func (c *Client) Probe(ctx context.Context) (Probe, error) {
	var p Probe
	var repository *githubapi.Repository
	if _, err := c.run(ctx, call{doing: "reading the repository", do: func(ctx context.Context) (err error) {
		repository, _, err = c.api.Repositories.Get(ctx, c.opts.owner, c.opts.name)
		return err
	}}); err != nil {
		return p, err
	}
	if p.RepositoryID = repository.GetID(); p.RepositoryID == 0 {
		return p, odd("reading the repository", "it names no repository")
	}
	if !strings.EqualFold(repository.GetFullName(), c.opts.Repository) {
		return p, odd("reading the repository", "it describes "+redact.CleanLine(repository.GetFullName()))
	}
	p.Private, p.Archived = repository.GetPrivate(), repository.GetArchived()
	self, err := c.Self(ctx)
	if err != nil {
		return p, err
	}
	p.Self = self
	for _, one := range c.probes() {
		one.Err = one.ask(ctx)
		one.Verdict = one.judge(one.Err)
		if one.Verdict == Granted {
			one.Err = nil
		}
		p.Permissions = append(p.Permissions, one.Permission)
	}
	p.Rate = c.Rate()
	return p, nil
}

// probe is one question. What GitHub says to a write that cannot succeed, but may be made, counts as granted.
type probe struct {
	Permission
	ask    func(context.Context) error
	proves []Kind
}

func (p probe) judge(err error) Verdict {
	switch kind := KindOf(err); {
	case err == nil, slices.Contains(p.proves, kind):
		return Granted
	case kind == Forbidden, kind == NotFound, kind == Unauthorized:
		return Missing
	}
	return Unclear
}

func (c *Client) probes() []probe {
	nowhere := strings.Repeat("0", 40)
	login := func(ctx context.Context) error {
		self, err := c.Self(ctx)
		if err != nil {
			return err
		}
		_, err = c.Access(ctx, self.User)
		return err
	}
	return []probe{
		{Permission{Name: "pull requests: read", For: "finding pull requests to plan"}, func(ctx context.Context) error {
			_, err := c.run(ctx, call{doing: "listing pull requests", do: func(ctx context.Context) error {
				_, _, err := c.api.PullRequests.List(ctx, c.opts.owner, c.opts.name, nil)
				return err
			}})
			return err
		}, nil},
		{Permission{Name: "contents: read", For: "the authors of commits"}, func(ctx context.Context) error {
			_, err := c.Commit(ctx, nowhere)
			return err
		}, []Kind{Invalid}}, // "No commit found for SHA"
		{Permission{Name: "metadata: read", For: "whether an author is a collaborator"}, login, nil},
		{Permission{Name: "commit statuses: write", For: "statuses"}, func(ctx context.Context) error {
			return c.SetStatus(ctx, nowhere, Status{Context: "sallyport", State: Pending, Description: "a probe"})
		}, []Kind{Invalid}},
		{Permission{Name: "pull requests: write", For: "the comment"}, func(ctx context.Context) error {
			_, err := c.CreateComment(ctx, 0, fmt.Sprintf("%s a probe", Marker("doctor")))
			return err
		}, []Kind{NotFound, Invalid}},
	}
}
