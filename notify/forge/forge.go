// Package forge is what a site like GitHub is about, in words of its own: pull requests, who may do what, reviews, comments
// and commit statuses. The agent works with these; a client of a site ([sallyport/notify/github] is one) fills them in.
package forge

import (
	"slices"
	"time"
)

// User is an account. The ID stays when the login changes, and a login that was given up can be taken by somebody else:
// compare ids. The zero User is an account that is gone, or a commit whose e-mail belongs to no account.
type User struct {
	ID    int64
	Login string
	Bot   bool
}

// PullRequest is a pull request. Fields marked with a star are not filled in lists.
type PullRequest struct {
	Number int
	Title  string
	URL    string
	Open   bool
	Draft  bool
	Author User
	// Association is what the site says of the author and the repository: OWNER, MEMBER, COLLABORATOR, CONTRIBUTOR, NONE, ...
	// See [PullRequest.TrustedAuthor].
	Association string

	Head           string // full hash
	HeadRef        string
	HeadRepository int64 // 0: the fork was deleted
	Base           string
	BaseRef        string
	BaseRepository int64
	UpdatedAt      time.Time

	Merged      bool
	MergedAt    time.Time
	MergeCommit string // of a merged one: what came onto the base
	MergedBy    User   // *
	Commits     int    // *
}

// SameRepository reports whether the head comes from the repository itself and not from a fork, deleted ones included.
func (p PullRequest) SameRepository() bool {
	return p.HeadRepository != 0 && p.HeadRepository == p.BaseRepository
}

// Access is what somebody may do in the repository.
type Access struct {
	Level string // admin, write, read, none; maintainers have write here, triagers read
	Role  string // the role's own name, also of a custom role
}

// CanWrite reports whether somebody may push.
func (a Access) CanWrite() bool { return a.Level == "admin" || a.Level == "write" }

// CanRead reports whether somebody may read. In a public repository that is everybody.
func (a Access) CanRead() bool { return a.CanWrite() || a.Level == "read" }

// TrustedAuthor reports whether the author is a member or collaborator, given what the author may do now.
//
// The association that the site writes into a pull request is not enough: MEMBER means the organization, not this repository,
// it stays in a list that was read before somebody was removed, and a token that may not see private members gets
// CONTRIBUTOR for one. Nor is the level alone: whoever can read a public repository has read. So an author counts who may push, or
// who may read and is said to be of the house. That the head is in the repository itself ([PullRequest.SameRepository])
// says that somebody who may push made the branch, not that it was the author: anyone may open a pull request for a branch that is there.
func (p PullRequest) TrustedAuthor(a Access) bool {
	return a.CanWrite() || a.CanRead() && slices.Contains([]string{"OWNER", "MEMBER", "COLLABORATOR"}, p.Association)
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
	Commit      string // that was looked at; empty where the site does not bind a review to one, and such a one approves nothing
	SubmittedAt time.Time
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

// Commit is a commit with the accounts that the site finds for its e-mails. Those can be forged: use them to forbid, never to
// grant. An account that was not found is the zero User; the e-mail stays.
type Commit struct {
	Hash                        string
	Author, Committer           User
	AuthorEmail, CommitterEmail string
}

// Commits are the commits of a pull request.
type Commits struct {
	List []Commit
	Cut  bool // the site gave no more; there may be others
	// Pushers are who pushed to the pull request, where the site tells. It is what the site saw, and not what a commit says of itself;
	// it forbids as an author does.
	Pushers []User
}

// Comment is a comment on a pull request.
type Comment struct {
	ID        int64
	Body      string
	URL       string
	Author    User
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Edited reports whether a comment was changed after it was made: what it says now is not what was said then.
func (c Comment) Edited() bool { return !c.UpdatedAt.Equal(c.CreatedAt) }
