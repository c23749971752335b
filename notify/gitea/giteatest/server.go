// Package giteatest is a Gitea of one's own: a server on loopback with repositories, teams, pull requests, statuses, comments and reviews
// that answers the methods which Sallyport calls as Gitea answers them, refuses what Gitea refuses, in its shapes, and fails on demand.
//
//	s, err := giteatest.New(giteatest.Options{
//		Users:        []giteatest.User{{ID: 7, Login: "jane"}},
//		Repositories: []giteatest.Repository{{ID: 42, Name: "ops/infra", Access: map[string]string{"jane": "write", "sallyport-bot": "admin"}}},
//	})
//	defer s.Close()
//	// gitea { url = s.URL(), repository = "ops/infra", token = s.Token() }
//	n := s.OpenPull("ops/infra", giteatest.Pull{Author: "jane", Title: "grow", Head: sha})
//	err = s.WaitFor(ctx, func() bool { return len(s.Comments("ops/infra", n)) == 1 })
//
// It plays the API only; the commits themselves are git's. What is odd about the real one is here too: times of whole seconds, any
// word taken for a state, a 500 for an unknown commit, the permission of a team's member, who can be assigned without being able to write,
// comments that all writers can change, a head that goes on moving after the merge, a push that is told of late ([Server.Lag]), pages
// that are shorter than what was asked for, and 301 to every method after a rename.
//
// Calls that make no sense (an unknown repository or user) panic: they are mistakes of the program that plays the people.
package giteatest

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"sallyport/notify/forge/forgetest"
)

// Options say what the server looks like at first. Everything has a default but users and repositories.
type Options struct {
	Addr         string   // to listen on; default a free port of 127.0.0.1
	Subpath      string   // below which a proxy shows it: "/gitea"
	Token        string   // default 40 zeros
	Login        string   // of the token's owner; default sallyport-bot, with id 900
	Scopes       []string // of the token; default [AllScopes]
	Version      string   // default 1.26.0; of Forgejo 11.0.1+gitea-1.22.0
	Users        []User
	Repositories []Repository
	TLS          bool             // https with a CA of its own: see [forgetest.Frame.CAPEM]
	PageLimit    int              // most entries of a page, whatever is asked for; default 50
	Now          func() time.Time // default time.Now
}

// AllScopes are those that Sallyport needs.
func AllScopes() []string {
	return []string{"write:repository", "write:issue", "read:user", "read:organization"}
}

func (o *Options) setDefaults() {
	set := func(s *string, value string) {
		if *s == "" {
			*s = value
		}
	}
	set(&o.Token, strings.Repeat("0", 40))
	set(&o.Login, "sallyport-bot")
	set(&o.Version, "1.26.0")
	if o.Scopes == nil {
		o.Scopes = AllScopes()
	}
	if o.PageLimit <= 0 {
		o.PageLimit = 50
	}
	if o.Now == nil {
		o.Now = time.Now
	}
}

const botID = 900

// Server is the site and the server that answers for it.
type Server struct {
	forgetest.Frame
	opts    Options
	revoked bool
	lag     bool
	users   map[string]*User
	repos   map[string]*repository
	serial  int64
}

