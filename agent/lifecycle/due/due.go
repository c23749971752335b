// Package due says when a stack is due for a run, because of a commit, of what it depends on, or of what a drift check found, and what
// becomes of the run that is open then. Pure: package triggers gathers what is asked here, and does what is answered.
package due

import (
	"slices"
	"time"

	"sallyport/agent/config"
	"sallyport/store"
)

// Act is what becomes of a stack that may be due for a run.
type Act string

// What can become of it.
const (
	Nothing   Act = "nothing"   // all is well as it is
	Wait      Act = "wait"      // another run has to end first, or be compared first; it is asked again then
	Create    Act = "create"    // a run is made
	Serve     Act = "serve"     // the open run has not begun: its plan will see what changed
	Restart   Act = "restart"   // the plan of the open run began before the change: it begins again
	Supersede Act = "supersede" // the open run asks about what is not so any more: another one takes its place
	Renew     Act = "renew"     // so it does, and people are asked anew in the same message
	End       Act = "end"       // what the open run asks about went away by itself
)

// ForDependency is what becomes of a stack because something that it uses changed, with the run that is open; nil if none is. A
// person's run, and one that brings something back, is theirs to answer first.
func ForDependency(open *store.Run) Act {
	switch {
	case open == nil:
		return Create
	case open.Options.Targeted():
		return Wait // whatever changed, its plan may leave it out
	case open.Status == store.Pending:
		return Serve
	case open.Status == store.Planning:
		return Restart
	case open.Status == store.Applying, !OwnPlan(open.Kind):
		return Wait
	}
	return Supersede
}

// OwnPlan reports whether the agent asks by itself with a plan of this kind, so that it may take it back for a newer one.
func OwnPlan(k store.Kind) bool {
	return k == store.KindCommit || k == store.KindDependency || k == store.KindDrift
}

// Comparison is what a stack's files at the branch's newest commit are beside those of earlier ones.
type Comparison struct {
	Head  string
	Open  int    // the open run that was compared; 0: there was none
	Asked string // the commit that the stack was last asked about, as compared; empty if there was none
	Bad   bool   // the stack cannot be planned at this commit

	// Its files differ from those of the applied commit, of the one that was asked about last, and of the branch's newest when
	// the open run was made.
	SinceApplied, SinceAsked, SinceOpen bool

	Again bool // they are as when it was asked about last, and were others in between
}

// ForOpen is what becomes of the open run of a stack, nil if there is none: it is superseded, or stays (nothing). Wait: somebody made
// another run since the files were compared, and that one has to be compared first.
func (c Comparison) ForOpen(open *store.Run) Act {
	switch {
	case open == nil:
		return Nothing
	case open.ID != c.Open && open.Head != c.Head:
		return Wait
	case open.ID == c.Open && c.SinceOpen && MayBeSuperseded(open):
		return Supersede
	}
	return Nothing
}

// MayBeSuperseded reports whether another run may take the place of one: a newer commit's, or one that a person asks for. What is
// applying goes on to its end, and what has ended stays as it is.
func MayBeSuperseded(run *store.Run) bool { return store.Allowed(run.Status, store.Superseded) }

// ForCommit reports whether the commit asks for a run of its own, with the run that is open after [Comparison.ForOpen].
func (c Comparison) ForCommit(st *store.StackState, open *store.Run) bool {
	return open == nil && !c.Bad && c.SinceAsked && (c.SinceApplied || st.Partly != 0)
}

// Answers reports whether a commit that makes no run takes the place of the one that the stack was last asked about: either its files
// were the same all along, so that what people said of them stands; or they are again as they were before, so that what was asked in
// between is forgotten; or the open run, whose files they are, asks about it too.
func (c Comparison) Answers(st *store.StackState, open *store.Run) bool {
	if st.LastCommitCommit == "" || st.LastCommitCommit != c.Asked {
		return false
	}
	return !c.SinceAsked || open == nil || c.Again && asksAboutHead(open)
}

// asksAboutHead reports whether a run asks people about the branch's newest commit, and they can still say no.
func asksAboutHead(run *store.Run) bool {
	return run.Status != store.Applying && run.Kind != store.KindDrift && !run.AtApplied && !run.Options.Commit
}

// Scheduled is how long it takes until an image is due for a build because its schedule has come up, and whether it can be at all:
// something was built, and nothing else of it is open. A build of whatever kind is as fresh as a scheduled one. until says how long it
// takes from a last time on; what came up while nobody looked counts once.
func Scheduled(st *store.StackState, until func(last time.Time) time.Duration) (time.Duration, bool) {
	if st.AppliedCommit == "" || st.OpenRun != 0 {
		return 0, false
	}
	last := st.ScheduledAt
	if settled := st.SettledAt(); settled.After(last) {
		last = settled
	}
	return max(until(last), 0), true
}

