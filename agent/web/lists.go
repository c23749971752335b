package web

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"sallyport/agent/control"
	"sallyport/agent/page"
	"sallyport/notify/redact"
	"sallyport/notify/words"
	"sallyport/store"
)

// What a page lists at most, so that one of ten thousand runs, or of two thousand stacks, is a page.
const (
	maxWaiting = 100
	maxStacks  = 200
	maxRuns    = 50
	maxDrawn   = 300 // stacks in the graph
	maxDangers = 10  // addresses of a run that waits; its page has all
	maxNote    = 200 // characters
)

// row is a line of a list, most of it optional.
type row struct{ URL, Text, Cause, Hint string }

// waiting is a run that waits for people.
type waiting struct {
	URL, Stack, Counts, About, Permalink, Decisive string
	ID                                             int
	Kinds, Dangers, Notes                          []string
}

// stackRow is a line in the table of stacks.
type stackRow struct {
	Name, URL, RunURL, Applied, Behind, Drift, Note string
	State                                           page.State
}

// stacksPage is a part of the table of stacks.
type stacksPage struct {
	Rows []stackRow
	More *row
}

// homePage is what the first page shows.
type homePage struct {
	Notice, Nothing, MoreWaiting string
	Waiting                      []waiting
	Looks, Problems, Moving      []row
	Stacks                       stacksPage
}

// home shows what waits for people, what they have to see to, what is at work, and the stacks.
func (s *Server) home(w http.ResponseWriter, r *http.Request) {
	st, err := s.status(r.Context())
	if err != nil {
		s.fail(w, err)
		return
	}
	p := homePage{Nothing: "Nothing waits for a person.", Stacks: s.stacksFrom(st, "")}
	if pause := st.Agent.Pause; pause != nil {
		p.Notice = "Everything is paused by " + store.By(pause.By, pause.Login) + " " + s.ago(&pause.At) + reason(pause.Reason) + "."
	}
	for _, problem := range st.Problems {
		p.Problems = append(p.Problems, row{Text: problem.Source, Cause: problem.Error, Hint: problem.Hint})
	}
	for _, repo := range st.Repositories {
		if repo.Error != "" {
			p.Problems = append(p.Problems, row{Text: "repository " + repo.Name, Cause: repo.Error, Hint: repo.Hint})
		}
	}
	for _, stack := range st.Stacks {
		s.addStack(&p, stack)
	}
	for _, run := range st.PullRequests {
		if !run.Status.Terminal() {
			p.Moving = append(p.Moving, s.moving(run))
		}
	}
	for _, run := range st.Unreviewed {
		p.Looks = append(p.Looks, row{URL: runURL(run.ID), Text: fmt.Sprintf("#%d %s was approved by one person alone", run.ID, run.Stack), Hint: "look at it, then: sallyport review " + strconv.Itoa(run.ID)})
	}
	if more := len(p.Waiting) - maxWaiting; more > 0 {
		p.Waiting, p.MoreWaiting = p.Waiting[:maxWaiting], "And "+words.CountOf(more, "more waits.", "more wait.")
	}
	s.show(w, http.StatusOK, document{name: "home", title: homeTitle(p), here: "/", data: p})
}

// homeTitle is seen in a tab that is not open.
func homeTitle(p homePage) string {
	if n := len(p.Waiting); n > 0 {
		return "(" + strconv.Itoa(n) + ") What waits"
	}
	return "What waits"
}

// addStack sorts a stack's run, and what is wrong with the stack, into the page.
func (s *Server) addStack(p *homePage, st control.Stack) {
	if l := st.Look; l != nil {
		p.Looks = append(p.Looks, row{URL: runURL(l.Run), Text: l.Text, Cause: l.Cause, Hint: l.Hint})
	}
	if st.Error != "" {
		p.Problems = append(p.Problems, row{Text: "stack " + st.Name, Cause: words.FirstLine(st.Error, maxNote)})
	}
	if l := st.LeftLock; l != nil {
		p.Problems = append(p.Problems, row{Text: "stack " + st.Name, Cause: l.Text, Hint: l.Hint})
	}
	if d := st.Drift; d != nil && d.Error != "" {
		p.Problems = append(p.Problems, row{Text: "stack " + st.Name + ", drift checks", Cause: words.FirstLine(d.Error, maxNote), Hint: d.Hint})
	}
	switch {
	case st.Run == nil || st.Run.Status.Terminal():
	case st.Run.Status == store.Planned:
		p.Waiting = append(p.Waiting, s.waiting(*st.Run, st.Approvals))
	default:
		p.Moving = append(p.Moving, s.moving(*st.Run))
	}
}

