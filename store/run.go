package store

import (
	"strings"
	"time"
)

// Status is where a run stands. The names follow HCP Terraform's where it has them.
type Status string

// The statuses of a run. See [Allowed] for the ways between them.
const (
	Pending     Status = "pending"     // waits for its turn, or is held (Run.Held says why)
	Planning    Status = "planning"    // terraform init and plan are running
	Planned     Status = "planned"     // the plan waits for people
	Approved    Status = "approved"    // enough people agreed; the apply has not started
	Applying    Status = "applying"    // the intent to apply is durable; a runner may be at work
	Applied     Status = "applied"     // terraform said yes
	Errored     Status = "errored"     // terraform said no; the state may be partly changed
	Interrupted Status = "interrupted" // nobody saw the end of the apply; never retried
	Stale       Status = "stale"       // the world moved since the plan; another run takes over
	Discarded   Status = "discarded"   // somebody denied it
	Superseded  Status = "superseded"  // a newer commit, or a person's run, took its place
	Expired     Status = "expired"     // plan_ttl passed without a decision
	NoChanges   Status = "no_changes"  // nothing to do; the commit counts as applied
	Previewed   Status = "previewed"   // planned to be looked at only; can never be approved
	Canceled    Status = "canceled"    // a person stopped it
)

// Terminal reports whether a run in this status has ended for good.
func (s Status) Terminal() bool { return len(transitions[s]) == 0 }

// Kind is why a run exists.
type Kind string

// The kinds of runs.
const (
	KindCommit      Kind = "commit"       // the branch moved
	KindManual      Kind = "manual"       // a person asked
	KindDrift       Kind = "drift"        // the stack's drift schedule
	KindPullRequest Kind = "pull_request" // speculative
	KindRecovery    Kind = "recovery"     // planned again after stale or interrupted
	KindDependency  Kind = "dependency"   // something upstream changed
	KindSchedule    Kind = "schedule"     // an image's schedule: it is built again without a change
)

// transitions is the whole table of allowed ways between statuses. A status without an entry is terminal.
var transitions = map[Status][]Status{
	Pending:  {Planning, Superseded, Canceled, Errored},
	Planning: {Pending, Planned, NoChanges, Previewed, Errored, Superseded, Canceled},
	Planned:  {Approved, Discarded, Superseded, Expired, Stale, Canceled, NoChanges, Errored},
	Approved: {Planned, Applying, Discarded, Superseded, Expired, Stale, Canceled, NoChanges, Errored},
	Applying: {Applied, Errored, Interrupted, Stale, Canceled},
}

// Allowed reports whether a run may go from one status to another in one transition.
func Allowed(from, to Status) bool {
	for _, s := range transitions[from] {
		if s == to {
			return true
		}
	}
	return false
}

// Transitions returns a copy of the table of allowed transitions, for tests and documentation.
func Transitions() map[Status][]Status {
	t := make(map[Status][]Status, len(transitions))
	for from, to := range transitions {
		t[from] = append([]Status(nil), to...)
	}
	return t
}

