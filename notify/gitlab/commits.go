package gitlab

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	gitlabapi "gitlab.com/gitlab-org/api/client-go/v2"

	"sallyport/notify/forge"
	"sallyport/notify/forge/wire"
	"sallyport/notify/redact"
)

// Commits are the commits of a merge request, with who pushed to it. The REST API gives e-mails and no accounts; GraphQL gives the account
// of an author, by the e-mails that people have confirmed. A committer is known if the e-mail is an author's too, or one of the
// private addresses that GitLab makes up, which have the account in them. Of the rest nobody knows.
//
// Who pushed stands in GitLab's own notes ("added 2 commits"). What was there when the merge request was opened counts as its author's.
func (c *Client) Commits(ctx context.Context, p forge.PullRequest) (forge.Commits, error) {
	id, err := c.id(ctx)
	if err != nil {
		return forge.Commits{}, err
	}
	var out forge.Commits
	doing := fmt.Sprintf("reading the commits of merge request %d", p.Number)
	_, err = c.each(ctx, doing, perPage, func(options ...gitlabapi.RequestOptionFunc) (*gitlabapi.Response, int, bool, error) {
		list, resp, err := c.api.MergeRequests.GetMergeRequestCommits(id, int64(p.Number),
			&gitlabapi.GetMergeRequestCommitsOptions{ListOptions: gitlabapi.ListOptions{PerPage: perPage}}, options...)
		for _, one := range list {
			out.List = append(out.List, forge.Commit{Hash: redact.CleanLine(one.ID), AuthorEmail: redact.CleanLine(one.AuthorEmail),
				CommitterEmail: redact.CleanLine(one.CommitterEmail)})
		}
		return resp, len(list), false, err
	})
	if err != nil {
		return forge.Commits{}, err
	}
	authors, err := c.authors(ctx, p.Number)
	if err != nil {
		return forge.Commits{}, err
	}
	c.name(out.List, authors)
	out.Pushers, err = c.pushers(ctx, p.Number)
	if err != nil {
		return forge.Commits{}, err
	}
	return out, nil
}

// name gives commits the accounts of their e-mails.
func (c *Client) name(list []forge.Commit, authors map[string]forge.User) {
	byEmail := map[string]forge.User{}
	for _, one := range list {
		if u := authors[one.Hash]; u.ID != 0 && one.AuthorEmail != "" {
			byEmail[one.AuthorEmail] = u
		}
	}
	of := func(email string) forge.User {
		if u, ok := byEmail[email]; ok {
			return u
		}
		return c.ofPrivateEmail(email)
	}
	for i, one := range list {
		list[i].Author, list[i].Committer = of(one.AuthorEmail), of(one.CommitterEmail)
	}
}

// authorsQuery has no commas, which mean nothing to GraphQL.
const authorsQuery = `query($project: ID! $iid: String! $after: String) {
	project(fullPath: $project) { mergeRequest(iid: $iid) { commits(first: 100, after: $after) {
		pageInfo { hasNextPage endCursor } nodes { sha author { id username } } } } } }`

// authorsAnswer is the answer to it.
type authorsAnswer struct {
	Data struct {
		Project struct {
			MergeRequest struct {
				Commits struct {
					PageInfo struct {
						HasNextPage bool   `json:"hasNextPage"`
						EndCursor   string `json:"endCursor"`
					} `json:"pageInfo"`
					Nodes []struct {
						SHA    string `json:"sha"`
						Author *struct {
							ID       string `json:"id"`
							Username string `json:"username"`
						} `json:"author"`
					} `json:"nodes"`
				} `json:"commits"`
			} `json:"mergeRequest"`
		} `json:"project"`
	} `json:"data"`
}

// authors are the accounts of the authors of a merge request's commits, by hash. A GitLab that does not say, or a token that may not
// ask, gives none: then nobody knows them.
func (c *Client) authors(ctx context.Context, number int) (map[string]forge.User, error) {
	doing := fmt.Sprintf("asking who made merge request %d", number)
	out := map[string]forge.User{}
	after := ""
	_, err := c.wire.Pages(ctx, doing, func(ctx context.Context, page int) (next int, found bool, err error) {
		variables := map[string]any{"project": c.opts.Project, "iid": strconv.Itoa(number)}
		if after != "" {
			variables["after"] = after
		}
		var got authorsAnswer
		if _, err := c.api.GraphQL.Do(gitlabapi.GraphQLQuery{Query: authorsQuery, Variables: variables}, &got, gitlabapi.WithContext(ctx)); err != nil {
			return 0, false, err
		}
		commits := got.Data.Project.MergeRequest.Commits
		for _, n := range commits.Nodes {
			if n.Author == nil {
				continue
			}
			id, err := strconv.ParseInt(strings.TrimPrefix(n.Author.ID, "gid://gitlab/User/"), 10, 64)
			if err == nil && id > 0 {
				out[n.SHA] = forge.User{ID: id, Login: redact.CleanLine(n.Author.Username)}
			}
		}
		if !commits.PageInfo.HasNextPage || commits.PageInfo.EndCursor == after {
			return 0, false, nil
		}
		after = commits.PageInfo.EndCursor
		return page + 1, false, nil
	})
	switch wire.KindOf(err) {
	case wire.Forbidden, wire.NotFound, wire.Invalid:
		return nil, nil
	}
	return out, err
}

// added is how GitLab's own note begins that says of a push what came by it.
var added = regexp.MustCompile(`^added [0-9]+ commits?\b`)

// pushers are who pushed to a merge request since it was opened.
func (c *Client) pushers(ctx context.Context, number int) ([]forge.User, error) {
	var out []forge.User
	doing := fmt.Sprintf("reading who pushed to merge request %d", number)
	_, err := notes{c.link}.eachNote(ctx, doing, number, order{by: "created_at", sort: "asc"}, func(n *gitlabapi.Note) bool {
		if n.System && added.MatchString(n.Body) && n.Author.ID > 0 {
			if u := commentOf(n).Author; !slices.Contains(out, u) {
				out = append(out, u)
			}
		}
		return false
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

var privateEmail = regexp.MustCompile(`^([0-9]{1,18})-([A-Za-z0-9_.-]+)@users\.noreply\.(.+)$`)

// ofPrivateEmail is the account of an address that GitLab makes up for people who show none; the zero User of any other.
func (c *link) ofPrivateEmail(email string) forge.User {
	m := privateEmail.FindStringSubmatch(email)
	base, err := url.Parse(c.opts.URL)
	if m == nil || err != nil || !strings.EqualFold(m[3], base.Hostname()) {
		return forge.User{}
	}
	id, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return forge.User{}
	}
	return forge.User{ID: id, Login: m[2]}
}
