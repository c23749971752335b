package lifecycle

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"sallyport/agent/config"
	"sallyport/agent/hint"
	"sallyport/notify"
	"sallyport/notify/words"
	"sallyport/store"
)

// What a run waits for that nobody decides: others at work, what earlier runs left behind, what its stack depends on.

// LongestLook is the longest that a lock which was left is not looked at again.
const LongestLook = 10 * time.Minute

// atWork: something is being done for the run, and its end wakes the loop.
func atWork(recheck time.Duration) func(*look) (Step, bool) {
	return func(l *look) (Step, bool) {
		return Step{Do: Wait, Reason: Reason{Recheck: recheck}}, l.Process.Busy
	}
}

// checkEnds: a drift check of the stack makes way, and its end wakes the loop.
func checkEnds(l *look) (Step, bool) {
	return Step{Do: Wait, Checks: OwnCheck}, l.Process.Checking
}

// resting: its work failed in a way that could not be recorded. To try it at once would count as an attempt.
func resting(l *look) (Step, bool) {
	return Step{Do: Wait, Reason: Reason{Recheck: soon}}, l.Process.Resting
}

// laterBy waits for a time that was stored with the reason why something is tried again; that reason stands. A wait that is
// longer than any that is stored is of before the clock was put back, and over.
func laterBy(most time.Duration) func(*look) (Step, bool) {
	return func(l *look) (Step, bool) {
		wait := l.Now.Left(l.Run.NotBefore, most)
		return Step{Do: Wait, Reason: Reason{Recheck: wait}}, wait > 0
	}
}

// room holds what would fill the disk further: what goes on must be able to write down its end.
func room(l *look) (Step, bool) {
	if l.Process.Full == "" {
		return Step{}, false
	}
	why := Reason{Why: l.Process.Full, Hint: RoomAdvice, Recheck: soon}
	if l.Run.Status == store.Approved {
		why.Why = "approved; waits for room on the disk: " + why.Why
	}
	return held(why)
}

// RoomAdvice is what a person does about a disk that is nearly full.
const RoomAdvice = "make room, or give the agent a larger disk; nothing has to be restarted"

// Full reports whether as much is at work as may be. Builds have a limit of their own: one that takes an hour must not keep a
// node from being brought back.
func (s Slots) Full(engine string) bool {
	if engine == config.EnginePacker {
		return s.Builds >= s.BuildLimit || !s.UserFree
	}
	return s.Terraform >= s.TerraformLimit || !s.UserFree
}

// SlotWords are in every hold that ends as soon as others have ended.
const SlotWords = "waits for one of "

// Wait says what a run waits for when as much is at work as may be.
func (s Slots) Wait(engine string) Reason {
	const byItself = "it goes on by itself"
	switch {
	case s.UsersStuck != "":
		return Reason{Why: s.UsersStuck, Hint: "sallyport doctor tells what to do"}
	case !s.UserFree:
		return Reason{Why: SlotWords + words.Count(max(1, s.Users), "user") + " to end its work (terraform.user)", Hint: byItself}
	case engine == config.EnginePacker:
		return Reason{Why: SlotWords + words.Count(s.BuildLimit, "build") + " to end (packer.parallel)", Hint: byItself}
	}
	return Reason{Why: SlotWords + words.CountOf(s.TerraformLimit, "terraform process", "terraform processes") + " to end (terraform.parallel)", Hint: byItself}
}

// ReadyToGo reports whether an open run that can be applied could be planned or applied now, or could if others ended.
func ReadyToGo(run *store.Run) bool {
	ready := run.Status == store.Pending || run.Status == store.Planning || run.Status == store.Approved
	return run.Kind != store.KindPullRequest && ready && (run.Held == "" || strings.Contains(run.Held, SlotWords))
}

func slot(l *look) (Step, bool) {
	if !l.Process.Slots.Full(l.Config.Stack.Engine) {
		return Step{}, false
	}
	return waitForSlot(l), true
}

