package gitea

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	sdk "code.gitea.io/sdk/gitea"

	"sallyport/notify/forge"
	"sallyport/notify/forge/wire"
	"sallyport/notify/redact"
)

var loginPattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)

// Access asks what a user may do in the repository now. An account that is not (or no more) there has none.
//
// Gitea's answer about a permission is given to administrators of the repository alone, and is not all there is for a repository of an
// organization. Teams have rights by unit, and of those the answer knows nothing ("none" for somebody who may push), or has the least of
// them for the whole ("write" for who may only write issues). So there somebody may push who is an administrator, a collaborator with that
// level, or a member of a team that may write code. Nor is who can be assigned a measure of it: the members of a team that may only
// read pull requests are. What cannot be found out is an error and no answer.
func (c *Client) Access(ctx context.Context, u forge.User) (forge.Access, error) {
	none := forge.Access{Level: "none"}
	if u.ID <= 0 || !loginPattern.MatchString(u.Login) {
		return none, nil
	}
	level, err := permission(ctx, c, u)
	if err != nil {
		return none, err
	}
	access := forge.Access{Level: level, Role: level}
	switch level {
	case "owner":
		return forge.Access{Level: "admin", Role: level}, nil
	case "admin":
		return access, nil
	case "write", "read", "none":
	default:
		return none, odd("asking for somebody's permission", fmt.Sprintf("%.40q is no permission", level))
	}
	teams, organization, err := c.teams(ctx)
	if err != nil {
		return none, err
	}
	if !organization {
		return access, nil
	}
	may := false
	if level == "write" {
		if may, err = collaborates(ctx, c, u); err != nil {
			return none, err
		}
	}
	for _, team := range teams {
		if may {
			break
		}
		if may, err = c.member(ctx, team, u); err != nil {
			return none, err
		}
	}
	switch {
	case may:
		return forge.Access{Level: "write", Role: level}, nil
	case level == "write":
		return forge.Access{Level: "read", Role: level}, nil
	}
	return access, nil
}

// permission is Gitea's word; "none" for an account that is gone, or whose login somebody else has taken.
func permission(ctx context.Context, c *Client, u forge.User) (string, error) {
	const doing = "asking for somebody's permission"
	var raw *sdk.CollaboratorPermissionResult
	_, err := c.run(ctx, call{doing: doing, do: func(api *sdk.Client) (err error) {
		raw, _, err = api.CollaboratorPermission(c.opts.owner, c.opts.name, u.Login)
		return err
	}})
	// A repository that is gone is the same 404, with other words.
	if wire.KindOf(err) == wire.NotFound && strings.Contains(err.Error(), "user does not exist") {
		return "none", nil
	}
	if err != nil {
		return "", err
	}
	if raw == nil || raw.User == nil || raw.Permission == "" {
		return "", odd(doing, "it names no permission")
	}
	if raw.User.ID != u.ID {
		return "none", nil
	}
	return redact.CleanLine(string(raw.Permission)), nil
}

