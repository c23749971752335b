package github

import (
	"context"
	"fmt"
	"net/url"

	githubapi "github.com/google/go-github/v92/github"

	"sallyport/notify/forge"
	"sallyport/notify/redact"
)

// MaxDescription is the most that GitHub takes as a status' description; one character more is a 422.
const MaxDescription = 140

// maxContext is the most that is sent as a context. Names of stacks are far shorter.
const maxContext = 255

// SetStatus sets a commit's status of one context. It may be repeated: the newest counts.
func (c *Client) SetStatus(ctx context.Context, at forge.Head, s Status) error {
	const doing = "setting a status"
	if !hashPattern.MatchString(at.Commit) {
		return fmt.Errorf("%s: %.80q is no full hash", doing, at.Commit)
	}
	description := forge.Cut(redact.CleanLine(s.Description), MaxDescription)
	name, state := forge.Cut(redact.CleanLine(s.Context), maxContext), string(s.State)
	wire := githubapi.RepoStatus{Context: &name, State: &state, Description: &description}
	if u, err := url.Parse(s.TargetURL); err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http") {
		wire.TargetURL = &s.TargetURL
	}
	_, err := c.run(ctx, call{doing: doing, effect: writes, do: func(ctx context.Context) error {
		_, _, err := c.api.Repositories.CreateStatus(ctx, c.opts.owner, c.opts.name, at.Commit, wire)
		return err
	}})
	return err
}
