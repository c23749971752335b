package gitlabtest

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Comment comments on a merge request and returns the note's number.
func (s *Server) Comment(name string, number int, login, body string) (id int64) {
	s.change(func() {
		mustUser(s, login)
		p, m := mustPull(s, name, number)
		id = addNote(s, p, m, Comment{Author: login, Body: body}).ID
	})
	return id
}

// SystemNote adds what GitLab itself writes of what somebody did.
func (s *Server) SystemNote(name string, number int, login, body string) {
	s.change(func() {
		p, m := mustPull(s, name, number)
		addNote(s, p, m, Comment{Author: login, Body: body, System: true})
	})
}

func addNote(s *Server, p *project, m *Pull, n Comment) *Comment {
	now := s.now()
	n.ID, n.Pull, n.CreatedAt, n.UpdatedAt, n.Versions = nextID(s), m.Number, now, now, []string{n.Body}
	m.UpdatedAt = now
	p.notes = append(p.notes, &n)
	return &n
}

func setBody(s *Server, n *Comment, body string) {
	s.skew += time.Millisecond // no two things happen in one
	n.Body, n.UpdatedAt, n.Versions = body, s.now(), append(n.Versions, body)
}

// EditComment changes a note, as its author and maintainers can.
func (s *Server) EditComment(name string, id int64, body string) {
	s.change(func() { setBody(s, mustNote(s, name, id), body) })
}

// DeleteComment deletes a note, as maintainers can.
func (s *Server) DeleteComment(name string, id int64) {
	s.change(func() { mustNote(s, name, id).Deleted = true })
}

func mustNote(s *Server, name string, id int64) *Comment {
	n := mustProject(s, name).note(id)
	if n == nil {
		panic(fmt.Sprintf("gitlabtest: no note %d in %s", id, name))
	}
	return n
}

func (s api) noteBody(n *Comment) map[string]any {
	body := map[string]any{"id": n.ID, "type": nil, "body": n.Body, "author": s.user(n.Author), "system": n.System,
		"created_at": stamp(n.CreatedAt), "updated_at": stamp(n.UpdatedAt), "noteable_iid": n.Pull, "noteable_type": "MergeRequest", "internal": false}
	if n.OnDiff {
		body["type"] = "DiffNote"
	}
	return body
}

func (s api) listNotes(r *request, p *project, m *Pull) answer {
	q := r.URL.Query()
	list := []*Comment{}
	for _, n := range p.notes {
		if n.Pull == m.Number && !n.Deleted {
			list = append(list, n)
		}
	}
	slices.SortStableFunc(list, func(a, b *Comment) int {
		if q.Get("order_by") == "updated_at" {
			return a.UpdatedAt.Compare(b.UpdatedAt)
		}
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	if q.Get("sort") != "asc" {
		slices.Reverse(list)
	}
	var out []any
	for _, n := range list {
		out = append(out, s.noteBody(n))
	}
	return s.paged(r, out)
}

// maxNote is the most that GitLab takes as a note, in characters.
const maxNote = 1_000_000

func (s api) createNote(r *request, p *project, m *Pull) answer {
	if levelOf(s.Server, p, ownerID) < Guest {
		return say(http.StatusForbidden, "403 Forbidden")
	}
	body := r.Text("body")
	switch {
	case strings.TrimSpace(body) == "":
		return answer{Status: http.StatusBadRequest, Body: map[string]any{"error": "body is empty"}}
	case utf8.RuneCountInString(body) > maxNote:
		return say(http.StatusBadRequest, "Note is too long (maximum is 1000000 characters)")
	}
	if act(m, body) {
		return answer{Status: http.StatusAccepted, Body: map[string]any{"commands_changes": map[string]any{}, "summary": []string{"Done."}}}
	}
	return answer{Status: http.StatusCreated, Body: s.noteBody(addNote(s.Server, p, m, Comment{Author: s.opts.Login, Body: body}))}
}

// act carries out the quick actions of a text, and reports whether there is nothing else in it. Which parts of a text GitLab leaves
// alone (fences, tags) has changed from version to version: here none is.
func act(m *Pull, body string) (only bool) {
	only = true
	for line := range strings.Lines(body) {
		switch {
		case strings.HasPrefix(line, "/"):
			m.actions = append(m.actions, strings.TrimSpace(line))
		case strings.TrimSpace(line) != "":
			only = false
		}
	}
	return only && len(m.actions) > 0
}

func (s api) editNote(r *request, p *project, m *Pull) answer {
	id, _ := strconv.ParseInt(r.PathValue("note"), 10, 64)
	n := p.note(id)
	switch {
	case n == nil || n.Pull != m.Number:
		return say(http.StatusNotFound, "404 Note Not Found")
	case n.Author != s.opts.Login && levelOf(s.Server, p, ownerID) < Maintainer:
		return say(http.StatusForbidden, "403 Forbidden")
	}
	act(m, r.Text("body"))
	setBody(s.Server, n, r.Text("body"))
	return answer{Status: http.StatusOK, Body: s.noteBody(n)}
}

// Comments are the notes of a merge request that are there now, oldest first, without the system's.
func (s *Server) Comments(name string, number int) []Comment {
	s.Lock()
	defer s.Unlock()
	p, m := mustPull(s, name, number)
	var out []Comment
	for _, n := range p.notes {
		if n.Pull == m.Number && !n.Deleted && !n.System {
			one := *n
			one.Versions = slices.Clone(n.Versions)
			out = append(out, one)
		}
	}
	return out
}

// Actions are the quick actions that notes of ours made.
func (s *Server) Actions(name string, number int) []string {
	s.Lock()
	defer s.Unlock()
	_, m := mustPull(s, name, number)
	return slices.Clone(m.actions)
}
