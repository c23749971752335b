package github

import (
	"context"
	"slices"
	"strings"

	githubapi "github.com/google/go-github/v92/github"

	"sallyport/notify/forge"
	"sallyport/notify/redact"
)

// Probe asks what the token may do, without changing anything. An error means that not even the repository could be
// read. Permissions to write are asked for by writes that cannot succeed: a status of a commit that does not exist, a comment on pull
// request 0. GitHub looks at the token first and says 403 where it may not, and at the thing only then (404, 422).
func (c *Client) Probe(ctx context.Context) (forge.Probe, error) {
	var p forge.Probe
	var repository *githubapi.Repository
	if _, err := c.run(ctx, call{doing: "reading the repository", do: func(ctx context.Context) (err error) {
		repository, _, err = c.api.Repositories.Get(ctx, c.opts.owner, c.opts.name)
		return err
	}}); err != nil {
		return p, err
	}
	if repository.GetID() == 0 {
		return p, odd("reading the repository", "it names no repository")
	}
	if !strings.EqualFold(repository.GetFullName(), c.opts.Repository) {
		return p, odd("reading the repository", "it describes "+redact.CleanLine(repository.GetFullName()))
	}
	p.Archived = repository.GetArchived()
	self, err := c.Self(ctx)
	if err != nil {
		return p, err
	}
	p.Login = self.Login
	for _, one := range probes(c) {
		one.Err = one.ask(ctx)
		one.Verdict = one.judge(one.Err)
		if one.Verdict == forge.Granted {
			one.Err = nil
		}
		p.Permissions = append(p.Permissions, one.Permission)
	}
	p.Rate = c.Rate()
	return p, nil
}

// probe is one question. What GitHub says to a write that cannot succeed, but may be made, counts as granted.
type probe struct {
	forge.Permission
	ask    func(context.Context) error
	proves []Kind
}

func (p probe) judge(err error) forge.Verdict {
	switch kind := KindOf(err); {
	case err == nil, slices.Contains(p.proves, kind):
		return forge.Granted
	case kind == Forbidden, kind == NotFound, kind == Unauthorized:
		return forge.Missing
	}
	return forge.Unclear
}

func probes(c *Client) []probe {
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
		{forge.Permission{Name: "pull requests: read", For: "finding pull requests to plan", Changes: true}, func(ctx context.Context) error {
			_, err := c.run(ctx, call{doing: "listing pull requests", do: func(ctx context.Context) error {
				_, _, err := c.api.PullRequests.List(ctx, c.opts.owner, c.opts.name, nil)
				return err
			}})
			return err
		}, nil},
		{forge.Permission{Name: "contents: read", For: "the authors of commits", Changes: true}, func(ctx context.Context) error {
			_, err := c.Commit(ctx, nowhere)
			return err
		}, []Kind{Invalid}}, // "No commit found for SHA"
		{forge.Permission{Name: "metadata: read", For: "whether an author is a collaborator", Changes: true}, login, nil},
		{forge.Permission{Name: "commit statuses: write", For: "statuses"}, func(ctx context.Context) error {
			return c.SetStatus(ctx, forge.Head{Commit: nowhere}, Status{Context: "sallyport", State: Pending, Description: "a probe"})
		}, []Kind{Invalid}},
		{forge.Permission{Name: "pull requests: write", For: "the comment", Changes: true}, func(ctx context.Context) error {
			_, err := c.CreateComment(ctx, 0, "<!-- sallyport:doctor --> a probe")
			return err
		}, []Kind{NotFound, Invalid}},
	}
}
