package web

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"sallyport/agent/control"
	"sallyport/agent/page"
	"sallyport/notify/words"
)

// runRow is a line in the table of runs.
type runRow struct {
	ID                                                  int
	URL, Stack, StackURL, Made, Counts, Commit, Subject string
	State                                               page.State
}

// runsPage is a part of the table of runs, newest first.
type runsPage struct {
	Title string
	Rows  []runRow
	More  *row
}

// runs shows runs, of one stack or of all, so many to a page.
func (s *Server) runs(w http.ResponseWriter, r *http.Request) {
	stack := r.URL.Query().Get("stack")
	before, err := strconv.Atoi(r.URL.Query().Get("before"))
	if err != nil || before < 0 {
		before = 0
	}
	list, err := s.opts.Facts.Runs(r.Context(), control.RunsQuery{Stack: stack, Limit: maxRuns + 1, Before: before})
	if err != nil {
		s.fail(w, err)
		return
	}
	p := runsPage{Title: "Runs"}
	if stack != "" {
		p.Title = "Runs of " + s.plain(stack)
	}
	if len(list) > maxRuns {
		list = list[:maxRuns]
		p.More = &row{URL: query("/runs", "stack", stack, "before", strconv.Itoa(list[maxRuns-1].ID)), Text: "Older runs"}
	}
	for _, run := range list {
		p.Rows = append(p.Rows, s.runRow(run))
	}
	s.show(w, http.StatusOK, document{name: "runs", title: p.Title, here: "/runs", data: p})
}

func (s *Server) runRow(run control.Run) runRow {
	return runRow{
		ID: run.ID, URL: runURL(run.ID), Stack: s.plain(run.Stack), StackURL: query("/runs", "stack", run.Stack), Made: s.ago(run.CreatedAt),
		Counts: counts(run.Plan), Commit: s.plain(words.Short(run.Commit)), Subject: words.Cut(s.plain(run.Subject), maxNote), State: page.StateOf(run.Status),
	}
}

// counts is how much a plan changes.
func counts(p *control.Plan) string {
	switch {
	case p == nil:
		return ""
	case p.Add+p.Change+p.Destroy == 0 && len(p.Changes) == 0 && len(p.Outputs) > 0:
		return words.Count(len(p.Outputs), "output") + " to change"
	case p.Add+p.Change+p.Destroy == 0 && len(p.Changes) == 0:
		return "no changes"
	}
	text := fmt.Sprintf("%d to add, %d to change, %d to destroy", p.Add, p.Change, p.Destroy)
	if p.Import > 0 {
		text = fmt.Sprintf("%d to import, ", p.Import) + text
	}
	kinds := map[string]int{}
	for _, c := range p.Changes {
		if c.Unknown {
			kinds["of a kind that sallyport does not know"]++
		}
		if word := map[string]string{"forget": "to forget", "create,forget": "to forget", "no-op": "to move", "refresh": "to refresh", "invoke": "to invoke"}[strings.Join(c.Actions, ",")]; word != "" {
			kinds[word]++
		}
	}
	for _, word := range []string{"to forget", "to move", "to refresh", "to invoke", "of a kind that sallyport does not know"} {
		if kinds[word] > 0 {
			text += fmt.Sprintf(", %d %s", kinds[word], word)
		}
	}
	return text
}

// graphPage is the drawing of all stacks.
type graphPage struct {
	Text  string
	Graph page.Graph
	Nodes int
}

// graph draws which stack comes after which, with how each is.
func (s *Server) graph(w http.ResponseWriter, r *http.Request) {
	st, err := s.status(r.Context())
	if err != nil {
		s.fail(w, err)
		return
	}
	after := s.opts.Facts.DependsOn()
	var nodes []page.Node
	for _, one := range st.Stacks {
		state := stateOf(one)
		nodes = append(nodes, page.Node{Name: one.Name, Note: state.Word, State: state, After: slices.Clone(after[one.Name])})
	}
	slices.SortFunc(nodes, func(a, b page.Node) int { return strings.Compare(a.Name, b.Name) })
	p := graphPage{Nodes: len(nodes)}
	switch {
	case len(nodes) == 0:
		p.Text = "There are no stacks."
	case len(nodes) > maxDrawn:
		nodes = linked(nodes)
		p.Text = "Stacks that come after no other, and before none, are left out."
		if len(nodes) > maxDrawn {
			nodes, p.Text = nodes[:maxDrawn], fmt.Sprintf("These are the first %d; there are more than can be drawn.", maxDrawn)
		}
	}
	p.Graph = page.Draw("Stacks, each below those that it comes after", nodes)
	s.show(w, http.StatusOK, document{name: "graph", title: "Graph", here: "/graph", data: p})
}

// linked are the nodes that come after another one, or before one.
func linked(nodes []page.Node) []page.Node {
	named := map[string]bool{}
	for _, n := range nodes {
		for _, name := range n.After {
			named[name] = true
		}
	}
	return slices.DeleteFunc(nodes, func(n page.Node) bool { return len(n.After) == 0 && !named[n.Name] })
}
