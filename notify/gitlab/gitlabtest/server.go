// Package gitlabtest is a GitLab of one's own: a server on loopback with projects, merge requests, pipelines, approvals and notes that
// answers the methods which Sallyport calls as GitLab answers them, refuses what GitLab refuses, in its shapes, and fails on demand.
//
//	s, err := gitlabtest.New(gitlabtest.Options{
//		Users:    []gitlabtest.User{{ID: 7, Login: "jane"}},
//		Projects: []gitlabtest.Project{{ID: 42, Name: "ops/infra", Access: map[string]int{"jane": gitlabtest.Developer}}},
//	})
//	defer s.Close()
//	// gitlab { url = s.URL(), project = "ops/infra", token = s.Token() }
//	n := s.OpenPull("ops/infra", gitlabtest.Pull{Author: "jane", Title: "grow", Head: sha})
//	err = s.WaitFor(ctx, func() bool { return len(s.Comments("ops/infra", n)) == 1 })
//
// It plays the API only; the commits themselves are git's. Statuses are jobs of pipelines with their state machine; approvals name no
// commit and survive a push; `sha` can lag behind a push ([Server.Lag]); a note's quick actions act. Its clock is the caller's, and a
// minute later with each approval: people read before they approve.
//
// Calls that make no sense (an unknown project or user) panic: they are mistakes of the program that plays the people.
package gitlabtest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"sallyport/notify/forge/forgetest"
)

// The levels of access.
const (
	Guest      = 10
	Reporter   = 20
	Developer  = 30
	Maintainer = 40
	Owner      = 50
)

// Options say what the server looks like at first. Everything has a default but users and projects.
type Options struct {
	Addr      string   // to listen on; default a free port of 127.0.0.1
	Subpath   string   // below which GitLab is installed: "/gitlab"
	Token     string   // default glpat- and 20 zeros
	Login     string   // of the token's owner; default sallyport-bot, with id 900
	Scopes    []string // of the token; default api
	Expires   string   // day on which the token ends: 2027-01-31; default never
	Version   string   // default 18.6.1-ee
	Users     []User
	Projects  []Project
	TLS       bool             // https with a CA of its own: see [forgetest.Frame.CAPEM]
	Limit     int              // requests a minute that RateLimit headers tell of; 0: no headers
	PageLimit int              // most entries of a page, whatever is asked for; default 100
	Now       func() time.Time // default time.Now
	// NoApprovalTimes: approvals do not say when they were given, as in older versions.
	NoApprovalTimes bool
	NoCommitAuthors bool // GraphQL knows nothing of the project's commits
}

func (o *Options) setDefaults() {
	set := func(s *string, value string) {
		if *s == "" {
			*s = value
		}
	}
	set(&o.Token, "glpat-00000000000000000000")
	set(&o.Login, "sallyport-bot")
	set(&o.Version, "18.6.1-ee")
	if o.Scopes == nil {
		o.Scopes = []string{"api"}
	}
	if o.PageLimit <= 0 {
		o.PageLimit = 100
	}
	if o.Now == nil {
		o.Now = time.Now
	}
}

const ownerID = 900

// Server is the site and the server that answers for it.
type Server struct {
	forgetest.Frame
	opts     Options
	skew     time.Duration // by which the clock is later than the caller's
	revoked  bool
	users    map[string]*User
	projects map[string]*project
	serial   int64
}

