package gitlab

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	gitlabapi "gitlab.com/gitlab-org/api/client-go/v2"

	"sallyport/notify/forge"
	"sallyport/notify/forge/wire"
	"sallyport/notify/redact"
)

func userOf(u *gitlabapi.BasicUser) forge.User {
	if u == nil || u.ID <= 0 {
		return forge.User{}
	}
	return forge.User{ID: u.ID, Login: redact.CleanLine(u.Username)}
}

// levels are GitLab's levels of access in the words of package forge. A level that is not here is an error: nobody knows what it allows.
func levels() map[gitlabapi.AccessLevelValue]forge.Access {
	return map[gitlabapi.AccessLevelValue]forge.Access{
		gitlabapi.NoPermissions:              {Level: "none", Role: "No access"},
		gitlabapi.MinimalAccessPermissions:   {Level: "none", Role: "Minimal access"},
		gitlabapi.GuestPermissions:           {Level: "none", Role: "Guest"}, // of a private project a guest sees no code
		gitlabapi.PlannerPermissions:         {Level: "none", Role: "Planner"},
		gitlabapi.ReporterPermissions:        {Level: "read", Role: "Reporter"},
		gitlabapi.SecurityManagerPermissions: {Level: "read", Role: "Security Manager"},
		gitlabapi.DeveloperPermissions:       {Level: "write", Role: "Developer"},
		gitlabapi.MaintainerPermissions:      {Level: "write", Role: "Maintainer"},
		gitlabapi.OwnerPermissions:           {Level: "admin", Role: "Owner"},
	}
}

// Access asks what a user may do in the project now: as a member of it, of a group above it, or of one that was invited. Whoever is
// blocked, or whose membership waits or has ended, has none.
func (c *Client) Access(ctx context.Context, u forge.User) (forge.Access, error) {
	const doing = "asking for somebody's role"
	none := forge.Access{Level: "none"}
	if u.ID <= 0 {
		return none, nil
	}
	id, err := c.id(ctx)
	if err != nil {
		return none, err
	}
	var raw *gitlabapi.ProjectMember
	x, err := c.run(ctx, wire.Call{Doing: doing, Do: func(ctx context.Context) (err error) {
		raw, _, err = c.api.ProjectMembers.GetInheritedProjectMember(id, u.ID, gitlabapi.WithContext(ctx))
		return err
	}})
	if wire.KindOf(err) == wire.NotFound && !strings.Contains(err.Error(), "Project Not Found") {
		return none, nil // of a project that the token may no longer see the answer has other words
	}
	if err != nil {
		return none, err
	}
	access, known := levels()[raw.AccessLevel]
	if raw.ID != u.ID || !known {
		return none, wire.Odd(site, doing, fmt.Sprintf("it gives account %d the level %d", raw.ID, raw.AccessLevel))
	}
	var more struct {
		Membership string `json:"membership_state"`
	}
	if err := json.Unmarshal(x.Body, &more); err != nil {
		return none, wire.Odd(site, doing, err.Error())
	}
	switch {
	case raw.State != "active", more.Membership != "" && more.Membership != "active":
		return none, nil
	case raw.ExpiresAt != nil && !c.opts.Now().Before(time.Time(*raw.ExpiresAt)):
		return none, nil
	case raw.MemberRole != nil && raw.MemberRole.Name != "":
		access.Role = redact.CleanLine(raw.MemberRole.Name)
	}
	return access, nil
}

// settled is how long after a push an approval is not taken for one of what was pushed: whoever gave it may have had the page of the
// earlier head before them.
const settled = 10 * time.Second

// Reviews are who approves a merge request, and who wants changes. GitLab's approvals name no commit: each is bound to what was the
// newest version of the diff when it was given, and to none if it says no time or was given within ten seconds of a push. Who wants
// changes does not approve, whatever they did before.
func (c *Client) Reviews(ctx context.Context, p forge.PullRequest) ([]forge.Review, error) {
	id, err := c.id(ctx)
	if err != nil {
		return nil, err
	}
	var raw *gitlabapi.MergeRequestApprovals
	if _, err := c.run(ctx, wire.Call{Doing: fmt.Sprintf("reading the approvals of merge request %d", p.Number), Do: func(ctx context.Context) (err error) {
		raw, _, err = c.api.MergeRequestApprovals.GetConfiguration(id, int64(p.Number), gitlabapi.WithContext(ctx))
		return err
	}}); err != nil {
		return nil, err
	}
	if len(raw.ApprovedBy) == 0 {
		return nil, nil // who wants changes takes nothing back then
	}
	heads, err := c.versions(ctx, id, p.Number)
	if err != nil {
		return nil, err
	}
	against, err := c.against(ctx, id, p.Number)
	if err != nil {
		return nil, err
	}
	var out []forge.Review
	for _, a := range raw.ApprovedBy {
		if a == nil {
			continue
		}
		r := forge.Review{Author: userOf(a.User), State: forge.ReviewApproved, SubmittedAt: timeOf(a.ApprovedAt)}
		r.Commit = headAt(heads, r.SubmittedAt)
		out = append(out, r)
	}
	return append(out, against...), nil
}

// version is what a diff was from a time on.
type version struct {
	head string
	from time.Time
}

// versions are all versions of a merge request's diff.
func (c *link) versions(ctx context.Context, id int64, number int) ([]version, error) {
	var out []version
	doing := fmt.Sprintf("reading the versions of merge request %d", number)
	_, err := c.each(ctx, doing, perPage, func(options ...gitlabapi.RequestOptionFunc) (*gitlabapi.Response, int, bool, error) {
		list, resp, err := c.api.MergeRequests.GetMergeRequestDiffVersions(id, int64(number),
			&gitlabapi.GetMergeRequestDiffVersionsOptions{ListOptions: gitlabapi.ListOptions{PerPage: perPage}}, options...)
		for _, v := range list {
			out = append(out, version{head: v.HeadCommitSHA, from: timeOf(v.CreatedAt)})
		}
		return resp, len(list), false, err
	})
	return out, err
}

// headAt is the head that whoever approved at a time had before them; empty if nobody can tell.
func headAt(versions []version, at time.Time) string {
	if at.IsZero() {
		return ""
	}
	var newest version
	for _, v := range versions {
		switch {
		case v.from.IsZero():
			return "" // it may have been there
		case v.from.After(at):
			continue
		case at.Sub(v.from) < settled && len(versions) > 1:
			return "" // the page may have shown the one before
		case v.from.After(newest.from):
			newest = v
		}
	}
	return newest.head
}

// against are the reviewers who do not stand by their approval. A state that is not known here speaks against it.
func (c *link) against(ctx context.Context, id int64, number int) ([]forge.Review, error) {
	var out []forge.Review
	doing := fmt.Sprintf("reading the reviewers of merge request %d", number)
	_, err := c.each(ctx, doing, 0, func(options ...gitlabapi.RequestOptionFunc) (*gitlabapi.Response, int, bool, error) {
		list, resp, err := c.api.MergeRequests.GetMergeRequestReviewers(id, int64(number), options...)
		for _, r := range list {
			switch r.State {
			case "unreviewed", "reviewed", "approved", "review_started":
			default:
				out = append(out, forge.Review{Author: userOf(r.User), State: forge.ReviewChangesRequested})
			}
		}
		return resp, len(list), false, err
	})
	return out, err
}
