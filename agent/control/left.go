package control

import (
	"fmt"
	"time"

	"sallyport/notify"
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

// ApplyProcess is how the processes of an apply stand that no agent follows.
type ApplyProcess string

// How they may stand.
const (
	ProcessLives ApplyProcess = "lives" // it goes on by itself
	ProcessEnded ApplyProcess = "ended" // and has left how: the next agent tells it
	ProcessGone  ApplyProcess = "gone"  // nobody saw the end
)

// Targeted is an apply of some addresses only: the rest of its commit is not applied by it.
type Targeted struct {
	Run     int          `json:"run"`
	Commit  string       `json:"commit"`
	Targets []string     `json:"targets"`
	By      string       `json:"by"`
	At      *time.Time   `json:"at"`
	Status  store.Status `json:"status"` // how it ended
	Text    string       `json:"text"`
	Hint    string       `json:"hint"`
}

func leftOutOf(s *store.StackState) []Targeted {
	out := make([]Targeted, 0, len(s.LeftOut))
	for _, t := range s.LeftOut {
		out = append(out, Targeted{
			Run: t.Run, Commit: t.Commit, Targets: list(t.Targets), By: accountOf(t.By), At: instant(t.At), Status: t.Status,
			Text: notify.LeftOutText(t), Hint: "sallyport plan " + s.Name,
		})
	}
	return out
}

// Partly is an apply that did not end well: what it had begun may be half-made, whatever the branch says.
type Partly struct {
	Run  int    `json:"run"`
	Text string `json:"text"`
	Hint string `json:"hint"`
}

// partlyOf is what is shown of a stack's last apply; nil if that ended well. newest is the stack's newest run.
func partlyOf(s *store.StackState, newest *store.Run) *Partly {
	if s.Partly == 0 {
		return nil
	}
	out := &Partly{Run: s.Partly, Text: notify.PartlyText(s.Partly) + ": what it had begun may be half-made", Hint: "sallyport plan " + s.Name}
	if newest != nil && newest.ID > s.Partly && !newest.Status.Terminal() {
		out.Hint = fmt.Sprintf("#%d shows what is left to do", newest.ID)
	}
	return out
}

// lookOf is what is shown of what needs a look; nil if nothing does. newest is the stack's newest run.
func lookOf(s *store.StackState, newest *store.Run) *Look {
	l := s.Look
	if l == nil {
		return nil
	}
	out := &Look{Run: l.Run, Status: l.Status, At: instant(l.At), Text: notify.LookText(s.Name, l), Cause: l.Cause, Hint: l.Hint}
	switch {
	case out.Hint != "":
	case !l.Planned && !l.Began:
		out.Hint = "mend it with a commit, which is planned by itself; or try again: sallyport plan " + s.Name
	default:
		out.Hint = "sallyport plan " + s.Name
	}
	if newest != nil && newest.ID > l.Run && !newest.Status.Terminal() {
		out.Hint = fmt.Sprintf("sallyport show %d, which shows what is left to do", newest.ID)
		if !l.Began {
			out.Hint = fmt.Sprintf("sallyport show %d, which is planned anew", newest.ID)
		}
	}
	if since := notify.LookSince(s, newest); since != "" {
		out.Hint = fmt.Sprintf("%s; to make sure that it is mended: sallyport plan %s", since, s.Name)
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
	out.Text, out.Hint = notify.LockText(l), notify.LockHint(l, stack)
	switch {
	case l.GoneBy != "":
		out.Text, out.Hint = out.Text+"; unlocked by "+l.GoneBy, ""
	case out.GoneAt != nil:
		out.Text, out.Hint = out.Text+"; it is gone", ""
	}
	return out
}
