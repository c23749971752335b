package github

import (
	"fmt"

	"sallyport/notify/forge"
)

// The words of package forge, of which nothing here is GitHub's alone.
type (
	// User is [forge.User].
	User = forge.User
	// PullRequest is [forge.PullRequest]. Fields with a star are only filled by [Client.PullRequest].
	PullRequest = forge.PullRequest
	// Access is [forge.Access].
	Access = forge.Access
	// Review is [forge.Review].
	Review = forge.Review
	// ReviewState is [forge.ReviewState].
	ReviewState = forge.ReviewState
	// Commit is [forge.Commit].
	Commit = forge.Commit
	// Commits is [forge.Commits].
	Commits = forge.Commits
	// Comment is [forge.Comment].
	Comment = forge.Comment
	// State is [forge.State].
	State = forge.State
	// Status is [forge.Status].
	Status = forge.Status
	// Rate is [forge.Rate].
	Rate = forge.Rate
)

// The states of commit statuses and of reviews.
const (
	Pending = forge.Pending
	Success = forge.Success
	Failure = forge.Failure
	Broken  = forge.Broken

	ReviewApproved         = forge.ReviewApproved
	ReviewChangesRequested = forge.ReviewChangesRequested
	ReviewCommented        = forge.ReviewCommented
	ReviewDismissed        = forge.ReviewDismissed
	ReviewPending          = forge.ReviewPending
)

// ApprovedBy is [forge.ApprovedBy].
func ApprovedBy(reviews []Review, head string) []User { return forge.ApprovedBy(reviews, head) }

// Words are what people say at GitHub.
func (c *Client) Words() forge.Words {
	return forge.Words{Site: "GitHub", Block: "github", Committer: "noreply@github.com"}
}

// GitUser is the user name that goes with [Client.GitToken] over https.
func (c *Client) GitUser() string { return GitUser }

// HeadRef is the ref, in the repository itself, of a pull request's head.
func (c *Client) HeadRef(number int) string { return fmt.Sprintf("refs/pull/%d/head", number) }