// waiting is a run that waits, with the line that approves it.
func (s *Server) waiting(run control.Run, a *control.Approvals) waiting {
	out := waiting{
		URL: runURL(run.ID), ID: run.ID, Stack: run.Stack, Counts: counts(run.Plan), Kinds: run.Options.Kinds,
		Permalink: run.Permalink, Decisive: run.Decisive(),
	}
	about := []string{string(run.Kind) + " run"}
	if run.Commit != "" {
		about = append(about, strings.TrimSpace(words.Short(run.Commit)+" "+run.Subject))
	}
	if run.Author != "" {
		about = append(about, "by "+run.Author)
	}
	if run.PlannedAt != nil {
		about = append(about, "planned "+s.ago(run.PlannedAt))
	}
	if run.ExpiresAt != nil {
		about = append(about, "expires "+s.ago(run.ExpiresAt))
	}
	out.About = strings.Join(about, ", ")
	if run.Plan != nil {
		for _, c := range run.Plan.Changes {
			if c.Destroys() || c.MustName {
				out.Dangers = append(out.Dangers, strings.Join(c.Actions, ", ")+" "+c.Address)
			}
		}
	}
	if more := len(out.Dangers) - maxDangers; more > 0 {
		out.Dangers = append(out.Dangers[:maxDangers], "and "+strconv.Itoa(more)+" more")
	}
	for _, d := range run.Decisions {
		out.Notes = append(out.Notes, fmt.Sprintf("%s by %s %s", d.Verdict, store.By(d.By, d.Login), s.ago(d.At)))
	}
	if a.Worth() {
		out.Notes = append(out.Notes, a.String())
	}
	if run.Held != "" {
		out.Notes = append(out.Notes, words.Sentence("it is held: "+run.Held))
	}
	return out
}

func (s *Server) moving(run control.Run) row {
	return row{URL: runURL(run.ID), Text: fmt.Sprintf("#%d %s", run.ID, run.Stack), Cause: s.progress(run)}
}

// progress is how a run stands, in a few words.
func (s *Server) progress(run control.Run) string {
	text := page.StateOf(run.Status).Word
	switch a := run.Apply; {
	case run.Held != "" && !run.Status.Terminal():
		text += ", held: " + run.Held
	case run.Status == store.Applying && a != nil && a.Total > 0:
		text += fmt.Sprintf(", %d of %d", a.Done, a.Total)
		if a.Current != "" {
			text += ", " + a.Current
		}
	case run.Status == store.Planned:
		text += ": " + counts(run.Plan) + "; to go on, reply in Slack or: " + run.Decisive()
	case run.Status.Terminal() && run.Error != "":
		text += ": " + words.FirstLine(run.Error, maxNote)
	}
	return s.plain(s.opts.Names.Plain(words.Sentence(text)))
}

// stacks shows the table of all stacks.
func (s *Server) stacks(w http.ResponseWriter, r *http.Request) {
	st, err := s.status(r.Context())
	if err != nil {
		s.fail(w, err)
		return
	}
	s.show(w, http.StatusOK, document{name: "stacks", title: "Stacks", here: "/stacks", data: s.stacksFrom(st, r.URL.Query().Get("after"))})
}

// stacksFrom is the part of the table that begins after a stack.
func (s *Server) stacksFrom(st control.Status, after string) stacksPage {
	list := slices.Clone(st.Stacks)
	slices.SortFunc(list, func(a, b control.Stack) int { return cmp.Compare(a.Name, b.Name) })
	list = slices.DeleteFunc(list, func(one control.Stack) bool { return after != "" && one.Name <= after })
	var p stacksPage
	if more := len(list) - maxStacks; more > 0 {
		list = list[:maxStacks]
		p.More = &row{URL: query("/stacks", "after", list[maxStacks-1].Name), Text: words.CountOf(more, "more stack", "more stacks")}
	}
	for _, one := range list {
		p.Rows = append(p.Rows, s.stackRow(one))
	}
	return p
}