// teams are the teams of the repository that may write code; organization is false for a repository of a person.
func (c *Client) teams(ctx context.Context) (list []*sdk.Team, organization bool, err error) {
	const doing = "listing the repository's teams"
	x, err := c.run(ctx, call{doing: doing, do: func(api *sdk.Client) (err error) {
		list, _, err = api.GetRepoTeams(c.opts.owner, c.opts.name)
		return err
	}})
	if err != nil && x != nil && x.Status == http.StatusMethodNotAllowed {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	return slices.DeleteFunc(list, func(t *sdk.Team) bool { return t == nil || !writesCode(t) }), true, nil
}

// writesCode reports whether the members of a team may push by its rights for the code. Teams of older servers have no levels of single
// units, but one for those that they have. Of administrators and owners the permission itself tells.
func writesCode(t *sdk.Team) bool {
	if t.Permission == sdk.AccessModeAdmin || t.Permission == sdk.AccessModeOwner {
		return false
	}
	level := t.UnitsMap[string(sdk.RepoUnitCode)]
	if len(t.UnitsMap) == 0 && slices.Contains(t.Units, sdk.RepoUnitCode) {
		level = string(t.Permission)
	}
	return level != "" && level != "none" && level != "read"
}

// member reports whether somebody is in a team. To those who may not look into a team Gitea says 404 as for one who is not in it, so the
// team itself is asked for then.
func (c *Client) member(ctx context.Context, team *sdk.Team, u forge.User) (bool, error) {
	doing := fmt.Sprintf("looking for somebody in the team %.60s", redact.CleanLine(team.Name))
	var found *sdk.User
	_, err := c.run(ctx, call{doing: doing, do: func(api *sdk.Client) (err error) {
		found, _, err = api.GetTeamMember(team.ID, u.Login)
		return err
	}})
	if err == nil {
		return userOf(found).ID == u.ID, nil
	}
	if wire.KindOf(err) != wire.NotFound {
		return false, blind(err, team)
	}
	_, seen := c.run(ctx, call{doing: doing, do: func(api *sdk.Client) error {
		_, _, err := api.GetTeam(team.ID)
		return err
	}})
	return false, blind(seen, team)
}

// blind says what to do about a team whose members the token's account may not see.
func blind(err error, team *sdk.Team) error {
	switch wire.KindOf(err) {
	case wire.NotFound, wire.Forbidden:
		return &wire.Error{Site: site, Doing: "asking for somebody's permission", Kind: wire.Forbidden, Err: err,
			Message: fmt.Sprintf("the token may not see who is in the team %.60s, which may write here", redact.CleanLine(team.Name)),
			Hint: "make the token's account an owner of the organization or a member of that team, or give people access as collaborators; " +
				"the token needs read:organization"}
	}
	return err
}

// collaborates reports whether somebody has access to the repository as a person, and not by a team.
func collaborates(ctx context.Context, c *Client, u forge.User) (bool, error) {
	_, err := c.run(ctx, call{doing: "asking whether somebody is a collaborator", do: func(api *sdk.Client) error {
		_, _, err := api.IsCollaborator(c.opts.owner, c.opts.name, u.Login)
		return err
	}})
	if wire.KindOf(err) == wire.NotFound {
		return false, nil
	}
	return err == nil, err
}

// Reviews are a pull request's reviews in the order in which they were given, each with the commit that was looked at. An approval that Gitea
// calls stale, or that was dismissed, is none, whatever commit it names. Being asked for a review is no word of the one who was asked.
func (c *Client) Reviews(ctx context.Context, p forge.PullRequest) ([]forge.Review, error) {
	var out []forge.Review
	doing := fmt.Sprintf("reading the reviews of pull request %d", p.Number)
	_, err := c.pages(ctx, doing, func(api *sdk.Client, o sdk.ListOptions) (int, error) {
		list, _, err := api.ListPullReviews(c.opts.owner, c.opts.name, int64(p.Number), sdk.ListPullReviewsOptions{ListOptions: o})
		for _, r := range list {
			if r != nil {
				out = append(out, reviewOf(r))
			}
		}
		return len(list), err
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(out, func(a, b forge.Review) int { return int(a.ID - b.ID) })
	return out, nil
}

func reviewOf(r *sdk.PullReview) forge.Review {
	out := forge.Review{ID: r.ID, Author: userOf(r.Reviewer), Commit: redact.CleanLine(r.CommitID), SubmittedAt: r.Submitted.UTC()}
	switch {
	case r.State == sdk.ReviewStatePending, r.State == sdk.ReviewStateRequestReview:
		out.State = forge.ReviewPending
	case r.State == sdk.ReviewStateComment:
		out.State = forge.ReviewCommented
	case r.Dismissed:
		out.State = forge.ReviewDismissed
	case r.State == sdk.ReviewStateApproved:
		out.State = forge.ReviewApproved
		if r.Stale {
			out.Commit = ""
		}
	case r.State == sdk.ReviewStateRequestChanges:
		out.State = forge.ReviewChangesRequested
	default: // no word that is known: it takes an older approval back, and gives none
		out.State = forge.ReviewState(redact.CleanLine(string(r.State)))
	}
	return out
}
