package store

import "time"

// A Pause says who stopped the agent or a stack from moving on, why and since when.
type Pause struct {
	By     string    `json:"by"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason,omitempty"`
}

// StackState is what is remembered of a stack between runs.
type StackState struct {
	Name       string `json:"name"`
	Repository string `json:"repository"`
	Dir        string `json:"dir"`
	Workspace  string `json:"workspace"`
	Engine     string `json:"engine,omitempty"` // empty: terraform

	AppliedCommit string    `json:"applied_commit,omitempty"`
	AppliedAt     time.Time `json:"applied_at,omitzero"` // when something was applied last; zero if nothing ever was
	CheckedAt     time.Time `json:"checked_at,omitzero"` // when it was last found that nothing has to be changed
	AppliedRun    int       `json:"applied_run,omitempty"`
	AppliedInputs string    `json:"applied_inputs,omitempty"`

	LastCommitRun int `json:"last_commit_run,omitempty"` // the newest run of kind commit
	// LastCommitCommit is the newest commit at which nothing is left to ask: that of LastCommitRun, or a later one at which the
	// stack's files were the same all along, or were again as before.
	LastCommitCommit string `json:"last_commit_commit,omitempty"`
	OpenRun          int    `json:"open_run,omitempty"`   // the one non-terminal run that can apply; 0 if none
	NewestRun        int    `json:"newest_run,omitempty"` // the newest run that can apply, open or not

	Builds      []Build    `json:"builds,omitempty"`      // of an image: those that ended well, newest first
	Images      []ImageUse `json:"images,omitempty"`      // what the stack runs on, as last applied
	ScheduledAt time.Time  `json:"scheduled_at,omitzero"` // of an image: the last time that its schedule came up

	Paused *Pause `json:"paused,omitempty"`
	Pin    *Pin   `json:"pin,omitempty"`
	// Occupied is what a person does to the stack's state right now; nothing is planned or applied meanwhile. It goes with the
	// process that does it, so the start of an agent clears it.
	Occupied *Pause `json:"occupied,omitempty"`
	Behind   int    `json:"behind,omitempty"` // commits that touch the stack and are not applied
	// BehindBy is the one commit that Behind counts; empty if those are several.
	BehindBy string `json:"behind_by,omitempty"`
	// BehindSince is since when Behind is not 0.
	BehindSince time.Time `json:"behind_since,omitzero"`
	Error       string    `json:"error,omitempty"`      // why the stack gets no run (its directory left the branch, ...)
	Lineage     string    `json:"lineage,omitempty"`    // of its state; two stacks with one lineage are an error
	LeftState   string    `json:"left_state,omitempty"` // a state that an apply could not save and nobody has pushed yet
	Resources   int       `json:"resources,omitempty"`  // in its state when last planned or applied

	// Changed is the newest run whose apply changed something; a run that found no changes is none.
	Changed int `json:"changed,omitempty"`
	// Partly is an apply that ended badly and may have changed something, until a run of the stack ends well.
	Partly int `json:"partly,omitempty"`
	// LeftOut are the applies of some addresses only that have begun since a run of the whole stack ended well, newest first, at most
	// [MaxLeftOut] of them: what else their commits say is not applied.
	LeftOut []Targeted `json:"left_out,omitempty"`
	// Upstreams is, for each stack that this one depends on, which change of it (Changed) a plan of this one has taken in.
	Upstreams map[string]int `json:"upstreams,omitempty"`

	LastApply int      `json:"last_apply,omitempty"` // the newest run whose apply was started
	Planning  *Unseen  `json:"planning,omitempty"`   // the plan under way
	Unseen    []Unseen `json:"unseen,omitempty"`     // what may have left the state lock behind, since a plan last held it
	// LeftLock is a state lock that was met after one of those; nobody plans until it is gone.
	LeftLock *LeftLock `json:"left_lock,omitempty"`
	// Moved is the newest run there was when the stack got its state of now by `state move`: what people approved until then was not
	// of its files of now.
	Moved int `json:"moved,omitempty"`
	// Formerly are the names that the stack had before: their runs are its history.
	Formerly []string `json:"formerly,omitempty"`
	// Checks are those of its configuration that did not hold when it was last planned, applied or checked.
	Checks []FailedCheck `json:"checks,omitempty"`
	// Guarded are the protected objects that it was seen to have; nil: it was never looked at for any.
	Guarded *Guarded `json:"guarded,omitempty"`
	// Drift is what its drift checks found; nil if none was made yet.
	Drift *Drift `json:"drift,omitempty"`
	// AutoApplied are the applies of the last day that a policy decided on.
	AutoApplied []AutoApply `json:"auto_applied,omitempty"`
	// Unfinished is an interrupted run of which resources may be half-made, until a run of the stack ends well.
	Unfinished int `json:"unfinished,omitempty"`
	// Look is what failed and waits for a person, until a run of the stack ends well or somebody resumes the stack. All that is
	// said of it stands here: the run itself may be forgotten before.
	Look *Look `json:"look,omitempty"`
	// Seen is the newest run there was when somebody last said that nothing of the stack needs a look any more.
	Seen int `json:"seen,omitempty"`
	// Destroyed is the run that took all of the stack down, until something of it is applied again.
	Destroyed *Destroyed `json:"destroyed,omitempty"`
}

