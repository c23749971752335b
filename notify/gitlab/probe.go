package gitlab

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	gitlabapi "gitlab.com/gitlab-org/api/client-go/v2"

	"sallyport/notify/forge"
	"sallyport/notify/forge/wire"
	"sallyport/notify/redact"
)

// expiring is how long before its end a token is warned of.
const expiring = 14 * 24 * time.Hour

// Probe asks what the token may do, without changing anything. An error means that not even the project could be read. That
// statuses may be set is asked for by one that cannot be: of a commit that does not exist. GitLab looks at the token and the role first, and
// says 403 where it may not, and at the commit only then (404).
func (c *Client) Probe(ctx context.Context) (forge.Probe, error) { return prober{c}.probe(ctx) }

// prober asks the questions of a probe.
type prober struct{ *Client }

func (c prober) probe(ctx context.Context) (forge.Probe, error) {
	project, err := c.readProject(ctx)
	if err != nil {
		return forge.Probe{}, err
	}
	self, err := c.whoami(ctx)
	if err != nil {
		return forge.Probe{}, err
	}
	p := forge.Probe{Login: self.Login, Archived: project.Archived, Version: c.version(ctx)}
	token, err := c.token(ctx)
	p.Permissions = append(p.Permissions, scope(token, err))
	p.Notes = append(p.Notes, c.ends(token)...)
	p.Permissions = append(p.Permissions, c.role(ctx, self), c.mayList(ctx, project.ID), c.maySet(ctx, project.ID))
	if note := c.guarded(ctx, project); note != "" {
		p.Notes = append(p.Notes, note)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	p.Rate = c.rate
	return p, nil
}

// version is GitLab's; empty if it does not say. Nothing depends on it.
func (c prober) version(ctx context.Context) string {
	var raw *gitlabapi.Metadata
	if _, err := c.run(ctx, wire.Call{Doing: "asking for the version", Do: func(ctx context.Context) (err error) {
		raw, _, err = c.api.Metadata.GetMetadata(gitlabapi.WithContext(ctx))
		return err
	}}); err != nil {
		return ""
	}
	return redact.CleanLine(raw.Version)
}

func (c prober) token(ctx context.Context) (*gitlabapi.PersonalAccessToken, error) {
	var raw *gitlabapi.PersonalAccessToken
	_, err := c.run(ctx, wire.Call{Doing: "asking what the token may do", Do: func(ctx context.Context) (err error) {
		raw, _, err = c.api.PersonalAccessTokens.GetSinglePersonalAccessToken(gitlabapi.WithContext(ctx))
		return err
	}})
	return raw, err
}

func scope(token *gitlabapi.PersonalAccessToken, err error) forge.Permission {
	p := forge.Permission{Name: "scope api", For: "statuses and comments, for which read_api is not enough", Verdict: forge.Unclear, Err: err}
	if err != nil {
		return p
	}
	if slices.Contains(token.Scopes, "api") {
		p.Verdict = forge.Granted
		return p
	}
	p.Verdict = forge.Missing
	p.Err = fmt.Errorf("the token has %s", redact.CleanLine(strings.Join(token.Scopes, ", ")))
	return p
}

// ends says when a token ends, if that is soon.
func (c prober) ends(token *gitlabapi.PersonalAccessToken) []string {
	if token == nil || token.ExpiresAt == nil {
		return nil
	}
	end := time.Time(*token.ExpiresAt)
	if end.Sub(c.opts.Now()) > expiring {
		return nil
	}
	return []string{"the token expires on " + end.Format(time.DateOnly)}
}

func (c prober) role(ctx context.Context, self forge.User) forge.Permission {
	p := forge.Permission{Name: "role Developer", For: "statuses", Verdict: forge.Granted}
	access, err := c.Access(ctx, self)
	switch {
	case err != nil:
		p.Verdict, p.Err = forge.Unclear, err
	case !access.CanWrite():
		p.Verdict, p.Err = forge.Missing, errors.New("the token's account is "+describe(access))
	}
	return p
}

func describe(a forge.Access) string {
	if a.Role == "" {
		return "no member of the project"
	}
	return a.Role
}

func (c prober) mayList(ctx context.Context, id int64) forge.Permission {
	p := forge.Permission{Name: "merge requests: read", For: "finding merge requests to plan", Changes: true, Verdict: forge.Granted}
	o := listOptions("opened", "created_at")
	o.PerPage = 1
	_, p.Err = c.run(ctx, wire.Call{Doing: "listing merge requests", Do: func(ctx context.Context) error {
		_, _, err := c.api.MergeRequests.ListProjectMergeRequests(id, o, gitlabapi.WithContext(ctx))
		return err
	}})
	return judged(p)
}

func (c prober) maySet(ctx context.Context, id int64) forge.Permission {
	p := forge.Permission{Name: "commit statuses: write", For: "statuses", Verdict: forge.Granted}
	_, err := c.statuses.send(ctx, id, job{commit: strings.Repeat("0", 40), name: "sallyport", state: "pending", description: "a probe"})
	if p.Err = noCommit(err); wire.KindOf(p.Err) == wire.Invalid {
		p.Err = nil // "404 Commit Not Found": it would have been set
	}
	return judged(p)
}

// judged is a permission by the error that it led to.
func judged(p forge.Permission) forge.Permission {
	switch wire.KindOf(p.Err) {
	case wire.Forbidden, wire.NotFound, wire.Unauthorized:
		p.Verdict = forge.Missing
	default:
		if p.Err != nil {
			p.Verdict = forge.Unclear
		}
	}
	return p
}

// guarded says what a protected branch takes: GitLab sets a status on it only for those who may push to it or merge into it.
func (c prober) guarded(ctx context.Context, project *gitlabapi.Project) string {
	if project.DefaultBranch == "" {
		return ""
	}
	var raw *gitlabapi.Branch
	if _, err := c.run(ctx, wire.Call{Doing: "reading the default branch", Do: func(ctx context.Context) (err error) {
		raw, _, err = c.api.Branches.GetBranch(project.ID, project.DefaultBranch, gitlabapi.WithContext(ctx))
		return err
	}}); err != nil || !raw.Protected || raw.CanPush {
		return ""
	}
	return fmt.Sprintf("%s is protected: unless the token's account may push to it or merge into it, what is on it gets no statuses, "+
		"and merge requests still do", redact.CleanLine(project.DefaultBranch))
}
