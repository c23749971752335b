package control

import (
	"fmt"
	"slices"
	"time"

	"sallyport/notify/words"
	"sallyport/store"
)

// Name is a channel's name or an e-mail that was resolved to an id once and is kept, so that a start without Slack
// works. An old one may have changed its meaning since.
type Name struct {
	Name string    `json:"name"`
	ID   string    `json:"id"`
	At   time.Time `json:"at"` // when Slack was asked
}

// Status is everything at a glance: the object of `sallyport status --json`.
type Status struct {
	Agent        Agent        `json:"agent"`
	Repositories []Repository `json:"repositories"`
	Stacks       []Stack      `json:"stacks"`
	PullRequests []Run        `json:"pull_requests"`
	Problems     []Problem    `json:"problems"`   // what does not work now and belongs to no single run
	Unreviewed   []Run        `json:"unreviewed"` // runs whose glass was broken and that nobody else has reviewed
	Names        []Name       `json:"names"`      // what Slack names in the configuration stand for
	Outbox       int          `json:"outbox"`     // messages not delivered yet
	// People are what the accounts in all of this are called (slack:U01, cli:jane), where anybody knows.
	People map[string]string `json:"people"`
}

// Agent is the agent's own part of a status.
type Agent struct {
	Running   bool       `json:"running"`
	Version   string     `json:"version"`
	StartedAt *time.Time `json:"started_at"`
	Paused    bool       `json:"paused"`
	Pause     *Pause     `json:"pause"`
	ID        string     `json:"id"`
	// Backup is null where no backup leaves the machine.
	Backup *Backups `json:"backup"`
	Web    string   `json:"web"` // the socket at which pages are shown; empty where none are, and where no agent tells
	// Socket is null where no websocket to Slack is to be open.
	Socket *SlackSocket `json:"slack_socket"`
}

// Pause says who holds something, since when and why.
type Pause struct {
	By     string    `json:"by"`
	Login  string    `json:"login"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
}

// Pin says what a person had applied that the branch does not say; commit runs wait until the stack is resumed.
type Pin struct {
	Run    int       `json:"run"` // whose apply it was
	Commit string    `json:"commit"`
	Back   bool      `json:"back"` // an older commit than the one that was applied before
	Vars   []string  `json:"vars"` // names of variables that are not in git
	By     string    `json:"by"`
	Login  string    `json:"login"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
}

// Repository is one polled repository.
type Repository struct {
	Name     string     `json:"name"`
	URL      string     `json:"url"`
	Branch   string     `json:"branch"`
	Head     string     `json:"head"` // newest commit that counts as seen; empty before the first poll
	PolledAt *time.Time `json:"polled_at"`
	Error    string     `json:"error"`
	Hint     string     `json:"hint"`
	ErrorAt  *time.Time `json:"error_at"`  // since when it does not work
	HeldHead string     `json:"held_head"` // tip of a rewritten branch that waits for `accept`
}

// ModeObserve is the mode of a stack whose plans are shown, and about which nobody is asked; that of others is [ModeNormal].
const (
	ModeObserve = "observe"
	ModeNormal  = "normal"
)

// Stack is one stack and its newest run that can apply.
type Stack struct {
	Name          string     `json:"name"`
	Repository    string     `json:"repository"`
	Dir           string     `json:"dir"`
	Workspace     string     `json:"workspace"`
	Engine        string     `json:"engine"` // terraform, or packer: an image
	Mode          string     `json:"mode"`   // normal, or [ModeObserve]; empty where no agent tells
	AppliedCommit string     `json:"applied_commit"`
	AppliedAt     *time.Time `json:"applied_at"` // when something was applied last
	CheckedAt     *time.Time `json:"checked_at"` // when it was last found that nothing has to be changed
	Destroyed     *Destroyed `json:"destroyed"`  // by which run, if nothing was applied since; else null
	Paused        bool       `json:"paused"`
	Pause         *Pause     `json:"pause"`
	Pin           *Pin       `json:"pin"`            // what holds its commit runs back
	Occupied      *Pause     `json:"occupied"`       // who works on its state right now (exec, state restore)
	ApplyClosed   string     `json:"apply_closed"`   // why its plans are not applied now (apply_window, freeze); empty: they are
	ApplyOpensAt  *time.Time `json:"apply_opens_at"` // from when on they are
	Behind        int        `json:"behind"`         // commits that touch it and are not applied
	Error         string     `json:"error"`
	Resources     int        `json:"resources"`  // in its state when last seen
	LeftLock      *LeftLock  `json:"left_lock"`  // a state lock that holds it up
	LeftState     string     `json:"left_state"` // path of a state that waits for `state push`
	Partly        *Partly    `json:"partly"`     // the last apply, if that did not end well and no run has since; else null
	LeftOut       []Targeted `json:"left_out"`   // what was applied of some addresses only since a whole run ended well, newest first
	Look          *Look      `json:"look"`       // what failed and waits for a person; else null
	Seen          int        `json:"seen"`       // the newest run when somebody last said that nothing needs a look any more
	Builds        []Build    `json:"builds"`     // of an image: those that ended well, newest first
	Images        []ImageUse `json:"images"`     // what a stack runs on, as last applied
	Checks        []Check    `json:"checks"`     // that did not hold when it was last planned, applied or checked
	Drift         *Drift     `json:"drift"`      // null before the first check
	Run           *Run       `json:"run"`
	Approvals     *Approvals `json:"approvals"` // of the run; null unless its plan waits for some, and where no agent tells
}

