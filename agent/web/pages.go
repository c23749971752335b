package web

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"sallyport/agent/control"
	"sallyport/agent/page"
	"sallyport/notify/redact"
	"sallyport/notify/words"
)

//go:embed assets
var assets embed.FS

// notThere is said of an address that is none.
const notThere = "There is no such page here."

// script is where pages find theirs.
const script = "/assets/web.js"

// A route is a page, and who makes it.
type route struct {
	pattern string
	handle  http.HandlerFunc
}

// routes are all pages. What is asked of them otherwise than with GET and HEAD never gets here; see refuse.
func (s *Server) routes() []route {
	return []route{
		{"/{$}", s.home},
		{"/stacks", s.stacks},
		{"/runs", s.runs},
		{"/runs/{id}", s.run},
		{"/runs/{id}/log", s.follow},
		{"/graph", s.graph},
		{script, s.script},
		{"/", func(w http.ResponseWriter, _ *http.Request) { s.missing(w) }},
	}
}

// handler answers everything.
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	for _, r := range s.routes() {
		mux.HandleFunc(r.pattern, r.handle)
	}
	return s.guarded(mux)
}

// live is what the pages have that a file has not.
func live(here string) *page.Live {
	l := &page.Live{Script: script, Run: runURL}
	for _, to := range []page.Link{{Text: "Waiting", URL: "/"}, {Text: "Stacks", URL: "/stacks"}, {Text: "Runs", URL: "/runs"}, {Text: "Graph", URL: "/graph"}} {
		to.Here = to.URL == here
		l.Nav = append(l.Nav, to)
	}
	return l
}

func runURL(id int) string { return "/runs/" + strconv.Itoa(id) }

// document is a page of ours: its template, its title, and what is shown in it.
type document struct {
	name, title, here string
	data              any
}

// show answers with a page. It is made before it is sent: half of one would look like a whole one.
func (s *Server) show(w http.ResponseWriter, status int, d document) {
	text, err := template(d.name)
	if err != nil {
		s.broken(w, d.name, err)
		return
	}
	var out bytes.Buffer
	head := page.Head{Title: d.title + " - sallyport", Live: live(d.here), Foot: s.foot()}
	if err := page.Render(&out, head, text, d.data); err != nil {
		s.broken(w, d.name, err)
		return
	}
	s.send(w, status, "text/html; charset=utf-8", out.Bytes())
}

// template is the text of a page, with the table that stands on two of them.
func template(name string) (string, error) {
	table, err := assets.ReadFile("assets/table.tmpl")
	if err != nil {
		return "", fmt.Errorf("reading a template: %w", err)
	}
	text, err := assets.ReadFile("assets/" + name + ".tmpl")
	if err != nil {
		return "", fmt.Errorf("reading a template: %w", err)
	}
	return string(table) + string(text), nil
}

// foot is the last line of each page.
func (s *Server) foot() string {
	return "As it was on " + s.opts.Now().UTC().Format("2006-01-02 15:04:05 MST") + ", from sallyport " + s.opts.Version +
		". Nothing is decided here: reply in Slack, or use the command line."
}

// broken answers where a page could not be made.
func (s *Server) broken(w http.ResponseWriter, name string, err error) {
	s.opts.Log.Error("making a page", "page", name, "err", err)
	s.send(w, http.StatusInternalServerError, "text/plain; charset=utf-8", []byte("This page could not be made; sallyport's log tells more.\n"))
}

// send answers with what is whole.
func (s *Server) send(w http.ResponseWriter, status int, contentType string, b []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(s.opts.Patience))
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		s.opts.Log.Debug("setting a deadline", "err", err)
	}
	w.WriteHeader(status)
	if _, err := w.Write(b); err != nil {
		s.opts.Log.Debug("sending a page", "err", err) // whoever asked went away
	}
}

