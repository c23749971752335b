package github

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	githubapi "github.com/google/go-github/v92/github"

	"sallyport/notify/redact"
)

// Access is what somebody may do in the repository.
type Access struct {
	Level string // admin, write, read, none; maintainers have write here, triagers read
	Role  string // the role's own name, also of a custom role
}

// CanWrite reports whether somebody may push.
func (a Access) CanWrite() bool { return a.Level == "admin" || a.Level == "write" }

// CanRead reports whether somebody may read. In a public repository that is everybody.
func (a Access) CanRead() bool { return a.CanWrite() || a.Level == "read" }

// TrustedAuthor reports whether the author is a member or collaborator, given what [Client.Access] says of the author.
//
// The association that GitHub writes into a pull request is not enough: MEMBER means the organization, not this repository,
// it stays in a list that was read before somebody was removed, and a token that may not see private members gets
// CONTRIBUTOR for one. Nor is the level alone: whoever can read a public repository has read. So an author counts who may push, or
// who may read and is said to be of the house. That the head is in the repository itself ([PullRequest.SameRepository])
// says that somebody who may push made the branch, not that it was the author: anyone may open a pull request for a branch that is there.
func (p PullRequest) TrustedAuthor(a Access) bool {
	return a.CanWrite() || a.CanRead() && slices.Contains([]string{"OWNER", "MEMBER", "COLLABORATOR"}, p.Association)
}

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

// ReviewState is what a review says.
type ReviewState string

// The states of reviews.
const (
	ReviewApproved         ReviewState = "APPROVED"
	ReviewChangesRequested ReviewState = "CHANGES_REQUESTED"
	ReviewCommented        ReviewState = "COMMENTED"
	ReviewDismissed        ReviewState = "DISMISSED" // it was an approval or a refusal once
	ReviewPending          ReviewState = "PENDING"   // not submitted yet
)

// Review is one review of a pull request.
type Review struct {
	ID          int64
	Author      User
	State       ReviewState
	Commit      string // that was looked at
	SubmittedAt time.Time
}

// Reviews are a pull request's reviews in the order in which they were given.
func (c *Client) Reviews(ctx context.Context, number int) ([]Review, error) {
	var out []Review
	err := c.everyPage(ctx, fmt.Sprintf("reading the reviews of pull request %d", number),
		func(ctx context.Context, o githubapi.ListOptions) (*githubapi.Response, error) {
			list, resp, err := c.api.PullRequests.ListReviews(ctx, c.opts.owner, c.opts.name, number, &o)
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

// ApprovedBy are the people whose newest word on a pull request is an approval of exactly this head. A comment takes nothing back; a
// refusal and a dismissal do. Accounts that are gone do not count.
func ApprovedBy(reviews []Review, head string) []User {
	newest := map[int64]Review{}
	var order []int64
	for _, r := range reviews {
		if r.Author.ID == 0 || r.State == ReviewCommented || r.State == ReviewPending {
			continue
		}
		if !slices.Contains(order, r.Author.ID) {
			order = append(order, r.Author.ID)
		}
		newest[r.Author.ID] = r
	}
	var out []User
	for _, id := range order {
		if r := newest[id]; r.State == ReviewApproved && r.Commit == head && head != "" {
			out = append(out, r.Author)
		}
	}
	return out
}

// Commit is a commit with the accounts that GitHub finds for its e-mails. Those can be forged: use them to forbid, never to
// grant. An account that was not found is the zero User; the e-mail stays.
type Commit struct {
	Hash                        string
	Author, Committer           User
	AuthorEmail, CommitterEmail string
}

// Commits are the commits of a pull request.
type Commits struct {
	List []Commit
	Cut  bool // GitHub gives 250 of a pull request and no more; there may be others
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
func (c *Client) Commits(ctx context.Context, number int) (Commits, error) {
	var out Commits
	err := c.everyPage(ctx, fmt.Sprintf("reading the commits of pull request %d", number),
		func(ctx context.Context, o githubapi.ListOptions) (*githubapi.Response, error) {
			list, resp, err := c.api.PullRequests.ListCommits(ctx, c.opts.owner, c.opts.name, number, &o)
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
