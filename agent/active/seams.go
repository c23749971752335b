package active

import (
	"context"
	"net/http"
	"time"

	"sallyport/agent/repo"
	"sallyport/agent/stack"
	"sallyport/agent/terraform/binary"
	"sallyport/notify/forge"
	"sallyport/notify/redact"
)

// Outside is how what a configuration names is reached. The zero value is the real way; package sim plays all of it.
type Outside struct {
	Mirror func(repo.Options) (Mirror, error)                         // default [OpenMirror]
	Tool   func(context.Context, binary.Options) (binary.Tool, error) // default [binary.Find]
	Slack  *http.Client                                               // default one of the client's own
}

func (o Outside) withDefaults() Outside {
	if o.Mirror == nil {
		o.Mirror = OpenMirror
	}
	if o.Tool == nil {
		o.Tool = binary.Find
	}
	return o
}

// mirrorBranch follows a branch, and the heads of pull requests.
type mirrorBranch interface {
	Poll(ctx context.Context) (repo.Tip, error)
	Fetch(ctx context.Context, commit string) error
	FetchPull(ctx context.Context, number int, commit string) error
	DropPull(number int) error
	Has(commit string) bool
	// Keep holds a commit under a name, whatever happens to the branch.
	Keep(name, commit string) error
}

// mirrorHistory says how commits follow each other.
type mirrorHistory interface {
	Commit(hash string) (repo.Commit, error)
	Raw(commit string) ([]byte, error)
	Descends(ctx context.Context, older, newer string) (repo.Ancestry, error)
	Between(ctx context.Context, older, newer string, limit int) (commits []repo.Commit, complete bool, err error)
	OnBranch(ctx context.Context, prefix, head string) (string, error)
	MergeBase(ctx context.Context, one, other string) (string, error)
	MergeAdds(ctx context.Context, commit string) (what string, err error)
	ReplayAdds(ctx context.Context, r repo.Replay) (what string, err error)
}

// mirrorFiles says what is in a commit.
type mirrorFiles interface {
	Tree(commit string) (stack.Tree, error)
	Changed(ctx context.Context, a, b string) ([]string, error)
	TouchedBy(ctx context.Context, commit string) ([]string, error)
	Materialise(ctx context.Context, commit, dir string, o repo.MaterialiseOptions) error
}

// Mirror is one branch of a repository with what was fetched of it. What its methods promise stands in package repo.
type Mirror interface {
	mirrorBranch
	mirrorHistory
	mirrorFiles
	Close() error
}

// OpenMirror opens the mirror of a real repository.
func OpenMirror(o repo.Options) (Mirror, error) {
	r, err := repo.Open(o)
	if err != nil {
		return nil, err
	}
	return mirror{r}, nil
}

// mirror is a repository whose trees are what package stack reads.
type mirror struct{ *repo.Repository }

func (m mirror) Tree(commit string) (stack.Tree, error) {
	t, err := m.Repository.Tree(commit)
	if err != nil {
		return nil, err // not a nil tree that is no nil interface
	}
	return t, nil
}

// ForgeSite is the site that hosts a repository, which all can be told how commits stand. The rest of the agent does not know which
// site it is. Whatever it is told may be told again.
type ForgeSite interface {
	SetStatus(ctx context.Context, at forge.Head, s forge.Status) error
	// Words are what people say there.
	Words() forge.Words
	// GitUser and GitToken are the identity for git over https now.
	GitUser() string
	GitToken(ctx context.Context) (redact.Secret, error)
	Close()
}

// ForgeChanges is a site that also says which pull requests there are, and can be told what became of them.
type ForgeChanges interface {
	ForgeSite
	forgeComments
	forgePulls
	forgeHistory
}

// forgeComments are the comments of pull requests.
type forgeComments interface {
	Comments(ctx context.Context, number int, since time.Time) ([]forge.Comment, error)
	// PutComment makes the one comment with this marker say body. known is its id, or 0; the id is for the next time.
	PutComment(ctx context.Context, number int, known int64, marker, body string) (id int64, err error)
	// MaxComment is how long a comment may be, in the characters of [forge.Units].
	MaxComment() int
}

// forgePulls says which pull requests there are and who is behind them.
type forgePulls interface {
	// OpenPullRequests also says whether anything about them changed since the last call that gave no error.
	OpenPullRequests(ctx context.Context) (list []forge.PullRequest, changed bool, err error)
	PullRequest(ctx context.Context, number int) (forge.PullRequest, error)
	// HeadRef is where git finds the head of a pull request, in the repository itself.
	HeadRef(number int) string
	// Access is what somebody may do now. What a site does not say clearly is an error, and never more than it is.
	Access(ctx context.Context, u forge.User) (forge.Access, error)
}

// forgeHistory says how a commit came onto the branch.
type forgeHistory interface {
	// Landed are the pull requests that were merged into a branch, and that a commit is part of or was made by. None is an answer.
	Landed(ctx context.Context, commit, branch string) ([]forge.PullRequest, error)
	Reviews(ctx context.Context, p forge.PullRequest) ([]forge.Review, error)
	Commits(ctx context.Context, p forge.PullRequest) (forge.Commits, error)
}

// ForgeError is what can be asked of every error of a site.
type ForgeError interface {
	error
	Wants() time.Duration // how long it wants to be left alone; 0 if it does not say
	Everything() bool     // whatever else is asked would fail too: an outage, a limit, a token that is no longer valid
	Final() bool          // the same request will never be taken
}