// waitForSlot holds a run that could go on if others ended, once that takes long enough for somebody to wonder. Drift checks
// make way.
func waitForSlot(l *look) Step {
	step := Step{Do: Hold, Reason: l.Process.Slots.Wait(l.Config.Stack.Engine)}
	if l.Config.Stack.Engine != config.EnginePacker && l.Process.Slots.Full(l.Config.Stack.Engine) {
		step.Checks = AllChecks
	}
	if l.Run.Status == store.Approved {
		step.Reason = step.Reason.approved()
		return step
	}
	step.Everyday = true
	if waited := l.Now.Wall.Sub(l.Run.UpdatedAt).Abs(); l.Run.Held != step.Reason.Why && waited < SlotPatience {
		step.Do, step.Everyday, step.Reason = Wait, false, Reason{Recheck: SlotPatience - waited}
	}
	return step
}

// previewSlot leaves one terraform process to what can be applied or, where there is only one at a time, lets that go first.
func previewSlot(l *look) (Step, bool) {
	s := l.Process.Slots
	parallel := s.TerraformLimit
	if s.Users > 0 {
		parallel = min(parallel, s.Users)
	}
	if s.UsersShared {
		parallel = 1 // it could change what the others are at work on, and waits until there is none
	}
	free := !s.Full(l.Config.Stack.Engine) && s.Previews < max(1, parallel-1)
	if s.UsersShared {
		free = free && s.Terraform+s.Builds == 0 && s.AloneFree
	}
	if free && (parallel > 1 || !l.Store.Ready) {
		return Step{}, false
	}
	return waitForSlot(l), true
}

// slackRead: until Slack was looked at since the start nobody knows whether this data directory is an old copy.
func slackRead(l *look) (Step, bool) {
	if !l.Process.Deaf {
		return Step{}, false
	}
	return held(Reason{
		Why:  "approved; waits until Slack was looked at since the start: it may show that this data directory is an old copy",
		Hint: "it goes on by itself, within a minute or so",
	})
}

// pinned holds what follows the branch: the next commit would undo what a person had applied unseen. The channel is told once for
// each run, since a run that waits has no message yet and a commit that seems to be lost is looked for at length.
func pinned(l *look) (Step, bool) {
	run := l.Run
	st, _ := l.Store.stack(run.Stack)
	if st.Pin == nil || run.Kind != store.KindCommit && run.Kind != store.KindDependency {
		return Step{}, false
	}
	why := Reason{Why: "the stack is pinned " + PinnedAt(st.Pin), Hint: "sallyport resume " + run.Stack}
	l.also.Note = fmt.Sprintf("%s #%d waits: %s. To let it be planned: resume %s", run.Stack, run.ID, why.Why, run.Stack)
	if run.Subject != "" {
		l.also.Note = fmt.Sprintf("%s (%s %q)", l.also.Note, words.Short(run.Commit), run.Subject)
	}
	return held(why)
}

// stillAlive: something that the stack's last apply started lives on after its end, a command of a provisioner most often. It
// may still be changing what the next plan would look at.
func stillAlive(l *look) (Step, bool) {
	if l.Left.Alive && l.Left.Ending {
		return Step{Do: Wait, Reason: Reason{Recheck: exitLook}}, true // it is about to go away
	}
	st, _ := l.Store.stack(l.Run.Stack)
	return held(Alive(st, l.Left))
}

// exitLook is how soon a runner is looked at again that has written its result.
const exitLook = 50 * time.Millisecond

// Alive says what of a stack's last apply still runs, or that nobody can tell.
func Alive(st *store.StackState, left Left) Reason {
	switch {
	case left.Unread != "":
		return Reason{
			Why:  fmt.Sprintf("nobody knows whether something that the apply of #%d started still runs: %s", st.LastApply, left.Unread),
			Hint: "see the modes of its directory among the runs", Recheck: soon,
		}
	case !left.Alive:
		return Reason{}
	}
	why := fmt.Sprintf("something that the apply of #%d started still runs", st.LastApply)
	if len(left.Processes) > 0 {
		why += ": process " + words.List(left.Processes, 5)
	}
	return Reason{Why: why, Hint: "it goes on by itself when that has ended; end it only if you know what it does", Recheck: soon}
}

