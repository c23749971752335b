// Package control holds the words in which the command line and a running agent talk: the shapes behind `status --json` and its kin,
// the requests, and how a run or a stack of the store is shown. They cross the socket in package socket; package offline reads them out of
// the data directory for the time when no agent runs. Nothing here decides anything: what may be asked for is a [Reader] and an [Operator],
// and the agent implements both.
//
// Errors are an [Error] with its kind, message and hint, so that the command line can say the same words as the agent would.
package control

import (
	"context"
	"io"

	"sallyport/agent/archive"
	"sallyport/agent/peercred"
	"sallyport/notify"
)

// Reader answers questions. The agent, the client of package socket and package offline's are readers. Errors that a person can do something
// about are of type *[Error].
type Reader interface {
	Status(ctx context.Context) (Status, error)
	Runs(ctx context.Context, q RunsQuery) ([]Run, error)
	Run(ctx context.Context, ref string) (Run, error)
	// Around is what belongs to a run beside itself: its part of the history, and the other stacks of its commit.
	Around(ctx context.Context, ref string) (Around, error)
	// PlanText is the plan in terraform's own words.
	PlanText(ctx context.Context, ref string) (string, error)
	// Log is what terraform said while it applied.
	Log(ctx context.Context, ref string) (string, error)
	// States lists the kept copies of a stack's state, newest first.
	States(ctx context.Context, stack string) ([]archive.StateCopy, error)
	// Why says what made the last run of a stack, or why there is none.
	Why(ctx context.Context, stack string) (Why, error)
	// Verify proves, or not, that the records and the history are what was written.
	Verify(ctx context.Context) (Verification, error)
	// Audit reads a part of the history, oldest first.
	Audit(ctx context.Context, q AuditQuery) (Audit, error)
}

// RunsQuery chooses runs, newest first.
type RunsQuery struct {
	Stack  string // empty: of all stacks
	Limit  int    // 0: a reasonable number; at most [MaxRuns]
	Before int    // only those with a smaller number; 0: all
}

// MaxRuns is the most runs that one answer holds.
const MaxRuns = 10000

// defaultRuns is how many runs an unlimited question gets.
const defaultRuns = 20

// Limited fills in and bounds the limit.
func (q RunsQuery) Limited() RunsQuery {
	if q.Limit <= 0 {
		q.Limit = defaultRuns
	}
	q.Limit = min(q.Limit, MaxRuns)
	return q
}

// Operator changes something. Every request carries who asks; refusals are of type *[Error].
type Operator interface {
	Start(ctx context.Context, r StartRequest) (StartResponse, error)
	Decide(ctx context.Context, r DecideRequest) (DecideResponse, error)
	Review(ctx context.Context, r ReviewRequest) (DecideResponse, error)
	Cancel(ctx context.Context, r CancelRequest) (CancelResponse, error)
	Pause(ctx context.Context, r PauseRequest) error
	Resume(ctx context.Context, r ResumeRequest) (ResumeResponse, error)
	Accept(ctx context.Context, r AcceptRequest) error
	// Unlock forces a state lock open, PushState pushes a state that an apply could not save.
	Unlock(ctx context.Context, r UnlockRequest) (RepairResponse, error)
	PushState(ctx context.Context, r PushStateRequest) (RepairResponse, error)
	// MigrateState brings a stack's state to where the configuration says now that it is.
	MigrateState(ctx context.Context, r MigrateStateRequest) (RepairResponse, error)
	// RestoreState makes a kept copy the state of a stack again.
	RestoreState(ctx context.Context, r RestoreStateRequest) (RepairResponse, error)
	// MoveState gives a stack what an old name of it has: its state, what was applied, its history.
	MoveState(ctx context.Context, r MoveStateRequest) (RepairResponse, error)
	// Exec runs a command of terraform's in a stack until it ends or ctx does, and returns its exit code.
	Exec(ctx context.Context, r ExecRequest, s Streams) (exitCode int, err error)
	// Backup writes the archive that `sallyport restore` reads. Nothing may have been written when it refuses.
	Backup(ctx context.Context, r BackupRequest, w io.Writer) error
}

// StartRequest asks for a manual run.
type StartRequest struct {
	Stack  string `json:"stack"`
	Reason string `json:"reason,omitempty"`
	// Applied: plan the applied commit instead of the branch head (`recover`).
	Applied bool `json:"applied,omitempty"`
	// Commit plans that commit of the branch instead: a full hash, or an unambiguous beginning of it.
	Commit      string            `json:"commit,omitempty"`
	Replace     []string          `json:"replace,omitempty"`
	Targets     []string          `json:"targets,omitempty"` // plan these addresses and what they need, and nothing else
	RefreshOnly bool              `json:"refresh_only,omitempty"`
	Destroy     bool              `json:"destroy,omitempty"`
	EmptyState  bool              `json:"empty_state,omitempty"` // the state that is there now is meant, though another one was applied
	Vars        map[string]string `json:"vars,omitempty"`        // name to value, which may be a secret
	Images      map[string]string `json:"images,omitempty"`
	// PullRequest plans what a pull request changes of the stack, where that waits for somebody's word. Commit, if given,
	// must be its head.
	PullRequest int             `json:"pull_request,omitempty"`
	By          peercred.Caller `json:"-"`
}