func (s *Server) stackRow(st control.Stack) stackRow {
	out := stackRow{Name: st.Name, URL: query("/runs", "stack", st.Name), Applied: s.ago(st.AppliedAt), State: stateOf(st), Drift: s.drift(st.Drift), Note: s.note(st)}
	if st.Run != nil {
		out.RunURL = runURL(st.Run.ID)
	}
	if st.Behind > 0 {
		out.Behind = words.Count(st.Behind, "commit")
	}
	return out
}

// stateOf is the one word for a stack.
func stateOf(st control.Stack) page.State {
	switch {
	case st.Look != nil:
		return page.State{Word: "needs a look", Class: "bad"}
	case st.Run != nil && st.Run.Status == store.Planned:
		return page.State{Word: "waits for approval", Class: "wait"}
	case st.Run != nil && !st.Run.Status.Terminal():
		return page.StateOf(st.Run.Status)
	case st.Pause != nil:
		return page.State{Word: "paused", Class: "wait"}
	case st.Drift.Found():
		return page.State{Word: "drifted", Class: "wait"}
	case st.Run != nil:
		return page.StateOf(st.Run.Status)
	case st.AppliedAt != nil:
		return page.StateOf(store.Applied)
	}
	return page.State{Word: "no run yet", Class: "done"}
}

// drift is what the last check of a stack found.
func (s *Server) drift(d *control.Drift) string {
	switch {
	case d == nil:
		return ""
	case d.Error != "":
		return "the check fails"
	case d.CheckedAt == nil:
		return "not checked yet"
	}
	var parts []string
	for _, part := range []struct {
		n     int
		words string
	}{{d.Gone, "gone"}, {d.Changed, "changed"}, {d.Config, "to be changed by the configuration"}, {d.Outputs, "outputs"}} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.words))
		}
	}
	if len(parts) == 0 {
		parts = []string{"none"}
	}
	return strings.Join(parts, ", ") + ", checked " + s.ago(d.CheckedAt)
}

// note is what holds a stack, or the one thing that is worth a word about it.
func (s *Server) note(st control.Stack) string {
	text := ""
	switch {
	case st.Error != "":
		text = st.Error
	case st.Pause != nil:
		text = "paused by " + store.By(st.Pause.By, st.Pause.Login) + " " + s.ago(&st.Pause.At) + reason(st.Pause.Reason)
	case st.Occupied != nil:
		text = "in use by " + store.By(st.Occupied.By, st.Occupied.Login) + " " + s.ago(&st.Occupied.At) + reason(st.Occupied.Reason)
	case st.Pin != nil:
		text = "pinned at " + words.Short(st.Pin.Commit) + " by " + store.By(st.Pin.By, st.Pin.Login) + " " + s.ago(&st.Pin.At) + reason(st.Pin.Reason)
	case st.LeftLock != nil:
		text = st.LeftLock.Text
	case st.Run != nil && st.Run.Held != "" && !st.Run.Status.Terminal():
		text = "held: " + st.Run.Held
	case st.ApplyClosed != "":
		text = st.ApplyClosed
	case st.Partly != nil:
		text = st.Partly.Text
	case len(st.LeftOut) > 0:
		text = st.LeftOut[0].Text
	case st.Destroyed != nil:
		text = fmt.Sprintf("destroyed by #%d, %s", st.Destroyed.Run, s.ago(st.Destroyed.At))
	case st.CheckedAt != nil && (st.AppliedAt == nil || st.CheckedAt.After(*st.AppliedAt)):
		text = "no changes, " + s.ago(st.CheckedAt)
	}
	return words.FirstLine(redact.CleanLine(text), maxNote)
}

func reason(text string) string {
	if text == "" {
		return ""
	}
	return ": " + text
}
