// Package bitbuckettest is a Bitbucket of one's own, Cloud or Data Center: a server on loopback that takes statuses of commits as they do, and
// refuses what they refuse: long keys, addresses that are none, app passwords, commits that are not there.
package bitbuckettest

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"sallyport/notify/forge/forgetest"
)

// Options say what the server looks like at first.
type Options struct {
	DataCenter bool     // else Cloud
	Subpath    string   // context path of Data Center
	Repository string   // workspace/slug or PROJECT/slug
	Username   string   // the account's e-mail, where the token is an API token of Cloud; else it is a bearer's
	Token      string   // default "secret-token"
	Commits    []string // that it has
	TLS        bool
	Now        func() time.Time // default time.Now
}

// Status is one status of a commit.
type Status struct{ SHA, Key, State, URL, Name, Description, Ref string }

// Routes, for [forgetest.Frame.Fail] and [forgetest.Frame.Calls].
const (
	RouteRepository = "repository"
	RouteStatus     = "status"
	RouteVersion    = "version"
)

// Server is the site and the server that answers for it.
type Server struct {
	forgetest.Frame
	opts     Options
	readOnly bool
	revoked  bool
	moved    string
	statuses []Status
}

type (
	request = forgetest.Request
	answer  = forgetest.Answer
)

// New starts a server.
func New(o Options) (*Server, error) {
	if o.Token == "" {
		o.Token = "secret-token"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Server{opts: o}
	prefix, repo := "/2.0", "/repositories/{owner}/{slug}"
	status := "POST " + repo + "/commit/{sha}/statuses/build"
	if o.DataCenter {
		prefix, repo = o.Subpath+"/rest/api/latest", "/projects/{owner}/repos/{slug}"
		status = "POST " + repo + "/commits/{sha}/builds"
	}
	err := s.Start(forgetest.Options{
		Site: "bitbucket", TLS: o.TLS, Prefix: prefix, Before: s.authorize, After: s.finish,
		Routes: []forgetest.Route{
			{Name: RouteRepository, Pattern: "GET " + repo, Do: s.inRepo(s.getRepository)},
			{Name: RouteStatus, Pattern: status, Do: s.inRepo(s.setStatus)},
			{Name: RouteVersion, Pattern: "GET /application-properties", Do: func(*request) answer {
				return answer{Status: http.StatusOK, Body: map[string]any{"version": "9.4.2", "displayName": "Bitbucket"}}
			}},
		},
		Limited: limited, Unknown: answer{Status: http.StatusNotFound, Body: "<html><body>Not found</body></html>"},
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// URL is the `url` of this site.
func (s *Server) URL() string { return s.Origin() + s.opts.Subpath }

// Token is the token that is valid here.
func (s *Server) Token() string { return s.opts.Token }

// ReadOnly lets the token read and nothing else.
func (s *Server) ReadOnly() { s.Lock(); defer s.Unlock(); s.readOnly = true }

// Revoke makes the token worthless.
func (s *Server) Revoke() { s.Lock(); defer s.Unlock(); s.revoked = true }

// Rename gives the repository another name.
func (s *Server) Rename(to string) { s.Lock(); defer s.Unlock(); s.moved = to }

// Statuses are the statuses of a commit, one for each key.
func (s *Server) Statuses(sha string) []Status {
	s.Lock()
	defer s.Unlock()
	var out []Status
	for _, st := range s.statuses {
		if st.SHA == sha {
			out = append(out, st)
		}
	}
	return out
}

func (s *Server) authorize(r *request) *answer {
	want := "Bearer " + s.opts.Token
	if s.opts.Username != "" {
		want = "Basic " + base64.StdEncoding.EncodeToString([]byte(s.opts.Username+":"+s.opts.Token))
	}
	if r.Header.Get("Authorization") == want && !s.revoked {
		return nil
	}
	a := s.refuse(http.StatusUnauthorized, "Token is invalid, expired, or not supported for this endpoint.")
	return &a
}

func (s *Server) finish(_ *request, a *answer) {
	h := a.Header.Clone()
	if h == nil {
		h = http.Header{}
	}
	h.Set("Date", s.opts.Now().UTC().Format(http.TimeFormat))
	a.Header = h
}

// refuse is an error in the shape of the product.
func (s *Server) refuse(status int, words string, fields ...string) answer {
	if s.opts.DataCenter {
		return answer{Status: status, Body: map[string]any{"errors": []any{map[string]any{"context": strings.Join(fields, ","), "message": words, "exceptionName": nil}}}}
	}
	inner := map[string]any{"message": words}
	if len(fields) > 0 {
		inner["message"] = "Bad request"
		inner["fields"] = map[string]any{fields[0]: []string{words}}
	}
	return answer{Status: status, Body: map[string]any{"type": "error", "error": inner}}
}

func limited(retryAfter int) answer {
	a := answer{Status: http.StatusTooManyRequests, Body: "Rate limit for this resource has been exceeded", Header: http.Header{}}
	if retryAfter > 0 {
		a.Header.Set("Retry-After", strconv.Itoa(retryAfter))
	}
	return a
}

func (s *Server) inRepo(do func(*request) answer) func(*request) answer {
	return func(r *request) answer {
		name := r.PathValue("owner") + "/" + r.PathValue("slug")
		switch {
		case !strings.EqualFold(name, s.opts.Repository):
			return s.refuse(http.StatusNotFound, "You may not have access to this repository or it no longer exists in this workspace.")
		case s.moved != "":
			return answer{Status: http.StatusMovedPermanently, Header: http.Header{"Location": {s.Origin() + "/" + s.moved}}}
		}
		return do(r)
	}
}

func (s *Server) getRepository(r *request) answer {
	body := map[string]any{"slug": r.PathValue("slug")}
	if !s.opts.DataCenter {
		body["full_name"] = s.opts.Repository
	}
	return answer{Status: http.StatusOK, Body: body}
}

// setStatus keeps one status for each key of a commit.
func (s *Server) setStatus(r *request) answer {
	st := Status{SHA: r.PathValue("sha"), Key: r.Text("key"), State: r.Text("state"), URL: r.Text("url"), Name: r.Text("name"),
		Description: r.Text("description"), Ref: r.Text("refname")}
	states := "INPROGRESS SUCCESSFUL FAILED STOPPED"
	if s.opts.DataCenter {
		st.Ref, states = r.Text("ref"), "INPROGRESS SUCCESSFUL FAILED CANCELLED UNKNOWN"
	}
	known := false
	for _, sha := range s.opts.Commits {
		known = known || sha == st.SHA
	}
	u, err := url.Parse(st.URL)
	switch {
	case s.readOnly:
		return s.refuse(http.StatusForbidden, "Your credentials lack one or more required privilege scopes.")
	case s.opts.DataCenter && r.Header.Get("X-Atlassian-Token") != "no-check":
		return s.refuse(http.StatusForbidden, "XSRF check failed")
	case !known:
		return s.refuse(http.StatusNotFound, fmt.Sprintf("Commit %s does not exist", st.SHA))
	case st.Key == "" || len(st.Key) > 40 && !s.opts.DataCenter:
		return s.refuse(http.StatusBadRequest, "Ensure this value has at most 40 characters.", "key")
	case err != nil || u.Host == "" || !strings.ContainsAny(u.Host, ".:") || strings.ContainsAny(st.URL, "{}"):
		return s.refuse(http.StatusBadRequest, "Enter a valid URL.", "url")
	case utf8.RuneCountInString(st.Name) > 255 || utf8.RuneCountInString(st.Description) > 255:
		return s.refuse(http.StatusBadRequest, "Ensure this value has at most 255 characters.", "description")
	case !strings.Contains(" "+states+" ", " "+st.State+" "):
		return s.refuse(http.StatusBadRequest, "is not a state", "state")
	case s.opts.DataCenter && st.Ref != "" && !strings.HasPrefix(st.Ref, "refs/"):
		return s.refuse(http.StatusBadRequest, "is not a ref", "ref")
	}
	made := answer{Status: http.StatusCreated, Body: map[string]any{"key": st.Key, "state": st.State}}
	if s.opts.DataCenter {
		made = answer{Status: http.StatusNoContent}
	}
	for i, old := range s.statuses {
		if old.SHA == st.SHA && old.Key == st.Key {
			s.statuses[i] = st
			return made
		}
	}
	s.statuses = append(s.statuses, st)
	return made
}