// New starts a server.
func New(o Options) (*Server, error) {
	o.setDefaults()
	s := &Server{opts: o, users: map[string]*User{}, projects: map[string]*project{}, serial: 1000}
	s.users[strings.ToLower(o.Login)] = &User{ID: ownerID, Login: o.Login}
	for _, u := range o.Users {
		s.AddUser(u)
	}
	for _, p := range o.Projects {
		s.projects[strings.ToLower(p.Name)] = newProject(p)
	}
	a := api{s}
	err := s.Start(forgetest.Options{
		Site: "gitlab", Addr: o.Addr, TLS: o.TLS, Prefix: o.Subpath + "/api/v4", Routes: a.routes(), Before: a.authorize, After: a.finish,
		Limited: limited, Unknown: forgetest.Answer{Status: http.StatusNotFound, Body: "<html><body>The page could not be found</body></html>"},
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// URL is the `url` of this site. Its API is below /api/v4.
func (s *Server) URL() string { return s.Origin() + s.opts.Subpath }

// Token is the token that is valid here.
func (s *Server) Token() string { return s.opts.Token }

func (s *Server) now() time.Time { return s.opts.Now().Add(s.skew).UTC() }

// api is the side of the server that the program under test sees: its methods answer requests, where those of [Server] are for the
// test that plays the people.
type api struct{ *Server }

type (
	request = forgetest.Request
	answer  = forgetest.Answer
)

// authorize checks the token of a request, and whether its scopes allow the method.
func (s api) authorize(r *request) *answer {
	token := r.Header.Get("Private-Token")
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok && token == "" {
		token = bearer
	}
	if token != s.opts.Token {
		return &answer{Status: http.StatusUnauthorized, Body: map[string]any{"message": "401 Unauthorized"}}
	}
	if s.revoked {
		return &answer{Status: http.StatusUnauthorized, Body: map[string]any{
			"error": "invalid_token", "error_description": "Token was revoked. You have to re-authorize from the user."}}
	}
	reads := (r.Method == http.MethodGet || strings.HasSuffix(r.URL.Path, "/graphql")) && slices.Contains(s.opts.Scopes, "read_api")
	if !reads && !slices.Contains(s.opts.Scopes, "api") {
		return &answer{Status: http.StatusForbidden, Body: map[string]any{"error": "insufficient_scope",
			"error_description": "The request requires higher privileges than provided by the access token.", "scope": "api"}}
	}
	if r.Broken {
		return &answer{Status: http.StatusBadRequest, Body: map[string]any{"error": "The request body is not valid JSON"}}
	}
	return nil
}

func (s api) finish(_ *request, a *answer) {
	h := a.Header.Clone()
	if h == nil {
		h = http.Header{}
	}
	if s.opts.Limit > 0 {
		h.Set("RateLimit-Limit", strconv.Itoa(s.opts.Limit))
		h.Set("RateLimit-Remaining", strconv.Itoa(s.opts.Limit-1))
		h.Set("RateLimit-Reset", strconv.FormatInt(s.now().Add(time.Minute).Unix(), 10))
	}
	h.Set("Date", s.now().Format(http.TimeFormat))
	a.Header = h
}

// limited is what the limiter in front of GitLab says: a line of text.
func limited(retryAfter int) answer {
	a := answer{Status: http.StatusTooManyRequests, Body: "Retry later\n", Header: http.Header{}}
	if retryAfter > 0 {
		a.Header.Set("Retry-After", strconv.Itoa(retryAfter))
	}
	return a
}

func say(status int, words string) answer {
	return answer{Status: status, Body: map[string]any{"message": words}}
}

func notFound(what string) answer { return say(http.StatusNotFound, "404 "+what+" Not Found") }

// inProject finds the project of a request, by its number or its path, and says what GitLab says where the token may not.
func (s api) inProject(do func(*request, *project) answer) func(*request) answer {
	return func(r *request) answer {
		id := r.PathValue("id")
		p := s.projects[strings.ToLower(id)]
		if n, err := strconv.ParseInt(id, 10, 64); err == nil {
			p = projectOf(s.Server, n)
		}
		if p == nil || p.Private && levelOf(s.Server, p, ownerID) < Guest {
			for _, moved := range s.projects {
				if slices.Contains(moved.Was, id) && r.Method == http.MethodGet {
					to := strings.Replace(r.URL.EscapedPath(), url.PathEscape(id), strconv.FormatInt(moved.ID, 10), 1)
					return answer{Status: http.StatusMovedPermanently, Body: map[string]any{"message": "Moved"}, Header: http.Header{"Location": {s.Origin() + to}}}
				}
			}
			return notFound("Project")
		}
		if p.Archived && r.Method != http.MethodGet {
			return say(http.StatusForbidden, "403 Forbidden")
		}
		return do(r, p)
	}
}

func projectOf(s *Server, id int64) *project {
	for _, p := range s.projects {
		if p.ID == id {
			return p
		}
	}
	return nil
}

// levelOf is what an account may do in a project; 0 if it is no member.
func levelOf(s *Server, p *project, id int64) int {
	for login, level := range p.Access {
		if u := s.users[login]; u != nil && u.ID == id {
			return level
		}
	}
	return 0
}

// paged cuts a list to the page that was asked for.
func (s api) paged(r *request, list []any) answer {
	q := r.URL.Query()
	size, err := strconv.Atoi(q.Get("per_page"))
	if err != nil || size <= 0 {
		size = 20
	}
	size = min(size, 100, s.opts.PageLimit)
	page := max(atoi(q.Get("page")), 1)
	last := max((len(list)+size-1)/size, 1)
	from, to := min((page-1)*size, len(list)), min(page*size, len(list))
	next := ""
	if page < last {
		next = strconv.Itoa(page + 1)
	}
	return answer{Status: http.StatusOK, Body: append([]any{}, list[from:to]...), Header: http.Header{
		"X-Next-Page": {next}, "X-Page": {strconv.Itoa(page)}, "X-Per-Page": {strconv.Itoa(size)},
		"X-Total": {strconv.Itoa(len(list))}, "X-Total-Pages": {strconv.Itoa(last)},
	}}
}

func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}

func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

func (s *Server) user(login string) any {
	u := s.users[strings.ToLower(login)]
	if u == nil {
		return nil
	}
	state := "active"
	if u.Blocked {
		state = "blocked"
	}
	return map[string]any{"id": u.ID, "username": u.Login, "name": u.Login, "state": state, "web_url": s.URL() + "/" + u.Login}
}

func nextID(s *Server) int64 {
	s.serial++
	return s.serial
}

func mustProject(s *Server, name string) *project {
	p := s.projects[strings.ToLower(name)]
	if p == nil {
		panic("gitlabtest: no project " + name)
	}
	return p
}

func mustPull(s *Server, name string, number int) (*project, *Pull) {
	p := mustProject(s, name)
	m := p.pull(number)
	if m == nil {
		panic(fmt.Sprintf("gitlabtest: no merge request %d in %s", number, name))
	}
	return p, m
}

func mustUser(s *Server, login string) *User {
	u := s.users[strings.ToLower(login)]
	if u == nil {
		panic("gitlabtest: no user " + login)
	}
	return u
}
