package gitea

import (
	"context"
	"fmt"
	"strings"

	sdk "code.gitea.io/sdk/gitea"

	"sallyport/notify/forge"
	"sallyport/notify/forge/wire"
	"sallyport/notify/redact"
)

// Probe asks what the token may do, without changing anything. An error means that not even the repository could be read. Whether it may
// write is asked for by writes that cannot succeed: a status of a commit that does not exist, a comment on pull request 0. Gitea looks at
// the token's scopes and at the account's rights first.
func (c *Client) Probe(ctx context.Context) (forge.Probe, error) {
	var p forge.Probe
	repository, err := c.repository(ctx)
	if err != nil {
		return p, err
	}
	p.Archived = repository.Archived
	_, err = c.run(ctx, call{doing: "asking for the version", do: func(api *sdk.Client) error {
		version, _, err := api.ServerVersion()
		p.Version = versionOf(redact.CleanLine(version))
		return err
	}})
	if err != nil {
		p.Notes = append(p.Notes, "the server does not say its version: "+err.Error())
	}
	self, err := c.Self(ctx)
	p.Login = self.Login
	p.Permissions = append(p.Permissions, verdict(forge.Permission{Name: "read:user", For: "knowing its own comment", Changes: true}, err))
	for _, one := range probes(c, self, repository) {
		p.Permissions = append(p.Permissions, verdict(one.Permission, one.ask(ctx), one.proves...))
	}
	return p, nil
}

// versionOf reads what a server calls itself. Forgejo's own version comes first, and then the Gitea that its API is like.
func versionOf(said string) string {
	if own, like, is := strings.Cut(said, "+gitea-"); is {
		return fmt.Sprintf("%s (Forgejo, like Gitea %s)", own, like)
	}
	return said
}

func (c *Client) repository(ctx context.Context) (*sdk.Repository, error) {
	const doing = "reading the repository"
	var raw *sdk.Repository
	if _, err := c.run(ctx, call{doing: doing, do: func(api *sdk.Client) (err error) {
		raw, _, err = api.GetRepo(c.opts.owner, c.opts.name)
		return err
	}}); err != nil {
		return nil, err
	}
	if raw == nil || raw.ID <= 0 {
		return nil, odd(doing, "it names no repository")
	}
	if !strings.EqualFold(raw.FullName, c.opts.Repository) {
		return nil, odd(doing, "it describes "+redact.CleanLine(raw.FullName))
	}
	return raw, nil
}

// probe is one question. What Gitea says to a write that cannot succeed, but may be made, counts as granted.
type probe struct {
	forge.Permission
	ask    func(context.Context) error
	proves []wire.Kind
}

// verdict judges what came of a question.
func verdict(p forge.Permission, err error, proves ...wire.Kind) forge.Permission {
	kind := wire.KindOf(err)
	p.Verdict, p.Err = forge.Unclear, err
	for _, one := range proves {
		if kind == one {
			err = nil
		}
	}
	switch {
	case err == nil:
		p.Verdict, p.Err = forge.Granted, nil
	case kind == wire.Forbidden, kind == wire.NotFound, kind == wire.Unauthorized:
		p.Verdict = forge.Missing
	}
	return p
}

func probes(c *Client, self forge.User, repository *sdk.Repository) []probe {
	nowhere := strings.Repeat("0", 40)
	return []probe{
		{forge.Permission{Name: "write:repository, and write access to the repository", For: "commit statuses"}, func(ctx context.Context) error {
			return c.SetStatus(ctx, forge.Head{Commit: nowhere}, forge.Status{Context: "sallyport", State: forge.Pending, Description: "a probe"})
		}, []wire.Kind{wire.Invalid}}, // which is said of a commit that is not known
		{forge.Permission{Name: "read:issue", For: "finding pull requests to plan", Changes: true}, func(ctx context.Context) error {
			_, _, err := c.touchedSince(ctx, c.opts.Now())
			return err
		}, nil},
		{forge.Permission{Name: "write:issue", For: "the comment", Changes: true}, func(ctx context.Context) error {
			_, err := comments{c}.CreateComment(ctx, 0, "a probe")
			return err
		}, []wire.Kind{wire.Busy}}, // Gitea's word for an issue that is not there
		{forge.Permission{Name: "administrator of the repository", For: "who may write", Changes: true}, func(ctx context.Context) error {
			if repository.Permissions == nil || !repository.Permissions.Admin {
				return &wire.Error{Site: site, Doing: "asking for the account's own rights", Kind: wire.Forbidden,
					Message: redact.CleanLine(self.Login) + " does not administer the repository"}
			}
			return nil
		}, nil},
		{forge.Permission{Name: "read:organization, and a place in the teams that may write code", For: "whose teams may write", Changes: true},
			func(ctx context.Context) error { return seesTeams(ctx, c, self) }, nil},
	}
}

// seesTeams reports whether it can be found out who is in the teams that may write code.
func seesTeams(ctx context.Context, c *Client, self forge.User) error {
	teams, _, err := c.teams(ctx)
	if err != nil {
		return err
	}
	for _, team := range teams {
		if _, err := c.member(ctx, team, self); err != nil {
			return err
		}
	}
	return nil
}