// Guarded remembers the protected objects of a stack: a state forgets what somebody has removed from it, or has refreshed it without,
// and a plan then makes the object again as if there had never been one.
type Guarded struct {
	Addresses []string `json:"addresses,omitempty"` // those that the state held, or an apply made; sorted
	Full      bool     `json:"full,omitempty"`      // there were more than are remembered
	// Since are the patterns of protect of which no object can be missing in Addresses: since they were there the stack was watched
	// from when it had nothing, or from when nothing of them was to be made.
	Since []string `json:"since,omitempty"`
}

// A Look is a run that ended badly and that a person has to look at.
type Look struct {
	Run     int       `json:"run"`
	Status  Status    `json:"status"`            // how it ended
	Planned bool      `json:"planned,omitempty"` // it had a plan
	Began   bool      `json:"began,omitempty"`   // its apply had begun
	At      time.Time `json:"at,omitzero"`
	Cause   string    `json:"cause,omitempty"` // the first line of its error
	Hint    string    `json:"hint,omitempty"`
}

// Destroyed says which run took a stack down, and when.
type Destroyed struct {
	Run int       `json:"run"`
	At  time.Time `json:"at"`
}

// MaxLeftOut is how many targeted applies a stack remembers.
const MaxLeftOut = 20

// A Targeted is an apply of some addresses only. All that is said of it stands here: the run may be forgotten before.
type Targeted struct {
	Run     int       `json:"run"`
	Commit  string    `json:"commit"`
	Targets []string  `json:"targets"`
	By      string    `json:"by"`
	At      time.Time `json:"at"`
	Status  Status    `json:"status"` // how it ended
}

// LeftOutOf is a targeted apply of another commit than that of a plan of the whole stack, which such a plan may take back. Where
// there were more than are remembered, nobody knows of which commits those were: it is the oldest one then.
func (s *StackState) LeftOutOf(commit string) (run int, found bool) {
	for _, t := range s.LeftOut {
		if t.Commit != commit {
			return t.Run, true
		}
	}
	if n := len(s.LeftOut); n >= MaxLeftOut {
		return s.LeftOut[n-1].Run, true
	}
	return 0, false
}

// SettledAt is when the stack was last applied, or found to need nothing, whichever came later.
func (s *StackState) SettledAt() time.Time {
	if s.CheckedAt.After(s.AppliedAt) {
		return s.CheckedAt
	}
	return s.AppliedAt
}

