package control

import (
	"fmt"
	"strings"

	"sallyport/notify"
	"sallyport/notify/words"
	"sallyport/store"
)

// Why says what made the last run of a stack, or why there is none.
type Why struct {
	Stack         string   `json:"stack"`
	Run           *Run     `json:"run"`  // the newest run that can apply; null if there was none
	File          string   `json:"file"` // the first file that made it, of a run that a commit made
	Head          string   `json:"head"` // the branch's newest known commit
	AppliedCommit string   `json:"applied_commit"`
	Touched       []string `json:"touched"` // files of the stack that differ between the applied commit and the head
	Unknown       []string `json:"unknown"` // what its files read at the head and cannot be followed, each with what to do
	Because       []string `json:"because"` // all of it in sentences
	// People are what the accounts in all of this are called (slack:U01, cli:jane), where anybody knows.
	People map[string]string `json:"people"`
}

// maxTouched is how many files are named.
const maxTouched = 50

// WhyOf is what the store knows about it. An agent adds what git says, see [Why.Compare].
func WhyOf(tx *store.Tx, stack, repository string) (Why, error) {
	out := Why{Stack: stack, Touched: []string{}, Unknown: []string{}, Because: []string{}, People: map[string]string{}}
	st, err := tx.Stack(stack)
	if err != nil {
		return out, err
	}
	r, err := tx.Repository(repository)
	if err != nil {
		return out, err
	}
	out.Head, out.AppliedCommit = r.Head, st.AppliedCommit
	for _, id := range []int{st.NewestRun, st.LastCommitRun} {
		if id == 0 || out.Run != nil && out.Run.ID == id {
			continue
		}
		run, err := tx.Run(id)
		if err != nil {
			continue // trimmed: nobody remembers any more
		}
		file, _ := strings.CutPrefix(run.Reason, "changed: ")
		if file == run.Reason {
			file = ""
		}
		if out.Run == nil {
			shown := RunOf(run)
			out.Run, out.File = &shown, file
		}
		out.say("%s", madeBy(run, file))
		if run.Kind == store.KindCommit || run.Kind == store.KindDependency {
			break
		}
	}
	if out.Run == nil {
		out.say("stack %s had no run yet", stack)
	}
	switch {
	case r.HeldHead != "":
		out.say("the branch was rewritten, and %s is held: nothing is planned from it (sallyport accept %s %s)", words.Short(r.HeldHead), repository, words.Short(r.HeldHead))
	case r.Error != "":
		out.say("the repository cannot be read, so that newer commits are not known: %s", r.Error)
	case r.Head == "":
		out.say("the repository was not read yet")
	}
	if st.Error != "" {
		out.say("it cannot be planned: %s", st.Error)
	}
	if st.Partly != 0 {
		out.say("%s, so that a commit which takes it back is planned too", notify.PartlyText(st.Partly))
	}
	for _, t := range st.LeftOut {
		out.say("%s: sallyport plan %s", notify.LeftOutText(t), stack)
	}
	if st.Pin != nil {
		out.say("it is pinned at %s by %s, so that commits wait: sallyport resume %s", words.Short(st.Pin.Commit), st.Pin.By, stack)
	}
	if st.Paused != nil {
		out.say("it is paused by %s: sallyport resume %s", st.Paused.By, stack)
	}
	return out, nil
}

func (w *Why) say(format string, args ...any) {
	w.Because = append(w.Because, fmt.Sprintf(format, args...))
}

// madeBy says what made a run.
func madeBy(run *store.Run, file string) string {
	text := fmt.Sprintf("#%d (%s, %s) at %s: ", run.ID, run.Kind, run.Status, words.Short(run.Commit))
	switch {
	case file != "":
		text += file + " changed"
	case run.Kind == store.KindRecovery && run.Reason != "": // whoever asked for the run before it did not ask for this one
		text += run.Reason
	case run.RequestedBy != "":
		text += run.RequestedBy + " asked for it"
		if run.Reason != "" {
			text += ": " + run.Reason
		}
	case run.Reason != "":
		text += run.Reason
	default:
		text += "nothing was noted"
	}
	if run.Held != "" && !run.Status.Terminal() {
		text += "; " + waiting(run.Held)
	}
	return text
}

// waiting is a reason to wait as the second half of a sentence: many of them say themselves that they are one.
func waiting(held string) string {
	if strings.HasPrefix(held, "waits ") {
		return "it " + held
	}
	return "it waits: " + held
}

// maxUnknown is how many things that cannot be followed are told.
const maxUnknown = 20

// Reads adds what the stack's files read and cannot be followed.
func (w *Why) Reads(unknown []string) {
	w.Unknown = append(w.Unknown, unknown...)
	for _, u := range unknown[:min(len(unknown), maxUnknown)] {
		w.say("%s", u)
	}
	if more := len(unknown) - maxUnknown; more > 0 {
		w.say("and %s more that cannot be followed", words.Count(more, "place"))
	}
}

// Compare adds what git says about the head: the files that differ since the applied commit, all and those of the stack.
func (w *Why) Compare(changed, touched []string) {
	w.Touched = touched[:min(len(touched), maxTouched)]
	if w.Touched == nil {
		w.Touched = []string{}
	}
	switch {
	case w.AppliedCommit == w.Head:
		w.say("the newest commit is applied: %s", words.Short(w.Head))
	case len(touched) == 0:
		w.say("no run is needed for %s: %s changed since %s, which is applied, and none belongs to the stack", words.Short(w.Head), words.Count(len(changed), "file"), words.Short(w.AppliedCommit))
	case w.Run != nil && w.Run.Status.Terminal():
		w.say("%s between the applied commit %s and the newest, %s; that was asked about, and is asked again when a commit touches the stack, or by: sallyport plan %s",
			words.CountOf(len(touched), "of its files differs", "of its files differ"), words.Short(w.AppliedCommit), words.Short(w.Head), w.Stack)
	}
}
