package agent

import (
	"context"
	"time"

	"sallyport/agent/asuser"
	"sallyport/agent/config"
	"sallyport/agent/runner"
	"sallyport/agent/terraform/jsonlog"
	"sallyport/notify/forge"
	"sallyport/notify/redact"
	"sallyport/store"
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

// forgeSite is the site that hosts a repository. The rest of the agent knows no other word for GitHub.
type forgeSite interface {
	forgeWriter
	forgePulls
	forgeHistory
	// GitToken is the password for git over https now.
	GitToken(ctx context.Context) (redact.Secret, error)
	Close()
}

// An engine plans and applies one kind of stack: Terraform's root modules, Packer's templates. The life of a run is the same
// for all of them; the loop knows of an engine only what stands here.
type engine interface {
	// plan finds out, in a new directory of the run's own, what its apply would do.
	plan(ctx context.Context, w *world, run *store.Run, s *config.Stack) (*planResult, error)
	// job is all that the detached runner needs to do exactly what was planned, and nothing else.
	job(w *world, run *store.Run, s *config.Stack, user *asuser.User) (runner.Job, error)
	// keepState keeps what an apply may destroy, before it begins.
	keepState(dataDir string, run *store.Run) error
	// verdict says how an apply ended. It changes nothing.
	verdict(run *store.Run, state runner.State, p jsonlog.Progress) ending
	// leaves notes, in the transaction that ends an apply, what it leaves behind.
	leaves(tx *store.Tx, run *store.Run, state runner.State, p jsonlog.Progress, to store.Status) error
}

// forgeError is what can be asked of every error of a site.
type forgeError interface {
	error
	Wants() time.Duration // how long it wants to be left alone; 0 if it does not say
	Everything() bool     // whatever else is asked would fail too: an outage, a limit, a token that is no longer valid
	Final() bool          // the same request will never be taken
}

// votes reads the approvals of a run once more where they were given, right before its apply; see reread.
type votes interface {
	reread(ctx context.Context, w *world, run *store.Run, s *config.Stack) (held string, err error)
}