// A Pin holds back the commit runs of a stack: what a person had applied is not what the branch says, and the next commit
// would undo it unseen.
type Pin struct {
	Run    int               `json:"run"` // whose apply pinned the stack; it has the values of Vars
	Commit string            `json:"commit"`
	Back   bool              `json:"back,omitempty"`   // to a commit of before
	Vars   []string          `json:"vars,omitempty"`   // names of variables that are not in git
	Images map[string]string `json:"images,omitempty"` // ids of images that are not the newest ones, by image
	By     string            `json:"by"`
	At     time.Time         `json:"at"`
	Reason string            `json:"reason,omitempty"`
}

// A Drift is the one record of a stack's drift checks: a check that finds nothing leaves no run behind.
type Drift struct {
	Schedule  string    `json:"schedule"`
	TriedAt   time.Time `json:"tried_at"`            // when the last check began
	CheckedAt time.Time `json:"checked_at,omitzero"` // when the last one ended that got an answer

	// What that one found, by class; nothing if all are 0.
	Gone    int `json:"gone,omitempty"`
	Changed int `json:"changed,omitempty"`
	Config  int `json:"config,omitempty"`
	Outputs int `json:"outputs,omitempty"`

	Since       time.Time `json:"since,omitzero"`        // when something was found first, without a clean check since
	Fingerprint string    `json:"fingerprint,omitempty"` // of what the run below was made for
	Run         int       `json:"run,omitempty"`         // the run that asks, or asked, about it

	// With what the last clean check had nothing to do: the same as applied, then.
	CleanCommit string `json:"clean_commit,omitempty"`
	CleanInputs string `json:"clean_inputs,omitempty"`
	CleanTools  string `json:"clean_tools,omitempty"`

	Error    string    `json:"error,omitempty"` // of the last check
	Hint     string    `json:"hint,omitempty"`
	ErrorAt  time.Time `json:"error_at,omitzero"` // since when they fail
	Failures int       `json:"failures,omitempty"`
	Told     bool      `json:"told,omitempty"` // people were told that they fail
}

// Found reports whether the last check found anything changed.
func (d *Drift) Found() bool { return d != nil && d.Gone+d.Changed+d.Config+d.Outputs > 0 }

// An AutoApply is one apply that a policy decided on.
type AutoApply struct {
	Run int       `json:"run"`
	At  time.Time `json:"at"`
	Up  Uptime    `json:"up,omitzero"` // of the same moment: the wall clock can be set
}

// Unseen is a terraform of ours that did not end as it should, so far as anybody saw.
type Unseen struct {
	Run   int       `json:"run"`
	Apply bool      `json:"apply,omitempty"` // else a plan
	Who   string    `json:"who"`             // user@host, as terraform writes it into locks
	From  time.Time `json:"from"`
	Until time.Time `json:"until,omitzero"`
}

// Holder says whose a state lock is.
type Holder string

// The holders of a state lock.
const (
	HolderOurs    Holder = "ours"    // of a terraform that this agent started
	HolderOther   Holder = "other"   // somebody else's
	HolderUnknown Holder = "unknown" // the backend does not say
)

// A LeftLock is a state lock that was found after an operation that did not end as it should.
type LeftLock struct {
	ID        string    `json:"id,omitempty"` // empty: the backend does not say
	Path      string    `json:"path,omitempty"`
	Operation string    `json:"operation,omitempty"` // in terraform's words
	Who       string    `json:"who,omitempty"`
	Created   time.Time `json:"created,omitzero"`
	Info      string    `json:"info,omitempty"`

	Holder Holder `json:"holder"`
	Run    int    `json:"run"`             // whose it is or, of somebody else's, after which it was found
	Apply  bool   `json:"apply,omitempty"` // that run was applying; else planning
	Dead   bool   `json:"dead,omitempty"`  // nothing of that run lives any more: proven
	// Foreign is the machine that the run worked on, if that is not this one: nothing can be proven here then.
	Foreign string `json:"foreign,omitempty"`

	FoundAt   time.Time `json:"found_at"`
	Looks     int       `json:"looks,omitempty"`     // how often it was still there
	NotBefore time.Time `json:"not_before,omitzero"` // of the next look
	Told      bool      `json:"told,omitempty"`      // people were told of it
	GoneAt    time.Time `json:"gone_at,omitzero"`    // in the record of its run only
	GoneBy    string    `json:"gone_by,omitempty"`   // who unlocked it; empty: it went by itself
}