// A Run is one pass of a stack at one commit.
type Run struct {
	ID         int    `json:"id"`
	Stack      string `json:"stack"`
	Repository string `json:"repository"`
	Kind       Kind   `json:"kind"`
	Status     Status `json:"status"`

	// A check reads what stands above here without decoding, see headOf: new fields go below.

	Commit      string `json:"commit"`                 // full hash
	Author      string `json:"author,omitempty"`       // of the commit, as git has it: forgeable, shown only
	AuthorEmail string `json:"author_email,omitempty"` // likewise; used to forbid, never to grant
	Subject     string `json:"subject,omitempty"`      // first line of the commit message
	Reason      string `json:"reason,omitempty"`       // why the run exists, in a person's words or ours
	RequestedBy string `json:"requested_by,omitempty"` // "cli:jane", "slack:U01", empty for the agent itself
	// Asked is the message in Slack that asked for the run, and whose thread hears how it ended; nil: nobody asked there.
	Asked    *Asked   `json:"asked,omitempty"`
	Position string   `json:"position,omitempty"` // the card's "at the applied commit" or "with 3 commits that were not applied yet"
	GitDown  string   `json:"git_down,omitempty"` // why and since when the repository could not be read when this was planned
	Warnings []string `json:"warnings,omitempty"` // for the card: no lock file, workspace created, upstream not applied, ...
	Notes    []string `json:"notes,omitempty"`    // for the card too: which images the plan uses, what changed in a template
	// HookNotes are what the hooks of this machine said of it, in the order in which they ran.
	HookNotes   []HookNote `json:"hook_notes,omitempty"`
	PullRequest int        `json:"pull_request,omitempty"`
	Change      string     `json:"change,omitempty"` // what the site calls the pull request, where that is another name: "merge request !12"
	Engine      string     `json:"engine,omitempty"` // what plans and applies it; empty: terraform

	Options PlanOptions `json:"options,omitzero"` // what a person asked of the plan beside the commit

	// Head is the branch's newest known commit when the run was made. A run at an older commit (recover) is not
	// superseded by commits that were known already, only by newer ones.
	Head string `json:"head,omitempty"`
	// AtApplied: a `recover` run; it plans the applied commit and must not be moved to the head.
	AtApplied bool `json:"at_applied,omitempty"`
	// After is the run that this one takes over from: a recovery after stale or interrupted.
	After int `json:"after,omitempty"`
	Batch int `json:"batch,omitempty"` // runs first seen together share a batch, so that one message sums them up
	// Overview is the key of the message about all stacks that the commit touches; empty if there is only this one.
	Overview string `json:"overview,omitempty"`

	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	PlannedAt time.Time `json:"planned_at,omitzero"`
	PlannedUp Uptime    `json:"planned_up,omitzero"` // of the same moment: the wall clock can be set
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	// RemindedAt is when people were told, once, that it is about to expire.
	RemindedAt time.Time `json:"reminded_at,omitzero"`
	EndedAt    time.Time `json:"ended_at,omitzero"`

	Held string `json:"held,omitempty"` // why the run does not move on now, for people; empty when it does
	// HeldAt is since when it is held for this reason, and HeldTold of which reasons its thread was told, as digests.
	HeldAt   time.Time `json:"held_at,omitzero"`
	HeldTold []string  `json:"held_told,omitempty"`
	// VerifiedAt is when an approved plan was made again and had the same changes; the rest of its time is as before.
	VerifiedAt time.Time `json:"verified_at,omitzero"`
	VerifiedUp Uptime    `json:"verified_up,omitzero"`
	Moved      int       `json:"moved,omitempty"` // runs in a row before this one whose approved plan was not the same any more

	Attempts  int        `json:"attempts,omitempty"`  // plans started for this run
	NotBefore time.Time  `json:"not_before,omitzero"` // backoff of a plan that met a transient error
	Inputs    string     `json:"inputs,omitempty"`    // digest of what the configuration fed into the plan
	CancelBy  string     `json:"cancel_by,omitempty"` // who asked to cancel a run that is planning or applying
	Decisions []Decision `json:"decisions,omitempty"` // every vote that was recorded, withdrawn ones too
	Plan      *Plan      `json:"plan,omitempty"`
	Apply     *Apply     `json:"apply,omitempty"`
	Asks      string     `json:"asks,omitempty"` // why the stack's policy leaves the decision to people
	// BreakGlass: one person approved alone in an emergency.
	BreakGlass *BreakGlass `json:"break_glass,omitempty"`
	Origin     *Origin     `json:"origin,omitempty"`    // where the changes come from; nil: nobody asked
	Artifacts  []Artifact  `json:"artifacts,omitempty"` // what a build has made, whether it ended well or not
	Images     []ImageUse  `json:"images,omitempty"`    // the images that the plan gives to variables
	Card       *Card       `json:"card,omitempty"`      // where the run's message is; nil until it was posted
	PlanFile   *PlanFile   `json:"plan_file,omitempty"` // where Slack has the whole plan; nil until it was put there
	Told       bool        `json:"told,omitempty"`      // the log was told of it, in the place of Slack
	Published  string      `json:"published,omitempty"` // the commit status as the site took it last
	Error      string      `json:"error,omitempty"`
	Hint       string      `json:"hint,omitempty"` // what a person can do about Error or Held
	// Words are the events of the run of which receivers of the configuration's were told, or are about to be: each once.
	Words []string `json:"words,omitempty"`
}

// Uptime is a moment by a clock that nobody can set: how long that boot of the machine had lasted.
type Uptime struct {
	Boot  string        `json:"boot"`
	Since time.Duration `json:"since"` // nanoseconds
}

// PolicyPrefix begins the By of a decision that a policy made.
const PolicyPrefix = "policy:"

// Policy is the name of the policy that approved the run's plan, if that counts; empty if people decide.
func (r *Run) Policy() string {
	for _, d := range r.Decisions {
		name, ok := strings.CutPrefix(d.By, PolicyPrefix)
		if ok && d.Verdict == Approve && d.Withdrawn == "" && r.Plan != nil && d.Digest == r.Plan.Digest {
			return name
		}
	}
	return ""
}

// Verdict is what a person or a policy decided.
type Verdict string

// The verdicts.
const (
	Approve Verdict = "approve"
	Deny    Verdict = "deny"
)