// Unanswered reports whether a commit waits for an answer behind a run that a person's takes the place of: the run asks about one
// itself, or stands in the place of one that does and was superseded (by a person's plan) or could not be applied as it was (a
// recovery). A run that people answered ends the search: what they decided about a commit before it stays decided. before gives a stack's
// run before another; nil if there is none, or it is no longer kept.
func Unanswered(run *store.Run, before func(*store.Run) (*store.Run, error)) (bool, error) {
	// When a run at the applied commit was asked for, the commit was seen to already.
	return standsFor(run, store.KindCommit, func(r *store.Run) bool { return r.AtApplied }, before)
}

// Unserved is [Unanswered] of what changed upstream: whether a run because of that is the one that a person's takes the place of, or gave
// way to it.
func Unserved(run *store.Run, before func(*store.Run) (*store.Run, error)) (bool, error) {
	return standsFor(run, store.KindDependency, func(*store.Run) bool { return false }, before)
}

func standsFor(run *store.Run, kind store.Kind, over func(*store.Run) bool, before func(*store.Run) (*store.Run, error)) (bool, error) {
	for run.Kind != kind {
		if over(run) {
			return false, nil
		}
		last, err := before(run)
		if err != nil || last == nil {
			return false, err
		}
		if last.Status != store.Superseded && last.ID != run.After {
			return false, nil
		}
		run = last
	}
	return true, nil
}

// Check is what a drift check would be of.
type Check struct {
	Stack  *store.StackState
	Open   *store.Run // the open run; nil if there is none
	Partly *store.Run // the apply that ended badly, if none has ended well since; nil if there is none, or if it was forgotten
}

// Checkable: something is applied, and nothing else of the stack is going on or was left behind. After an apply of another commit that
// ended half-way what is applied is no measure: a check would ask people to undo what that apply has begun.
func (c Check) Checkable(s *config.Stack) bool {
	st, open := c.Stack, c.Open
	if st.Pin != nil {
		return false // what is there is not what git says, and somebody wants it so
	}
	if st.Partly != 0 && (c.Partly == nil || c.Partly.Commit != st.AppliedCommit || len(c.Partly.Options.Vars) > 0) {
		return false
	}
	if _, found := st.LeftOutOf(st.AppliedCommit); found {
		return false // likewise: of the commit that is applied, a check would find what was applied of another one
	}
	quiet := open == nil || open.Kind == store.KindDrift && open.Status == store.Planned
	return quiet && st.AppliedCommit != "" && st.Repository == s.Repository && st.Error == "" && st.LeftLock == nil && st.LeftState == "" && len(st.Unseen) == 0
}

// TakenDown reports whether somebody had the whole stack destroyed: that nothing is there is no drift then. last is the run of the
// stack's last apply; nil if it was forgotten.
func TakenDown(st *store.StackState, last *store.Run) bool {
	return st.LastApply > st.AppliedRun && last != nil && last.Options.Destroy
}

// AfterDrift is what becomes of a stack after a check: its drift is what that found. open is the drift run that asks people; nil if none
// does. asked are the runs that [Asked] names.
func AfterDrift(st *store.StackState, open *store.Run, plan *store.Plan, asked []*store.Run) Act {
	switch {
	case !st.Drift.Found() && open == nil:
		return Nothing
	case !st.Drift.Found():
		return End
	case open != nil && open.Plan != nil && open.Plan.Fingerprint == plan.Fingerprint:
		return Nothing // people are being asked about just this
	case open != nil:
		return Renew
	case slices.ContainsFunc(asked, func(run *store.Run) bool { return saidNo(st, run, plan) }):
		return Nothing
	}
	return Create
}

// Asked are the runs in which people may have been asked about a drift already, since the last apply.
func Asked(st *store.StackState) []int {
	return slices.DeleteFunc([]int{st.Drift.Run, st.NewestRun}, func(id int) bool { return id == 0 || id < st.AppliedRun })
}

// saidNo reports whether people were asked about just these changes and said no, or it failed: what was denied or failed waits for a
// person or for other changes, and nobody is asked every hour.
func saidNo(st *store.StackState, run *store.Run, plan *store.Plan) bool {
	said := run.Status == store.Discarded || run.Status == store.Canceled || run.Status == store.Errored
	same := run.ID == st.Drift.Run && st.Drift.Fingerprint == plan.Fingerprint || run.Plan != nil && run.Plan.Fingerprint == plan.Fingerprint
	return said && same
}