// RepositoryState is what is remembered of a repository between polls.
type RepositoryState struct {
	Name   string `json:"name"`
	URL    string `json:"url"` // without user info
	Branch string `json:"branch"`
	Head   string `json:"head,omitempty"` // newest commit that counts as seen
	// HeldHead is the tip of a branch whose history was rewritten, or which has commits that are not trusted; it does not count
	// as seen until that is mended or, if it is only rewritten, accepted.
	HeldHead string `json:"held_head,omitempty"`
	// HeldWhy says which commit is not trusted and why; empty: the history was rewritten.
	HeldWhy string `json:"held_why,omitempty"`
	// Suspect is the first tip that was held so since a head was taken last: it must not come in below others.
	Suspect   string    `json:"suspect,omitempty"`
	HeldLost  []string  `json:"held_lost,omitempty"` // the commits that a rewritten branch has no more, for people
	Trust     string    `json:"trust,omitempty"`     // a digest of what commits up to the head were found to have
	HeldSince time.Time `json:"held_since,omitzero"`
	Accepted  string    `json:"accepted,omitempty"` // a rewritten head that a person accepted
	PolledAt  time.Time `json:"polled_at,omitzero"` // last poll that got an answer
	Error     string    `json:"error,omitempty"`
	ErrorAt   time.Time `json:"error_at,omitzero"`    // since when polls fail
	ErrorTold bool      `json:"error_told,omitempty"` // Slack was told, once
}

// AgentState is what is remembered of the agent itself.
type AgentState struct {
	ID        string    `json:"id"` // random; in every message, so that a second agent is noticed
	Version   string    `json:"version,omitempty"`
	StartedAt time.Time `json:"started_at,omitzero"`
	Paused    *Pause    `json:"paused,omitempty"`
}

// An Event is one entry of the append-only history.
type Event struct {
	Seq   uint64    `json:"seq"`
	At    time.Time `json:"at"`
	Type  string    `json:"type"` // transition, decision, pause, resume, accept, cancel, start, ...
	Run   int       `json:"run,omitempty"`
	Stack string    `json:"stack,omitempty"`
	From  Status    `json:"from,omitempty"`
	To    Status    `json:"to,omitempty"`
	By    string    `json:"by,omitempty"`
	Text  string    `json:"text,omitempty"`
	Prev  string    `json:"prev"` // SHA-256 of the entry before, hex: the history is a chain
}

// MessageKind says what an outbox message is and so how it is delivered.
type MessageKind string

// The kinds of outbox messages.
const (
	MessageCard  MessageKind = "card"  // post or edit the run's one message; rendered from the run when it is sent
	MessageReply MessageKind = "reply" // text in the run's thread
	MessageLoud  MessageKind = "loud"  // the same, also sent to the channel: it must ring a phone
	MessageFile  MessageKind = "file"  // the plan's whole text as a file in the run's thread
	MessageNote  MessageKind = "note"  // a message of its own in the channel (repository errors, summaries)
	// MessageOverview posts or edits the one message of a commit that touches several stacks; rendered when it is sent.
	MessageOverview MessageKind = "overview"

	// For the site that hosts the repository, each made anew from what is true when it is sent.
	MessageStatus  MessageKind = "status"  // how a commit stands, of one stack
	MessageComment MessageKind = "comment" // the one comment of a pull request

	// For a receiver of the configuration's: what [Message.Word] says. Text is that for people.
	MessageWord MessageKind = "word"
)