// message answers with a sentence.
func (s *Server) message(w http.ResponseWriter, status int, text string) {
	title := http.StatusText(status)
	s.show(w, status, document{name: "message", title: title, data: struct{ Title, Text string }{title, text}})
}

// missing answers that there is no such page.
func (s *Server) missing(w http.ResponseWriter) { s.message(w, http.StatusNotFound, notThere) }

// fail answers with an error, in the words of the command line.
func (s *Server) fail(w http.ResponseWriter, err error) {
	e := control.AsError(err)
	status := http.StatusInternalServerError
	if e.Kind == control.NotFound {
		status = http.StatusNotFound
	}
	text := words.Sentence(e.Message)
	if e.Hint != "" {
		text += " " + words.Sentence(e.Hint)
	}
	s.message(w, status, s.plain(text))
}

// script answers with the script of the pages.
func (s *Server) script(w http.ResponseWriter, _ *http.Request) {
	b, err := assets.ReadFile("assets/web.js")
	if err != nil {
		s.broken(w, "web.js", err)
		return
	}
	s.send(w, http.StatusOK, "text/javascript; charset=utf-8", b)
}

// run shows one run, with its log as it grows unless it has ended.
func (s *Server) run(w http.ResponseWriter, r *http.Request) {
	id, ok := runID(r)
	if !ok {
		s.missing(w)
		return
	}
	facts, err := page.Read(r.Context(), told{s}, strconv.Itoa(id), s.opts.Now())
	if err != nil {
		s.fail(w, err)
		return
	}
	facts.Version, facts.Live = s.opts.Version, live("")
	if !facts.Run.Status.Terminal() {
		facts.Live.Stream = query(runURL(id)+"/log", "status", string(facts.Run.Status))
	}
	var out bytes.Buffer
	if err := page.Run(&out, facts); err != nil {
		s.broken(w, "run", err)
		return
	}
	s.send(w, http.StatusOK, "text/html; charset=utf-8", out.Bytes())
}

// plain is a line of foreign text as a page shows it.
func (s *Server) plain(text string) string { return redact.CleanLine(s.opts.Redact(text)) }

// told are the facts as people read them: with what accounts are called, and nothing in them that nobody may see.
type told struct{ *Server }

// Run implements [page.Reader].
func (t told) Run(ctx context.Context, ref string) (control.Run, error) {
	run, err := t.opts.Facts.Run(ctx, ref)
	if err == nil {
		err = run.Name(t.opts.Names)
	}
	return washed(run, t.opts.Redact), err
}

// Around implements [page.Reader].
func (t told) Around(ctx context.Context, ref string) (control.Around, error) {
	around, err := t.opts.Facts.Around(ctx, ref)
	if err == nil {
		err = around.Name(t.opts.Names)
	}
	return washed(around, t.opts.Redact), err
}

// PlanText implements [page.Reader].
func (t told) PlanText(ctx context.Context, ref string) (string, error) {
	text, err := t.opts.Facts.PlanText(ctx, ref)
	return t.opts.Redact(text), err
}

// Log implements [page.Reader].
func (t told) Log(ctx context.Context, ref string) (string, error) {
	text, err := t.opts.Facts.Log(ctx, ref)
	return t.opts.Redact(text), err
}

// status is the status as people read it.
func (s *Server) status(ctx context.Context) (control.Status, error) {
	st, err := s.opts.Facts.Status(ctx)
	if err == nil {
		err = st.Name(s.opts.Names)
	}
	if err != nil {
		return st, err
	}
	return washed(st.Called(), s.plain), nil
}

// runID is the number of the run that a request is about.
func runID(r *http.Request) (int, bool) {
	text := r.PathValue("id")
	id, err := strconv.Atoi(text)
	return id, err == nil && id > 0 && strconv.Itoa(id) == text
}

// query is an address with the values that are not empty.
func query(path string, pairs ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// ago is how long ago something was.
func (s *Server) ago(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return words.Ago(*t, s.opts.Now())
}
