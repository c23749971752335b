package lifecycle

import (
	"time"

	"sallyport/agent/clock"
	"sallyport/agent/config"
	"sallyport/store"
)

// Facts are all that the rules decide on about one run, as of one moment. Whoever asks gathers them once: the store in one
// transaction, then what lies beside it. A fact that is missing where a rule needs it holds the run; it never lets it pass.
type Facts struct {
	Now     clock.Reading
	Run     *store.Run
	Config  Config
	Store   Records
	Process Process
	Left    Left
}

// Config is what the configuration says of the run.
type Config struct {
	Stack      *config.Stack      // nil: there is none of that name
	Repository *config.Repository // of the run; nil: there is none of that name
	// Current: it is still the configuration in force. A reload may come between two looks.
	Current bool
	// Unsearched: the globs that may find the stack were not looked up since the start, so that a stack which is not found is not
	// gone. WhyUnsearched says why; it is zero while that is a matter of moments.
	Unsearched    bool
	WhyUnsearched Reason
	// Upstream are the stacks that this one depends on, and those that they depend on; nil for a name that there is no stack of.
	Upstream map[string]*config.Stack
}

// Records are what the store says beside the run, of the same moment.
type Records struct {
	Agent        *store.AgentState
	Repositories map[string]*store.RepositoryState
	// Stacks are the states of the run's own stack, of the stacks and images that it uses, and of those that they use in turn.
	Stacks map[string]*store.StackState
	// Runs are those that the states name and that a rule asks for. One that was forgotten is there and nil.
	Runs map[int]*store.Run
	// Ready reports that a run which can be applied could be planned or applied now: previews go after it.
	Ready bool
}

// Process is what only this process knows.
type Process struct {
	Busy     bool // something is at work for the run
	Resting  bool // its work failed in a way that could not be recorded, and rests for a moment
	Checking bool // a drift check of its stack is at work
	Slots    Slots
	// Full says why there is too little room on the disk; empty: there is enough.
	Full string
	// Deaf: there is a Slack workspace, and it was not looked at since the start.
	Deaf bool
	// Compared: the stack was compared with the repository's newest commit. Otherwise Incomparable may say what is in the way.
	Compared     bool
	Incomparable string
	// Usual is how long the longest of the stack's last applies took, read only for one that takes long; 0: there was none.
	Usual time.Duration
}

// Slots are how much is at work, and how much may be. The users are those of terraform.user.
type Slots struct {
	Terraform, TerraformLimit int
	Builds, BuildLimit        int
	Previews                  int
	Users                     int    // 0: terraform runs as the agent's own user
	UserFree                  bool   // one of them, or none is needed
	AloneFree                 bool   // one for work that nothing else may be beside
	UsersShared               bool   // there is but one, which all runs share
	UsersStuck                string // why none of them will be free by itself; empty: it is not so
}

// Left is what earlier runs of the stack left beside the store.
type Left struct {
	Unread    string   // why it could not be found out; empty: it could
	Alive     bool     // something that the last apply started still runs
	Ending    bool     // and it is about to end: the runner has written its result a moment ago
	Processes []string // those that are known, for people
	// StateGone: the state that an apply could not save lies no more where it lay: a person has taken it away.
	StateGone bool
}

// stack is the state of a stack or an image, if it was read. The empty state of one that nothing is known of is a fact as well.
func (r Records) stack(name string) (st *store.StackState, read bool) {
	st = r.Stacks[name]
	return st, st != nil
}

// repository is the state of a repository, if it was read.
func (r Records) repository(name string) (known *store.RepositoryState, read bool) {
	known = r.Repositories[name]
	return known, known != nil
}

// run is a run, if it was asked for; nil if it was forgotten.
func (r Records) run(id int) (run *store.Run, read bool) {
	run, read = r.Runs[id]
	return run, read
}