// A Decision is one recorded vote on exactly one plan.
type Decision struct {
	Verdict    Verdict   `json:"verdict"`
	By         string    `json:"by"`     // slack:ID, cli:USER or policy:NAME
	Person     string    `json:"person"` // who that is for counting: a person block's name, or a key of its own
	At         time.Time `json:"at"`
	Text       string    `json:"text,omitempty"`    // the words as given
	Digest     string    `json:"digest"`            // the plan that it is about
	Channel    string    `json:"channel,omitempty"` // Slack votes: where it can be read again
	TS         string    `json:"ts,omitempty"`
	BreakGlass bool      `json:"break_glass,omitempty"` // it stands for all approvals
	// Withdrawn says why a vote does not count any more (deleted, edited, no longer an approver).
	Withdrawn string `json:"withdrawn,omitempty"`
}

// BreakGlass says who approved a run alone, why, and who reviewed that since.
type BreakGlass struct {
	By         string    `json:"by"`
	Person     string    `json:"person"`
	At         time.Time `json:"at"`
	Reason     string    `json:"reason"`
	ReviewedBy string    `json:"reviewed_by,omitempty"` // somebody else; empty: the run stays marked
	ReviewedAt time.Time `json:"reviewed_at,omitzero"`
	Review     string    `json:"review,omitempty"` // in the reviewer's words
}

// An Apply is what is known of the one apply of a run.
type Apply struct {
	StartedAt time.Time `json:"started_at"`
	StartedUp Uptime    `json:"started_up,omitzero"` // of the same moment
	EndedAt   time.Time `json:"ended_at,omitzero"`
	Done      int       `json:"done"`              // resources completed
	Total     int       `json:"total"`             // resources to change
	Current   string    `json:"current,omitempty"` // address at work now
	Open      []string  `json:"open,omitempty"`    // started and not completed, when the apply ended badly
	Outputs   []string  `json:"outputs,omitempty"` // names only
	ExitCode  int       `json:"exit_code"`
	// Checks are those that do not hold after the apply.
	Checks []FailedCheck `json:"checks,omitempty"`

	Who       string    `json:"who,omitempty"`        // user@host that it ran as
	LeftLock  *LeftLock `json:"left_lock,omitempty"`  // the state lock that it left behind
	LeftState string    `json:"left_state,omitempty"` // path of the state that it could not save
	PushedBy  string    `json:"pushed_by,omitempty"`  // who pushed that state
}

// Asked is a message in which somebody asked for a run.
type Asked struct {
	Channel string `json:"channel"`
	TS      string `json:"ts"`
}

// A Card is the run's one message in Slack.
type Card struct {
	Channel   string `json:"channel"`
	TS        string `json:"ts"`
	Permalink string `json:"permalink,omitempty"`
	// Renewed: the message was that of an earlier run, whose place this one took. What was said in its thread up to Since,
	// the reply that told so, was about that one's plan; as long as Since is empty, everything.
	Renewed bool   `json:"renewed,omitempty"`
	Since   string `json:"since,omitempty"`
}

// A PlanFile is the file in Slack that holds the whole text of a run's plan.
type PlanFile struct {
	Digest    string `json:"digest"`              // of the plan, as [Plan.Shown] gives it
	Thread    string `json:"thread"`              // ts of the message in whose thread it is
	Permalink string `json:"permalink,omitempty"` // empty: Slack named none
}

// Origin is where the changes of a run come from: all that touches its stack since the applied commit.
type Origin struct {
	Pulls   []OriginPull `json:"pulls,omitempty"`
	Makers  []Maker      `json:"makers,omitempty"`  // authors, committers and mergers
	Unknown string       `json:"unknown,omitempty"` // why not all of them are known; empty: they are
}

// OriginPull is a merged pull request, with the logins of those who had to do with it.
type OriginPull struct {
	Number    int      `json:"number"`
	Title     string   `json:"title,omitempty"`
	Author    string   `json:"author,omitempty"`
	Reviewers []string `json:"reviewers,omitempty"` // who approved its final head
	MergedBy  string   `json:"merged_by,omitempty"`
	Change    string   `json:"change,omitempty"` // what the site calls it, where that is another name
}

// A Maker made a change, as far as git and the site that hosts it say. It is used to forbid, never to grant.
type Maker struct {
	Name  string `json:"name,omitempty"`
	Email string `json:"email,omitempty"`
	Login string `json:"login,omitempty"`
	Site  string `json:"site,omitempty"` // where that login is, by the type of the site's block; empty: github
}

// String names somebody for people.
func (m Maker) String() string {
	switch {
	case m.Login != "":
		return m.Login
	case m.Name != "":
		return m.Name
	}
	return m.Email
}