// Look is a run that ended badly and that a person has to look at: until a run of the stack ends well, or it is resumed.
type Look struct {
	Run    int          `json:"run"`
	Status store.Status `json:"status"`
	At     *time.Time   `json:"at"`
	Text   string       `json:"text"`  // "wiki #19 failed halfway"
	Cause  string       `json:"cause"` // the first line of its error
	Hint   string       `json:"hint"`  // what to do next
}

// Destroyed says which run took a stack down, and when.
type Destroyed struct {
	Run int        `json:"run"`
	At  *time.Time `json:"at"`
}

// Approvals are how many people have approved a plan, and how many must.
type Approvals struct {
	Counted int `json:"counted"` // those that count now, of different people
	Needed  int `json:"needed"`
	// WaitsFor are those who can give the next one, as accounts (slack:U01; slack:S01 is a user group) or e-mail addresses. Empty
	// where nobody is named, and where nobody who is may.
	WaitsFor []string `json:"waits_for"`
}

// Drift is what the last check of a stack found: how many objects are gone, changed outside, or to be changed by the
// configuration.
type Drift struct {
	Schedule  string     `json:"schedule"`
	CheckedAt *time.Time `json:"checked_at"` // the last check that got an answer
	Gone      int        `json:"gone"`
	Changed   int        `json:"changed"`
	Config    int        `json:"config"`
	Outputs   int        `json:"outputs"`
	Since     *time.Time `json:"since"` // when something was found first; null if all is as it was applied
	Run       int        `json:"run"`   // the run that asked about it last; 0 if none did
	Error     string     `json:"error"` // why the last check got no answer
	Hint      string     `json:"hint"`
	ErrorAt   *time.Time `json:"error_at"`
}

// Found reports whether the last check found anything changed.
func (d *Drift) Found() bool { return d != nil && d.Since != nil }

// Problem is something that does not work now.
type Problem struct {
	Source string     `json:"source"` // slack, terraform, disk, configuration, ...
	Error  string     `json:"error"`
	Hint   string     `json:"hint"`
	Since  *time.Time `json:"since"`
}