// stateLeft: whoever plans over a state that was not saved makes everything a second time.
func stateLeft(l *look) (Step, bool) {
	st, _ := l.Store.stack(l.Run.Stack)
	if st.LeftState == "" {
		return Step{}, false
	}
	if l.Left.StateGone {
		l.also.StateGone = true
		return Step{}, false
	}
	why, next := notify.LeftStateText(st.LeftState, st.LastApply)
	return held(Reason{Why: why, Hint: next, Recheck: soon})
}

// lockLeft waits for the next look at a lock that was left behind. Whether it is gone only terraform can say.
func lockLeft(l *look) (Step, bool) {
	st, _ := l.Store.stack(l.Run.Stack)
	if st.LeftLock == nil {
		return Step{}, false
	}
	wait := l.Now.Left(st.LeftLock.NotBefore, LongestLook)
	if wait <= 0 {
		return Step{}, false
	}
	return held(Reason{Why: notify.LockText(st.LeftLock), Hint: notify.LockHint(st.LeftLock, st.Name), Recheck: wait})
}

// upstream holds a run until what its stack depends on has ended well and nothing further up will change that. A person's goes
// ahead and says so on its card.
func upstream(l *look) (Step, bool) {
	run, s := l.Run, l.Config.Stack
	if len(s.DependsOn) == 0 || run.Kind == store.KindRecovery || run.Kind == store.KindDrift {
		return Step{}, false
	}
	var waits []string
	for _, name := range s.DependsOn {
		if text := upstreamOf(&l.Facts, name); text != "" {
			waits = append(waits, text)
		}
	}
	if len(waits) == 0 {
		if text := busyUpstream(&l.Facts); text != "" {
			waits = append(waits, text)
		}
	}
	switch {
	case len(waits) == 0:
		return Step{}, false
	case run.RequestedBy != "":
		for i, text := range waits {
			if strings.HasPrefix(text, "waits ") { // what is asked for does not
				waits[i] = notify.GoesAhead + "a commit's run " + text
			}
		}
		l.also.Warnings = waits
		return Step{}, false
	}
	next := "it goes on by itself when that has ended well; to go ahead without: sallyport plan " + run.Stack
	if over := overUpstream(&l.Facts); over != "" {
		next = "sallyport plan " + over + ", and once that has ended well this goes on by itself; to go ahead without: sallyport plan " + run.Stack
	}
	return held(Reason{Why: waits[0], Hint: next})
}

// upstreamOf says what is not well with a stack that the run's depends on; empty if it has ended well and is up to date.
func upstreamOf(f *Facts, name string) string {
	up := f.Config.Upstream[name]
	if up == nil {
		return fmt.Sprintf("depends on stack %s, which is not on the branch", name)
	}
	if up.Mode == config.ModeObserve {
		return ""
	}
	st, read := f.Store.stack(name)
	if !read {
		return fmt.Sprintf("waits for %s, of which nothing could be read", name)
	}
	if st.NewestRun == 0 {
		if st.Error != "" {
			return fmt.Sprintf("waits for %s, which cannot be planned: %s", name, st.Error)
		}
		return fmt.Sprintf("waits for %s, which was not planned yet", name)
	}
	newest, read := f.Store.run(st.NewestRun)
	switch {
	case !read:
		return fmt.Sprintf("waits for %s, whose run #%d could not be read", name, st.NewestRun)
	case newest == nil:
		return "" // forgotten: it ended long ago
	case !newest.Status.Terminal():
		return fmt.Sprintf("waits for %s #%d, which is %s", name, newest.ID, newest.Status)
	}
	well := newest.Status == store.Applied || newest.Status == store.NoChanges
	switch {
	case well && st.Behind != 0:
		return fmt.Sprintf("waits for %s, of which newer commits are not applied yet", name)
	case st.Partly != 0 && newest.ID != st.Partly && (!well || newest.Options.Partial()): // what ended well since was not of all of it
		return fmt.Sprintf("waits for %s, of which %s", name, notify.PartlyText(st.Partly))
	case well && st.AppliedCommit == "" && newest.Options.Targeted():
		return onlySome(name, newest.ID)
	case well && st.AppliedCommit == "" && len(st.LeftOut) > 0: // what ended well since was not of all of it either
		return onlySome(name, st.LeftOut[0].Run)
	case well:
		return ""
	case TakenBack(st, newest):
		return ""
	}
	return fmt.Sprintf("waits for %s, whose run #%d ended %s", name, newest.ID, newest.Status)
}