// StartResponse names the run that was made.
type StartResponse struct {
	Run      int      `json:"run"`
	Warnings []string `json:"warnings"`
}

// UnplannedDigest is the digest in a decision about a run that had no plan when it was looked at: it fits no plan.
const UnplannedDigest = "none"

// MinDigest is how many of a digest's hexadecimal digits, from its beginning, name a plan: fewer could be made to fit another.
const MinDigest = notify.MinDigest

// DecideRequest gives one vote on a run's plan.
type DecideRequest struct {
	Ref   string `json:"ref"`   // a number, from whoever has seen the run: a stack's name may mean another one by now
	Words string `json:"words"` // "approve destroy 2", "deny not tonight"
	// Digest is the plan that was read: the digest, or its first [MinDigest] digits. The vote is refused when another plan
	// waits. Empty: whichever waits.
	Digest string `json:"digest,omitempty"`
	// BreakGlass: the approval is to stand for all approvals, with the reason.
	BreakGlass bool            `json:"break_glass,omitempty"`
	Reason     string          `json:"reason,omitempty"`
	By         peercred.Caller `json:"-"`
}

// DecideResponse says what the vote did.
type DecideResponse struct {
	Run     Run    `json:"run"`
	Message string `json:"message"` // one line for the person who voted
}

// ReviewRequest says that somebody else has looked at a run whose glass was broken.
type ReviewRequest struct {
	Ref    string          `json:"ref"`
	Reason string          `json:"reason,omitempty"`
	By     peercred.Caller `json:"-"`
}

// CancelRequest stops a run.
type CancelRequest struct {
	Ref string          `json:"ref"`
	By  peercred.Caller `json:"-"`
}

// CancelResponse says what the cancel did.
type CancelResponse struct {
	Run     Run    `json:"run"`
	Message string `json:"message"`
}

// PauseRequest holds a stack, or the whole agent when Stack is empty.
type PauseRequest struct {
	Stack  string          `json:"stack,omitempty"`
	Reason string          `json:"reason,omitempty"`
	By     peercred.Caller `json:"-"`
}

// ResumeRequest lets a stack, or the whole agent, move on.
type ResumeRequest struct {
	Stack string          `json:"stack,omitempty"`
	By    peercred.Caller `json:"-"`
}

// ResumeResponse says what there was to resume.
type ResumeResponse struct {
	// Held is false if neither a pause nor a pin held it.
	Held bool `json:"held"`
	// Seen is the run of the stack that needed a look and needs none any more; 0 if none did.
	Seen int `json:"seen"`
}

// AcceptRequest takes a branch whose history was rewritten.
type AcceptRequest struct {
	Repository string          `json:"repository"`
	Commit     string          `json:"commit"` // full hash, or an unambiguous beginning of it
	By         peercred.Caller `json:"-"`
}

// UnlockRequest forces a stack's state lock open.
type UnlockRequest struct {
	Stack  string          `json:"stack"`
	LockID string          `json:"lock_id"` // the whole id, as terraform tells it
	By     peercred.Caller `json:"-"`
}

// PushStateRequest pushes the state that the apply of a run could not save.
type PushStateRequest struct {
	Ref string          `json:"ref"` // 12, #12, or a stack with such a state
	By  peercred.Caller `json:"-"`
}

// MigrateStateRequest brings a stack's state to where the configuration says now that it is.
type MigrateStateRequest struct {
	Stack string `json:"stack"`
	// From is a terraform block with the backend in which the state is, as a file of configuration has it. Empty: the agent keeps it.
	From string `json:"from,omitempty"`
	// Commit, or the beginning of one, is what the person has looked at; see [ExecRequest].
	Commit string          `json:"commit,omitempty"`
	By     peercred.Caller `json:"-"`
}

// RestoreStateRequest makes a kept copy the state of a stack again.
type RestoreStateRequest struct {
	Stack string          `json:"stack"`
	Ref   string          `json:"ref"` // a name or a serial of `state list`
	By    peercred.Caller `json:"-"`
}

// MoveStateRequest gives a stack what an old name of it has.
type MoveStateRequest struct {
	Old string          `json:"old"`
	New string          `json:"new"` // a stack of the configuration; Old itself if only its directory is another one
	By  peercred.Caller `json:"-"`
}

// RepairResponse says what a repair did.
type RepairResponse struct {
	Message string `json:"message"`
}

// ExecRequest runs a command of terraform's in a stack.
type ExecRequest struct {
	Stack string   `json:"stack"`
	Args  []string `json:"args"` // as after `terraform`
	// Commit, or the beginning of one, is what the person has looked at: it is refused at another. A stack that was never applied
	// needs it where applies get secrets of their own.
	Commit string          `json:"commit,omitempty"`
	By     peercred.Caller `json:"-"`
}

// Streams are a person's end of a command.
type Streams struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// BackupRequest asks for the archive.
type BackupRequest struct {
	By peercred.Caller `json:"-"`
}
