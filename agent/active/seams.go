package active

import (
	"context"
	"time"

	"sallyport/notify/forge"
	"sallyport/notify/redact"
)

// forgeWriter tells a site what became of commits and pull requests. Whatever it does may be done again.
type forgeWriter interface {
	SetStatus(ctx context.Context, commit string, s forge.Status) error
	// PutComment makes the one comment with this marker say body. known is its id, or 0; the id is for the next time.
	PutComment(ctx context.Context, number int, known int64, marker, body string) (id int64, err error)
}

// forgePulls says which pull requests there are and who is behind them.
type forgePulls interface {
	// OpenPullRequests also says whether anything about them changed since the last call that gave no error.
	OpenPullRequests(ctx context.Context) (list []forge.PullRequest, changed bool, err error)
	PullRequest(ctx context.Context, number int) (forge.PullRequest, error)
	Access(ctx context.Context, u forge.User) (forge.Access, error)
	Comments(ctx context.Context, number int, since time.Time) ([]forge.Comment, error)
}

// forgeHistory says how a commit came onto the branch.
type forgeHistory interface {
	CommitPullRequests(ctx context.Context, commit string) ([]forge.PullRequest, error)
	Reviews(ctx context.Context, number int) ([]forge.Review, error)
	Commits(ctx context.Context, number int) (forge.Commits, error)
}

// ForgeSite is the site that hosts a repository. The rest of the agent knows no other word for GitHub.
type ForgeSite interface {
	forgeWriter
	forgePulls
	forgeHistory
	// GitToken is the password for git over https now.
	GitToken(ctx context.Context) (redact.Secret, error)
	Close()
}

// ForgeError is what can be asked of every error of a site.
type ForgeError interface {
	error
	Wants() time.Duration // how long it wants to be left alone; 0 if it does not say
	Everything() bool     // whatever else is asked would fail too: an outage, a limit, a token that is no longer valid
	Final() bool          // the same request will never be taken
}
