// Package datadir says where things lie in the data directory of an agent. The agent writes them; the command line reads them when
// no agent runs, the doctor looks at them, and a backup holds some of them.
//
//	sallyport.db       the store
//	repos/NAME.git     the mirrors of the repositories; in each a cache of what checkouts are made of, which may be removed at any time
//	runs/12            the files of a run; runs/.drift-STACK those of a check for drift, runs/.trial-STACK of a trial of another terraform
//	state/STACK        a state that the agent keeps, for a stack without a backend
//	states/STACK       copies of a stack's state, from before each apply and whatever else replaced it
//	snapshots          copies of the store that passed the check, see package rescue
//	quarantine         stores that did not
//	cache              providers and what else terraform init fetched
//	terraform          the versions of terraform that the agent installed
//	home               HOME of what runs as the agent's own user
//	scratch            what repairs and backups work in; a start of the agent empties it
//	uids               locks of the users that terraform runs as
//
// A stack lies under [store.FileName] of its name, which differs from the name where that is long. Each function takes the data
// directory; with an empty one the path that it returns is relative to the data directory.
package datadir

import (
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"sallyport/store"
)

// Store is the file of the store.
func Store(dir string) string { return filepath.Join(dir, "sallyport.db") }

// Mirrors holds the mirrors of all repositories.
func Mirrors(dir string) string { return filepath.Join(dir, "repos") }

// Mirror is the bare git repository that mirrors the one of this name.
func Mirror(dir, repository string) string { return filepath.Join(Mirrors(dir), repository+".git") }

// Runs holds the directories of all runs, each named by the run's number. Names that begin with a dot are no runs.
func Runs(dir string) string { return filepath.Join(dir, "runs") }

// Run holds the files of a run.
func Run(dir string, run int) string { return filepath.Join(Runs(dir), strconv.Itoa(run)) }

// driftStart begins the names of the directories that stacks are checked for drift in.
const driftStart = ".drift-"

// Drift is where a stack is checked for drift.
func Drift(dir, stack string) string {
	return filepath.Join(Runs(dir), driftStart+store.FileName(stack))
}

// Drifts is a pattern, as of [filepath.Glob], of the directories of all such checks.
func Drifts(dir string) string { return filepath.Join(Runs(dir), driftStart+"*") }

// trialStart begins the names of the directories that stacks are planned in with another terraform.
const trialStart = ".trial-"

// Trial is where a stack is planned with another terraform.
func Trial(dir, stack string) string {
	return filepath.Join(Runs(dir), trialStart+store.FileName(stack))
}

// Trials is a pattern, as of [filepath.Glob], of the directories of all such trials.
func Trials(dir string) string { return filepath.Join(Runs(dir), trialStart+"*") }

// PlanText is where the text of a run's plan lies if it is too long for the store: while the run is open with the files of the
// plan, which go away when it has ended, and from then on beside them.
func PlanText(dir string, run int) (open, ended string) {
	const file = "plan.txt"
	return filepath.Join(Run(dir, run), "plan", file), filepath.Join(Run(dir, run), file)
}

// States holds the states that the agent keeps, each in a directory of its own.
func States(dir string) string { return filepath.Join(dir, "state") }

// State is where the agent keeps the state of a stack.
func State(dir, stack string) string { return filepath.Join(States(dir), store.FileName(stack)) }

// StatesBefore holds what is noted of states while they are planned, of each stack in a directory of its own.
func StatesBefore(dir string) string { return filepath.Join(dir, "state-before") }

// StateBefore is where it is noted what a stack's state is while it is planned.
func StateBefore(dir, stack string) string {
	return filepath.Join(StatesBefore(dir), store.FileName(stack))
}

// ChangedState is where the state of a stack, by the name of its directory, is moved that a plan had changed, at a time.
func ChangedState(dir, name string, at time.Time) string {
	return filepath.Join(Quarantine(dir), fmt.Sprintf("state-%s-%d", name, at.UnixNano()))
}

// AllStateCopies holds the copies of the states of all stacks, those of each in a directory of its own.
func AllStateCopies(dir string) string { return filepath.Join(dir, "states") }

// StateCopies holds the copies of a stack's state.
func StateCopies(dir, stack string) string {
	return filepath.Join(AllStateCopies(dir), store.FileName(stack))
}

// Snapshots holds the copies of the store that passed the check.
func Snapshots(dir string) string { return filepath.Join(dir, "snapshots") }

// Quarantine holds the stores that were damaged.
func Quarantine(dir string) string { return filepath.Join(dir, "quarantine") }

// Cache holds what terraform init fetched.
func Cache(dir string) string { return filepath.Join(dir, "cache") }

// Terraform holds the versions of terraform that the agent installed, one directory each.
func Terraform(dir string) string { return filepath.Join(dir, "terraform") }

// Home is HOME of git, ssh, terraform, hooks and the backup command where these run as the agent's own user.
func Home(dir string) string { return filepath.Join(dir, "home") }

// Scratch is where repairs and backups work. A start of the agent empties it.
func Scratch(dir string) string { return filepath.Join(dir, "scratch") }

// UserLocks holds the locks of the users that terraform runs as.
func UserLocks(dir string) string { return filepath.Join(dir, "uids") }
