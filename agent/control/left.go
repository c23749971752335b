package control

import (
	"fmt"
	"time"

	"sallyport/store"
)

// LeftLock is a state lock that holds up a stack: a terraform that did not end as it should may have left it behind.
type LeftLock struct {
	ID        string       `json:"id"` // empty: the backend does not say
	Holder    store.Holder `json:"holder"`
	Who       string       `json:"who"`
	Operation string       `json:"operation"`
	CreatedAt *time.Time   `json:"created_at"`
	Run       int          `json:"run"`  // that left it or, if it is not ours, after which it was found
	Dead      bool         `json:"dead"` // nothing of that run lives any more: proven
	FoundAt   *time.Time   `json:"found_at"`
	GoneAt    *time.Time   `json:"gone_at"` // null: as far as is known it is still there
	GoneBy    string       `json:"gone_by"` // who unlocked it; empty: it went by itself
	Text      string       `json:"text"`
	Hint      string       `json:"hint"`
}

// Partly is an apply that did not end well: what it had begun may be half-made, whatever the branch says.
type Partly struct {
	Run  int    `json:"run"`
	Text string `json:"text"`
	Hint string `json:"hint"`
}

// PartlyText says that an apply did not end well.
func PartlyText(run int) string { return fmt.Sprintf("the last apply, #%d, did not end well", run) }

// partlyOf is what is shown of a stack's last apply; nil if that ended well. newest is the stack's newest run.
func partlyOf(s *store.StackState, newest *store.Run) *Partly {
	if s.Partly == 0 {
		return nil
	}
	out := &Partly{Run: s.Partly, Text: PartlyText(s.Partly) + ": what it had begun may be half-made", Hint: "sallyport plan " + s.Name}
	if newest != nil && newest.ID > s.Partly && !newest.Status.Terminal() {
		out.Hint = fmt.Sprintf("#%d shows what is left to do", newest.ID)
	}
	return out
}

// LeftLockOf is what is shown of a lock; nil for nil.
func LeftLockOf(l *store.LeftLock, stack string) *LeftLock {
	if l == nil {
		return nil
	}
	out := &LeftLock{
		ID: l.ID, Holder: l.Holder, Who: l.Who, Operation: l.Operation, CreatedAt: instant(l.Created), Run: l.Run, Dead: l.Dead,
		FoundAt: instant(l.FoundAt), GoneAt: instant(l.GoneAt), GoneBy: accountOf(l.GoneBy),
	}
	out.Text, out.Hint = LockText(l), LockHint(l, stack)
	switch {
	case l.GoneBy != "":
		out.Text, out.Hint = out.Text+"; unlocked by "+l.GoneBy, ""
	case out.GoneAt != nil:
		out.Text, out.Hint = out.Text+"; it is gone", ""
	}
	return out
}

// LockText says whose a lock is, as far as that is known.
func LockText(l *store.LeftLock) string {
	lock := "the state lock " + l.ID
	if l.ID == "" {
		lock = "a state lock without an id that terraform tells"
	}
	doing := "a plan"
	if l.Apply {
		doing = "the apply"
	}
	since := ""
	if !l.Created.IsZero() {
		since = " since " + l.Created.UTC().Format("2006-01-02 15:04:05 MST")
	}
	switch l.Holder {
	case store.HolderOurs:
		return fmt.Sprintf("%s was left behind by %s of #%d (%s%s); %s", lock, doing, l.Run, l.Who, since, alive(l))
	case store.HolderOther:
		return fmt.Sprintf("%s is not of this agent: %s holds it%s (%s)", lock, l.Who, since, l.Operation)
	}
	return fmt.Sprintf("%s is held, and its backend does not say by whom; %s of #%d did not end as it should and %s", lock, doing, l.Run, alive(l))
}

// alive says whether the process that may hold the lock can still be at work.
func alive(l *store.LeftLock) string {
	switch {
	case l.Dead:
		return "nothing of it runs any more"
	case l.Foreign != "":
		return "it ran on " + l.Foreign + ", of which nothing is known here"
	}
	return "something that it started may still run"
}

// LockHint is what to do about a lock, with the very line to type.
func LockHint(l *store.LeftLock, stack string) string {
	if l.ID == "" {
		return "release it with the backend's own tools once nobody works on this state; it is looked at again by itself"
	}
	line := fmt.Sprintf("sallyport unlock %s %s", stack, l.ID)
	switch {
	case l.Holder == store.HolderOther:
		return fmt.Sprintf("ask %s first; it is looked at again by itself. Only if nothing of theirs runs any more: %s", l.Who, line)
	case l.Foreign != "":
		return fmt.Sprintf("make sure that nothing runs on %s any more, then: %s", l.Foreign, line)
	case l.Holder == store.HolderUnknown:
		return "make sure that nobody else works on this state, then: " + line
	case !l.Dead:
		return "wait for what it started, or end it, then: " + line
	}
	return line
}

// LeftStateText says that a state waits to be pushed, and what to type.
func LeftStateText(path string, run int) (why, hint string) {
	return "an apply could not save its state, which lies in " + path, fmt.Sprintf("when the backend is back: sallyport state push %d", run)
}