// New starts a server.
func New(o Options) (*Server, error) {
	o.setDefaults()
	s := &Server{opts: o, users: map[string]*User{}, repos: map[string]*repository{}, serial: 1000}
	s.users[strings.ToLower(o.Login)] = &User{ID: botID, Login: o.Login}
	for _, u := range o.Users {
		s.users[strings.ToLower(u.Login)] = &u
	}
	for _, r := range o.Repositories {
		s.repos[strings.ToLower(r.Name)] = newRepository(r)
	}
	a := api{s}
	err := s.Start(forgetest.Options{
		Site: "gitea", Addr: o.Addr, TLS: o.TLS, Prefix: o.Subpath + "/api/v1", Routes: a.routes(), Before: a.authorize, After: a.finish,
		Limited: limited, Unknown: forgetest.Answer{Status: http.StatusNotFound, Body: "<html><body>Page Not Found</body></html>"},
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// URL is the `url` of this site. Its API is below /api/v1.
func (s *Server) URL() string { return s.Origin() + s.opts.Subpath }

// Token is the token that is valid here.
func (s *Server) Token() string { return s.opts.Token }

// now has whole seconds, as everything that Gitea tells.
func (s *Server) now() time.Time { return s.opts.Now().UTC().Truncate(time.Second) }

// api is the side of the server that the program under test sees: its methods answer requests, where those of [Server] are for the
// test that plays the people.
type api struct{ *Server }

type (
	request = forgetest.Request
	answer  = forgetest.Answer
)

func ok(body any) answer { return answer{Status: http.StatusOK, Body: body} }

func say(status int, message string) answer {
	return answer{Status: status, Body: map[string]any{"message": message, "url": "https://docs.gitea.com/api"}}
}

// notFound is what Gitea says of most things that are not there, or of which the token may not know.
func notFound(errs ...string) answer {
	a := say(http.StatusNotFound, "The target couldn't be found.")
	a.Body.(map[string]any)["errors"] = errs
	return a
}

// broken is what Gitea says where something went wrong that it has no words for.
func broken() answer { return say(http.StatusInternalServerError, "") }

// limited is what a proxy before it says.
func limited(retryAfter int) answer {
	a := answer{Status: http.StatusTooManyRequests, Body: "<html><body>Too Many Requests</body></html>", Header: http.Header{}}
	if retryAfter > 0 {
		a.Header.Set("Retry-After", strconv.Itoa(retryAfter))
	}
	return a
}

func (s api) token(r *request) string {
	value := r.Header.Get("Authorization")
	for _, kind := range []string{"token ", "Bearer "} {
		if token, is := strings.CutPrefix(value, kind); is {
			return token
		}
	}
	return ""
}

// authorize checks the token. Without one everybody is a stranger, to whom private repositories are not there.
func (s api) authorize(r *request) *answer {
	if token := s.token(r); token != s.opts.Token && token != "" || s.revoked {
		a := say(http.StatusUnauthorized, "user does not exist [uid: 0, name: ]")
		return &a
	}
	if r.Broken {
		a := say(http.StatusUnprocessableEntity, "invalid character in the body")
		return &a
	}
	return nil
}

// scoped refuses what the token's scopes do not have. Reading needs read or write, writing needs write.
func (s api) scoped(category string, do func(*request) answer) func(*request) answer {
	return func(r *request) answer {
		level := "read"
		if r.Method != http.MethodGet {
			level = "write"
		}
		need := level + ":" + category
		if slices.Contains(s.opts.Scopes, need) || slices.Contains(s.opts.Scopes, "write:"+category) || slices.Contains(s.opts.Scopes, "all") {
			return do(r)
		}
		return say(http.StatusForbidden, fmt.Sprintf("token does not have at least one of required scope(s), required=[%s], token scope=%s",
			need, strings.Join(s.opts.Scopes, ",")))
	}
}

// inRepo finds the repository of a request: 301 where it is called something else now, whatever the method, and 404 where the
// account may not know of it.
func (s api) inRepo(do func(*request, *repository) answer) func(*request) answer {
	return func(r *request) answer {
		name := r.PathValue("owner") + "/" + r.PathValue("repo")
		p := s.repos[strings.ToLower(name)]
		if p != nil && p.MovedTo != "" {
			to := strings.Replace(r.URL.EscapedPath(), "/"+name, "/"+p.MovedTo, 1)
			if r.URL.RawQuery != "" {
				to += "?" + r.URL.RawQuery
			}
			return answer{Status: http.StatusMovedPermanently, Header: http.Header{"Location": {path.Clean("/" + to)}}}
		}
		if p == nil || s.can(p, s.opts.Login) == "none" {
			return notFound()
		}
		return do(r, p)
	}
}

func (s api) finish(_ *request, a *answer) {
	h := a.Header.Clone()
	if h == nil {
		h = http.Header{}
	}
	h.Set("Date", s.opts.Now().UTC().Format(http.TimeFormat))
	a.Header = h
}

// paged cuts a list to the page that was asked for; page 0 is the first. The links lead to where the server believes to be.
func (s api) paged(r *request, list []any) answer {
	q := r.URL.Query()
	size := atoi(q.Get("limit"))
	if size <= 0 {
		size = 30
	}
	size = min(size, s.opts.PageLimit)
	page := max(atoi(q.Get("page")), 1)
	last := max((len(list)+size-1)/size, 1)
	from, to := min((page-1)*size, len(list)), min(page*size, len(list))
	a := ok(append([]any{}, list[from:to]...))
	a.Header = http.Header{"X-Total-Count": {strconv.Itoa(len(list))}}
	if page < last {
		q.Set("page", strconv.Itoa(page+1))
		u := url.URL{Scheme: "http", Host: "gitea.internal:3000", Path: r.URL.Path, RawQuery: q.Encode()}
		a.Header.Set("Link", fmt.Sprintf(`<%s>; rel="next"`, u.String()))
	}
	return a
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
	return t.Truncate(time.Second).In(time.FixedZone("", 3600)).Format(time.RFC3339) // servers tell their own zone
}

func (s *Server) nextID() int64 {
	s.serial++
	return s.serial
}

// Failure is a refusal in Gitea's shape.
func Failure(status int, message string) forgetest.Fault {
	return forgetest.Fault{Kind: forgetest.Refuse, Answer: say(status, message)}
}

// Call is one request that was made.
type Call = forgetest.Call