// Run is one run as people and machines see it.
type Run struct {
	ID          int          `json:"id"`
	Stack       string       `json:"stack"`
	Repository  string       `json:"repository"`
	Engine      string       `json:"engine"`
	Kind        store.Kind   `json:"kind"`
	Status      store.Status `json:"status"`
	Commit      string       `json:"commit"`
	Author      string       `json:"author"`
	Subject     string       `json:"subject"`
	Reason      string       `json:"reason"`
	RequestedBy string       `json:"requested_by"`
	// RequestedLogin is who had logged in before becoming RequestedBy (sudo), where that is known; so is every Login.
	RequestedLogin string      `json:"requested_login"`
	PullRequest    int         `json:"pull_request"`
	Change         string      `json:"change,omitempty"` // of a preview: what the site calls the pull request, as in "merge request !12"
	CreatedAt      *time.Time  `json:"created_at"`
	UpdatedAt      *time.Time  `json:"updated_at"`
	PlannedAt      *time.Time  `json:"planned_at"`
	ExpiresAt      *time.Time  `json:"expires_at"`
	EndedAt        *time.Time  `json:"ended_at"`
	Plan           *Plan       `json:"plan"` // null until planned
	Decisions      []Decision  `json:"decisions"`
	BreakGlass     *BreakGlass `json:"break_glass"` // null unless one person approved alone
	Error          string      `json:"error"`
	Hint           string      `json:"hint"` // what a person can do about error or held
	Held           string      `json:"held"` // why it does not move on now
	Asks           string      `json:"asks"` // why the stack's policy leaves the decision to people
	Position       string      `json:"position"`
	GitDown        string      `json:"git_down"`
	Warnings       []string    `json:"warnings"`
	Apply          *Apply      `json:"apply"` // null until applying
	Permalink      string      `json:"permalink"`
	After          int         `json:"after"`      // the run that this one takes over from; 0 if none
	Artifact       *Artifact   `json:"artifact"`   // what a build has made, the first of several; null if nothing
	Artifacts      []Artifact  `json:"artifacts"`  // all of it
	Notes          []string    `json:"notes"`      // what else to know of the plan
	HookNotes      []HookNote  `json:"hook_notes"` // what hooks said of it, in the order in which they ran
	// Facts are what hooks want to be known of it, by name: {"snapshot":"snap-1"}. Of two of one name the later one counts.
	Facts     map[string]string `json:"facts"`
	Images    []ImageUse        `json:"images"` // the images whose ids the plan gives to variables
	Options   Options           `json:"options"`
	Approvals *Approvals        `json:"approvals"` // null unless its plan waits for some, and where no agent tells
	// People are what the accounts in this are called (slack:U01, cli:jane), where anybody knows.
	People map[string]string `json:"people"`
}

// Options are what makes the plan of a run another one than the plain plan of its commit.
type Options struct {
	Replace     []string          `json:"replace"`
	Targets     []string          `json:"targets"` // all that is planned, with what they need; empty: the whole commit
	RefreshOnly bool              `json:"refresh_only"`
	Destroy     bool              `json:"destroy"`
	EmptyState  bool              `json:"empty_state"`
	Commit      bool              `json:"commit"` // a person named the commit
	Back        bool              `json:"back"`   // and the applied commit came after it
	Vars        []string          `json:"vars"`   // names of variables that a person gave; never their values
	Images      map[string]string `json:"images"`
	// Kinds are those of them that people must not miss, in words: REPLACE, DESTROY EVERYTHING, NOT IN GIT: var size.
	Kinds []string `json:"kinds"`
}

// Build is one build of an image.
type Build struct {
	Run       int        `json:"run"`
	Commit    string     `json:"commit"`
	At        *time.Time `json:"at"`
	Artifacts []Artifact `json:"artifacts"`
}

// ImageUse is an image whose id a plan gives to a variable.
type ImageUse struct {
	Variable  string     `json:"variable"`
	Image     string     `json:"image"`
	Run       int        `json:"run"`   // that built it; 0 if nobody knows
	Given     bool       `json:"given"` // a person named it
	Artifacts []Artifact `json:"artifacts"`
}

// Artifact is an image in one region.
type Artifact struct {
	Builder string `json:"builder"`
	ID      string `json:"id"`     // without its region
	Region  string `json:"region"` // empty where there are none
}

// Plan is the summary of a plan; it holds addresses and actions, never attribute values.
type Plan struct {
	Digest         string   `json:"digest"`          // SHA-256 of the plan file, hex: the one that is applied
	ApprovedDigest string   `json:"approved_digest"` // of the one that was shown, if it was made again before the apply
	Add            int      `json:"add"`
	Change         int      `json:"change"`
	Destroy        int      `json:"destroy"`
	Changes        []Change `json:"changes"` // in the card's order: number n of an approval is the n-th
	Outputs        []Output `json:"outputs"`
	NewState       bool     `json:"new_state"` // there was no state: everything is new
	Version        string   `json:"version"`   // of terraform

	Import   int        `json:"import"`   // objects that are taken into the state, alone or with another action
	Checks   []Check    `json:"checks"`   // that do not hold already while planning
	Deferred []Deferred `json:"deferred"` // what the plan leaves to another one
}

// Check is a condition of the configuration that does not hold.
type Check struct {
	Address  string   `json:"address"`
	Status   string   `json:"status"` // fail, or error: it could not be looked at
	Problems []string `json:"problems"`
}

// Deferred is a change that Terraform leaves to another plan.
type Deferred struct {
	Address string   `json:"address"`
	Actions []string `json:"actions"`
	Reason  string   `json:"reason"`
}

