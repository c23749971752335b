package github

import (
	"context"
	"fmt"
	"strings"

	githubapi "github.com/google/go-github/v92/github"

	"sallyport/notify/redact"
)

// Access asks what a user may do in the repository now. An account that is not (or no more) there has none.
func (c *Client) Access(ctx context.Context, u User) (Access, error) {
	const doing = "asking for somebody's permission"
	none := Access{Level: "none"}
	if u.ID == 0 || !loginPattern.MatchString(u.Login) {
		return none, nil
	}
	var raw *githubapi.RepositoryPermissionLevel
	_, err := c.run(ctx, call{doing: doing, do: func(ctx context.Context) (err error) {
		raw, _, err = c.api.Repositories.GetPermissionLevel(ctx, c.opts.owner, c.opts.name, u.Login)
		return err
	}})
	// Lost permission on the repository is the same 404, with other words.
	if KindOf(err) == NotFound && strings.Contains(err.Error(), "is not a user") {
		return none, nil
	}
	if err != nil {
		return none, err
	}
	if raw.GetPermission() == "" {
		return none, odd(doing, "it names no permission")
	}
	if raw.GetUser().GetID() != u.ID { // the login was given up, and somebody else has taken it
		return none, nil
	}
	return Access{Level: redact.CleanLine(raw.GetPermission()), Role: redact.CleanLine(raw.GetRoleName())}, nil
}

// Reviews are a pull request's reviews in the order in which they were given.
func (c *Client) Reviews(ctx context.Context, p PullRequest) ([]Review, error) {
	var out []Review
	err := c.everyPage(ctx, fmt.Sprintf("reading the reviews of pull request %d", p.Number),
		func(ctx context.Context, o githubapi.ListOptions) (*githubapi.Response, error) {
			list, resp, err := c.api.PullRequests.ListReviews(ctx, c.opts.owner, c.opts.name, p.Number, &o)
			for _, r := range list {
				out = append(out, Review{ID: r.GetID(), Author: userOf(r.GetUser()), State: ReviewState(redact.CleanLine(r.GetState())),
					Commit: redact.CleanLine(r.GetCommitID()), SubmittedAt: r.GetSubmittedAt().Time})
			}
			return resp, err
		})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// maxPullCommits is how many commits of a pull request GitHub gives.
const maxPullCommits = 250

func commitOf(c *githubapi.RepositoryCommit) Commit {
	return Commit{
		Hash: redact.CleanLine(c.GetSHA()), Author: userOf(c.GetAuthor()), Committer: userOf(c.GetCommitter()),
		AuthorEmail:    redact.CleanLine(c.GetCommit().GetAuthor().GetEmail()),
		CommitterEmail: redact.CleanLine(c.GetCommit().GetCommitter().GetEmail()),
	}
}

// Commits are the commits of a pull request.
func (c *Client) Commits(ctx context.Context, p PullRequest) (Commits, error) {
	var out Commits
	err := c.everyPage(ctx, fmt.Sprintf("reading the commits of pull request %d", p.Number),
		func(ctx context.Context, o githubapi.ListOptions) (*githubapi.Response, error) {
			list, resp, err := c.api.PullRequests.ListCommits(ctx, c.opts.owner, c.opts.name, p.Number, &o)
			for _, one := range list {
				out.List = append(out.List, commitOf(one))
			}
			return resp, err
		})
	if err != nil {
		return Commits{}, err
	}
	out.Cut = len(out.List) >= maxPullCommits
	return out, nil
}

// Commit is one commit of the repository.
func (c *Client) Commit(ctx context.Context, hash string) (Commit, error) {
	const doing = "reading a commit"
	if !hashPattern.MatchString(hash) {
		return Commit{}, fmt.Errorf("%s: %.80q is no full hash", doing, hash)
	}
	var raw *githubapi.RepositoryCommit
	if _, err := c.run(ctx, call{doing: doing, do: func(ctx context.Context) (err error) {
		// Its files are of no interest, and one of them is the least that can be asked for.
		raw, _, err = c.api.Repositories.GetCommit(ctx, c.opts.owner, c.opts.name, hash, &githubapi.ListOptions{PerPage: 1})
		return err
	}}); err != nil {
		return Commit{}, err
	}
	if raw.GetSHA() != hash {
		return Commit{}, odd(doing, "it describes another commit")
	}
	return commitOf(raw), nil
}