func onlySome(stack string, run int) string {
	return fmt.Sprintf("waits for %s, of which #%d was a plan of some addresses only, and nothing else is applied", stack, run)
}

// overUpstream is the first stack which the run waits for, if that has ended and nothing brings it on but a person.
func overUpstream(f *Facts) string {
	for _, name := range f.Config.Stack.DependsOn {
		if upstreamOf(f, name) == "" {
			continue
		}
		st, read := f.Store.stack(name)
		if !read || st.OpenRun != 0 {
			return ""
		}
		if newest, _ := f.Store.run(st.NewestRun); newest == nil || !newest.Options.Partial() && (newest.Status == store.Applied || newest.Status == store.NoChanges) {
			return ""
		}
		return name
	}
	return ""
}

// busyUpstream says which stack further up may still change what the run's depends on: one that is at work, or is due for a run.
// Those that it depends on itself are looked at too; how they ended is upstreamOf's.
func busyUpstream(f *Facts) string {
	s := f.Config.Stack
	visited := map[string]bool{s.Name: true}
	for next := slices.Clone(s.DependsOn); len(next) > 0; next = next[1:] {
		up := f.Config.Upstream[next[0]]
		if up == nil || visited[up.Name] || up.Mode == config.ModeObserve {
			continue
		}
		visited[up.Name] = true
		next = append(next, up.DependsOn...)
		changed, known := DueChanges(up, f.Store)
		st, read := f.Store.stack(up.Name)
		if !known || !read {
			return fmt.Sprintf("waits for %s, of which nothing could be read", up.Name)
		}
		if len(changed) > 0 {
			return fmt.Sprintf("waits for %s, which is planned again since %s", up.Name, ChangedBy(changed, f.Store))
		}
		if st.OpenRun == 0 || slices.Contains(s.DependsOn, up.Name) {
			continue
		}
		open, _ := f.Store.run(st.OpenRun)
		if open == nil {
			return fmt.Sprintf("waits for %s, whose run #%d could not be read", up.Name, st.OpenRun)
		}
		return fmt.Sprintf("waits for %s #%d, which is %s: what it depends on may be planned again after that", up.Name, open.ID, open.Status)
	}
	return ""
}

// imagesMissing says which image a run has to wait for.
func imagesMissing(f *Facts) Reason {
	for _, v := range f.Config.Stack.Images {
		if _, given := f.Run.Options.Images[v.Image]; given {
			continue // a person named it
		}
		st, read := f.Store.stack(v.Image)
		if !read {
			return Reason{Why: "waits for image " + v.Image + ", of which nothing could be read", Hint: "see sallyport status", Recheck: soon}
		}
		var refusal *hint.Refusal
		if _, err := NewestBuild(v, f.Run.Stack, st); errors.As(err, &refusal) {
			return Reason{Why: refusal.Why, Hint: refusal.Hint}
		}
	}
	return Reason{}
}

// followed: an apply is followed to its end whatever happens, whoever started it.
func followed(l *look) (Step, bool) {
	step := Step{Do: Follow, Interrupt: l.Run.CancelBy != "", Start: !l.Process.Busy}
	if step.Start && l.Process.Resting {
		step.Start, step.Reason.Recheck = false, soon
		return step, true
	}
	if l.Run.Apply != nil && (l.Run.Held == "" || strings.HasPrefix(l.Run.Held, FollowFails)) {
		step.Reason.Recheck, step.Long = longApply(&l.Facts)
		step.Usual = l.Process.Usual
	}
	return step, true
}

// FollowFails begins a hold of an apply that goes on by itself while the agent does not get at it.
const FollowFails = "the apply goes on; "