// Change is one thing that a plan does: to a resource, most often; see [store.Change].
type Change struct {
	Address   string      `json:"address"`
	Actions   []string    `json:"actions"`
	Class     store.Class `json:"class"`
	Previous  string      `json:"previous_address"`
	Protected bool        `json:"protected"`
	MustName  bool        `json:"must_name"` // an approval has to name it
	Routine   bool        `json:"routine"`   // a replacement that a plain approve allows
	Follows   []string    `json:"follows"`   // recreated objects that are its only cause
	Importing bool        `json:"importing"` // an object that exists already is taken into the state
	Trigger   string      `json:"trigger"`   // what invokes an action of Terraform's
	Unknown   bool        `json:"unknown"`   // sallyport does not know what this is
	// Attributes are the names of those that an update or a replacement changes; of the first few changes only.
	Attributes []string `json:"attributes"`
	// Before: of a protected object that the state does not hold, "there" if the stack had it, "unknown" if nobody can tell.
	Before    store.Before `json:"before"`
	ComesBack bool         `json:"comes_back"` // a protected object that is made again: it is empty unless data_from says more
	DataFrom  []string     `json:"data_from"`  // the attributes by which the configuration says where its data comes from
}

// Output is a root output that a plan changes.
type Output struct {
	Name    string   `json:"name"`
	Actions []string `json:"actions"`
}

// Decision is one vote that counts.
type Decision struct {
	Verdict store.Verdict `json:"verdict"`
	By      string        `json:"by"`
	Login   string        `json:"login"`
	At      *time.Time    `json:"at"`
	Text    string        `json:"text"`
}

// BreakGlass says who approved alone, why, and who reviewed that.
type BreakGlass struct {
	By         string     `json:"by"`
	At         *time.Time `json:"at"`
	Reason     string     `json:"reason"`
	ReviewedBy string     `json:"reviewed_by"` // empty: it stays marked
	ReviewedAt *time.Time `json:"reviewed_at"`
	Review     string     `json:"review"`
}

// Apply is how far an apply is, or how it went.
type Apply struct {
	StartedAt *time.Time `json:"started_at"`
	EndedAt   *time.Time `json:"ended_at"`
	Done      int        `json:"done"`
	Total     int        `json:"total"`
	Current   string     `json:"current"`
	Open      []string   `json:"open"`       // started and not completed, when it ended badly
	Outputs   []string   `json:"outputs"`    // names
	Checks    []Check    `json:"checks"`     // that do not hold after it
	LeftLock  *LeftLock  `json:"left_lock"`  // the state lock that it left behind
	LeftState string     `json:"left_state"` // path of the state that it could not save
	PushedBy  string     `json:"pushed_by"`  // who pushed that state
	// Process is how the processes of one that has not ended stand, where no agent follows them; empty where one does.
	Process ApplyProcess `json:"process,omitempty"`
}

// Worth reports whether there is anything to say of them: more than one is needed, or somebody is named.
func (a *Approvals) Worth() bool { return a != nil && (a.Needed > 1 || len(a.WaitsFor) > 0) }

// String is "1 of 2 approvals, waits for one of slack:U01, slack:S01".
func (a Approvals) String() string {
	text := fmt.Sprintf("%d of %s", a.Counted, words.Count(a.Needed, "approval"))
	if who := words.WaitsFor(a.Needed-a.Counted, a.WaitsFor); who != "" {
		return text + ", " + who
	}
	return text
}

// Destroys reports whether the plan destroys or replaces anything.
func (p *Plan) Destroys() bool {
	if p == nil {
		return false
	}
	for _, c := range p.Changes {
		if c.Destroys() {
			return true
		}
	}
	return p.Destroy > 0
}

// NeedsDestroy reports whether an approval has to say `destroy`.
func (p *Plan) NeedsDestroy() bool {
	if p == nil || len(p.Changes) == 0 {
		return p.Destroys()
	}
	return slices.ContainsFunc(p.Changes, func(c Change) bool { return c.Destroys() && !c.Routine })
}

// Destroys reports whether the change destroys an object, alone or as half of a replacement.
func (c Change) Destroys() bool { return slices.Contains(c.Actions, "delete") }

// Decisive is the whole line that approves the run, or empty if the run waits for nobody. Numbers of protected
// addresses stand in for the addresses, which are long to type at night.
func (r Run) Decisive() string {
	if r.Status != store.Planned {
		return ""
	}
	return approveLine(r)
}