// ForSite reports whether a message goes to the site that hosts the repository, and not to Slack.
func (k MessageKind) ForSite() bool { return k == MessageStatus || k == MessageComment }

// ForReceiver reports whether a message goes to a receiver of the configuration's, and to nobody else.
func (k MessageKind) ForReceiver() bool { return k == MessageWord }

// A Word is what a receiver of the configuration's is told of an event of a run, as it was when that happened. It is all of ours:
// nothing of the repository's text, no addresses, no values.
type Word struct {
	Receiver string   `json:"receiver"` // the name of its block
	Event    string   `json:"event"`
	Label    string   `json:"label,omitempty"`
	Kind     Kind     `json:"kind"`
	Status   Status   `json:"status"`
	Planned  bool     `json:"planned,omitempty"` // the numbers say what the plan does
	Add      int      `json:"add,omitempty"`
	Change   int      `json:"change,omitempty"`
	Destroy  int      `json:"destroy,omitempty"`
	Commands []string `json:"commands,omitempty"` // to type in a shell, to look and to decide
}

// A Message is one entry of the outbox. It is written in the same transaction as what it tells.
type Message struct {
	Seq  uint64      `json:"seq"`
	Kind MessageKind `json:"kind"`
	Run  int         `json:"run,omitempty"`
	// Key makes sending repeatable: it travels in the message's metadata and is searched for after an unknown
	// outcome. Two messages with one key are one message: the newer replaces the older if that was not sent.
	Key     string `json:"key"`
	Channel string `json:"channel,omitempty"` // of a note; others go where the run's card is
	Thread  string `json:"thread,omitempty"`  // of a note that answers a message
	Text    string `json:"text,omitempty"`
	Mention bool   `json:"mention,omitempty"` // name the people of the stack's mention attribute
	Links   []Link `json:"links,omitempty"`   // shown below the text
	To      string `json:"to,omitempty"`      // of a reply: the one user who is to see it, where Slack can do that

	// Of messages for the site. A status without a run says Text; of a run, how that stands.
	Repository  string `json:"repository,omitempty"`
	Commit      string `json:"commit,omitempty"`
	Stack       string `json:"stack,omitempty"`
	PullRequest int    `json:"pull_request,omitempty"`
	Settled     bool   `json:"settled,omitempty"` // Text says why nothing is to be planned, and nobody has to do anything

	Word *Word `json:"word,omitempty"` // of a message for a receiver

	// Revision is how often a newer message took this one's place: the store tells by it that words in hand are old.
	Revision int `json:"revision,omitempty"`

	CreatedAt time.Time `json:"created_at"`
	// After is the newest message known in the channel before this one was first sent: it is looked for from there.
	After     string    `json:"after,omitempty"`
	Attempts  int       `json:"attempts,omitempty"`
	NotBefore time.Time `json:"not_before,omitzero"`
	// Sending is set durably before each try and cleared after a refusal. Found set, the outcome of the last try
	// is unknown: look for the message before sending it again.
	Sending bool   `json:"sending,omitempty"`
	Error   string `json:"error,omitempty"` // of the last try
}

// A Link leads to another message in Slack.
type Link struct {
	Text string `json:"text"`
	URL  string `json:"url"`
}

// Thread is how far a run's thread in Slack was read.
type Thread struct {
	Run         int       `json:"run"`
	Channel     string    `json:"channel"`
	TS          string    `json:"ts"`
	ReplyCount  int       `json:"reply_count"`
	LatestReply string    `json:"latest_reply"`
	Handled     []string  `json:"handled,omitempty"`    // ts of replies that were weighed; each is answered at most once
	Nudged      []string  `json:"nudged,omitempty"`     // users who were told that their words are no decision; each is told once
	WatchUntil  time.Time `json:"watch_until,omitzero"` // of an ended run
}
