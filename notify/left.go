package notify

import (
	"fmt"
	"strings"

	"sallyport/notify/words"
	"sallyport/store"
)

// Words for what earlier runs left behind and for branches that are not taken: status, the socket, Slack and the reason of a run
// that waits all say them alike.

// PartlyText says that an apply did not end well.
func PartlyText(run int) string { return fmt.Sprintf("the last apply, #%d, did not end well", run) }

// LeftOutText says what an apply of some addresses has left out.
func LeftOutText(t store.Targeted) string {
	did := "applied"
	if t.Status != store.Applied {
		did = "began to apply, and ended " + string(t.Status) + ","
	}
	return fmt.Sprintf("#%d %s only %s of commit %s (--target, %s, %s); the rest of that commit is not applied by it",
		t.Run, did, words.List(t.Targets, 5), words.Short(t.Commit), t.By, t.At.UTC().Format("2006-01-02 15:04 UTC"))
}

// LookText says how a run ended that a person has to look at: "wiki #19 failed halfway".
func LookText(stack string, l *store.Look) string {
	how := "could not be planned"
	switch {
	case l.Status == store.Interrupted:
		how = "was interrupted: nobody saw the end of its apply"
	case l.Status == store.Canceled:
		how = "was canceled halfway"
	case l.Began:
		how = "failed halfway"
	case l.Planned:
		how = "could not be applied"
	}
	return fmt.Sprintf("%s #%d %s", StackName(stack), l.Run, how)
}

// LookSince says what has become since of a run that could not be planned, newest being the stack's newest one; empty if nothing that is
// known. It needs a look all the same: only a person, or a run that ends well, says that it is mended.
func LookSince(st *store.StackState, newest *store.Run) string {
	l := st.Look
	switch {
	case l == nil || newest == nil || l.Planned || l.Began:
		return ""
	case newest.ID > l.Run && newest.Status.Terminal() && newest.Plan != nil && newest.Kind != store.KindPullRequest:
		return fmt.Sprintf("#%d could be planned since (it is %s)", newest.ID, newest.Status)
	case newest.ID == l.Run && newest.Kind == store.KindCommit && st.AppliedCommit != "" && st.Behind == 0:
		return "the branch has what is applied again: no commit that waits changes this stack"
	}
	return ""
}

// NeedLook says of how many stacks that is so, and which: "1 stack needs a look: wiki #19 failed halfway".
func NeedLook(texts []string, most int) string {
	return words.CountOf(len(texts), "stack needs a look", "stacks need a look") + ": " + words.List(texts, most)
}

// HeldText says what a held branch waits for; empty if it is not held.
func HeldText(r *store.RepositoryState) string {
	if r.HeldHead == "" {
		return ""
	}
	held := words.Short(r.HeldHead)
	if r.HeldWhy != "" {
		return fmt.Sprintf("%s is held at %s: %s", r.Branch, held, r.HeldWhy)
	}
	lost := ""
	if n := len(r.HeldLost); n > 0 {
		lost = ", and the branch loses " + strings.Join(r.HeldLost, ", ")
	}
	return fmt.Sprintf("history of %s was rewritten: %s does not descend from %s; `sallyport accept %s %s` takes it%s",
		r.Branch, held, words.Short(r.Head), r.Name, held, lost)
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
