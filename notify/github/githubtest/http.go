package githubtest

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Call is one request that was made, the token left out.
type Call struct {
	Route       string // one of the Route constants
	Method      string
	Path        string
	Query       url.Values
	Body        map[string]any
	Conditional bool   // If-None-Match was there
	Status      int    // that was answered; 0: none
	Fault       string // that was played
}

// Routes, for [Server.Fail] and [Server.Calls].
const (
	RouteRepository  = "repository"
	RouteUser        = "user"
	RoutePulls       = "pulls"
	RoutePull        = "pull"
	RoutePullCommits = "pull commits"
	RouteReviews     = "reviews"
	RouteCommit      = "commit"
	RouteCommitPulls = "commit pulls"
	RouteComments    = "comments"
	RouteComment     = "create comment"
	RouteEdit        = "edit comment"
	RoutePermission  = "permission"
	RouteStatus      = "status"
	RouteToken       = "token"
	RouteApp         = "app"
)

// request is one request as the handlers see it.
type request struct {
	*http.Request
	body  map[string]any
	token string
	repo  *repository
	login string // of whom the token is
}

func (r *request) text(key string) string { s, _ := r.body[key].(string); return s }
func (r *request) number(key string) int  { n, _ := strconv.Atoi(r.PathValue(key)); return n }

// answer is what goes back.
type answer struct {
	status int
	body   any
	header http.Header
}

type handler func(*request) answer

// route is one method of the API: what it needs, and what it does. Handlers run under the lock.
type route struct {
	name, pattern string
	needs         string // permission:level; empty: any token will do
	do            handler
}

const apiPrefix = "/api/v3"

// api is the side of the server that the program under test sees: its methods answer requests, where those of [Server] are for the
// test that plays the people.
type api struct{ *Server }

func (s api) routes() http.Handler {
	mux := http.NewServeMux()
	repo := apiPrefix + "/repos/{owner}/{repo}"
	for _, r := range []route{
		{RouteRepository, "GET " + repo, "metadata:read", s.getRepository},
		{RouteUser, "GET " + apiPrefix + "/user", "", s.getSelf},
		{RouteUser, "GET " + apiPrefix + "/users/{login}", "", s.getUser},
		{RoutePulls, "GET " + repo + "/pulls", "pull_requests:read", s.listPulls},
		{RoutePull, "GET " + repo + "/pulls/{number}", "pull_requests:read", s.getPull},
		{RoutePullCommits, "GET " + repo + "/pulls/{number}/commits", "pull_requests:read", s.listPullCommits},
		{RouteReviews, "GET " + repo + "/pulls/{number}/reviews", "pull_requests:read", s.listReviews},
		{RouteCommit, "GET " + repo + "/commits/{sha}", "contents:read", s.getCommit},
		{RouteCommitPulls, "GET " + repo + "/commits/{sha}/pulls", "pull_requests:read", s.listCommitPulls},
		{RouteComments, "GET " + repo + "/issues/{number}/comments", "pull_requests:read", s.listComments},
		{RouteComment, "POST " + repo + "/issues/{number}/comments", "pull_requests:write", s.createComment},
		{RouteEdit, "PATCH " + repo + "/issues/comments/{id}", "pull_requests:write", s.editComment},
		{RoutePermission, "GET " + repo + "/collaborators/{login}/permission", "metadata:read", s.getPermission},
		{RouteStatus, "POST " + repo + "/statuses/{sha}", "statuses:write", s.createStatus},
	} {
		mux.HandleFunc(r.pattern, s.serve(r, s.authorize))
	}
	mux.HandleFunc("POST "+apiPrefix+"/app/installations/{id}/access_tokens", s.serve(route{name: RouteToken, do: s.createToken}, s.authorizeApp))
	mux.HandleFunc("GET "+apiPrefix+"/app", s.serve(route{name: RouteApp, do: s.getApp}, s.authorizeApp))
	mux.HandleFunc("/", s.serve(route{name: "unknown", do: func(*request) answer { return notFound() }}, s.authorize))
	return mux
}

// serve wraps a method in everything that all have in common.
func (s api) serve(rt route, authorize func(*request) *answer) http.HandlerFunc {
	return func(w http.ResponseWriter, hr *http.Request) {
		body, _ := io.ReadAll(hr.Body) // whoever goes away in the middle gets what is there
		r := &request{Request: hr}
		bad := len(body) > 0 && json.Unmarshal(body, &r.body) != nil
		c := Call{Route: rt.name, Method: hr.Method, Path: strings.TrimPrefix(hr.URL.Path, apiPrefix), Query: hr.URL.Query(), Body: r.body,
			Conditional: hr.Header.Get("If-None-Match") != ""}
		s.runBefore(c)
		f := s.takeFault(rt.name)
		if f != nil {
			c.Fault = f.Kind.String()
		}
		if f != nil && f.early() {
			s.record(c)
			f.before(w, hr, s)
			return
		}
		a := s.carryOut(rt, r, authorize, bad)
		if f != nil && f.Kind == Duplicate {
			a = s.carryOut(rt, r, authorize, bad)
		}
		raw := s.finish(r, &a)
		c.Status = a.status
		s.record(c)
		if f != nil && f.after(w, raw) {
			return
		}
		s.write(w, a, raw)
	}
}

func (s api) carryOut(rt route, r *request, authorize func(*request) *answer, bad bool) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if bad {
		return refuse(http.StatusBadRequest, "Problems parsing JSON")
	}
	if a := authorize(r); a != nil {
		return *a
	}
	if s.opts.Limit > 0 {
		if s.opts.Now().After(s.reset) {
			s.used, s.reset = 0, s.opts.Now().Add(time.Hour)
		}
		if s.used >= s.opts.Limit {
			return s.exhausted()
		}
		s.used++
	}
	if a := s.permit(rt, r); a != nil {
		return *a
	}
	return rt.do(r)
}

// permit finds the repository, and says 404 where the token may not know of it, 403 where it may not do this.
func (s api) permit(rt route, r *request) *answer {
	if owner := r.PathValue("owner"); owner != "" {
		name := owner + "/" + r.PathValue("repo")
		if r.repo = s.repos[strings.ToLower(name)]; r.repo == nil || r.repo.Private && s.grants["metadata"] == "" {
			a := notFound()
			return &a
		}
		if r.repo.Moved != 0 {
			a := refuse(http.StatusMovedPermanently, "Moved Permanently")
			a.header = http.Header{"Location": {fmt.Sprintf("%s%s/repositories/%d", s.url, apiPrefix, r.repo.Moved)}}
			return &a
		}
	}
	name, level, _ := strings.Cut(rt.needs, ":")
	if has := s.grants[name]; name == "" || has == level || has == "write" {
		return nil
	}
	kind := "personal access token"
	if s.opts.App {
		kind = "integration"
	}
	a := refuse(http.StatusForbidden, "Resource not accessible by "+kind)
	a.header = http.Header{"X-Accepted-Github-Permissions": {name + "=" + level}}
	return &a
}

// finish gives an answer its bytes, its ETag and the headers about limits. An unchanged answer becomes a 304, which
// does not count.
func (s api) finish(r *request, a *answer) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	raw := encode(a.body)
	if a.header == nil {
		a.header = http.Header{}
	}
	if r.Method == http.MethodGet && a.status == http.StatusOK {
		etag := fmt.Sprintf(`W/"%x"`, sha256.Sum256([]byte(r.token+"\n"+a.header.Get("Link")+"\n"+string(raw))))
		a.header.Set("ETag", etag)
		if r.Header.Get("If-None-Match") == etag {
			a.status = http.StatusNotModified
			a.header.Del("Link")
			raw = nil
			if s.opts.Limit > 0 {
				s.used--
			}
		}
	}
	if s.opts.Limit > 0 {
		a.header.Set("X-RateLimit-Limit", strconv.Itoa(s.opts.Limit))
		a.header.Set("X-RateLimit-Remaining", strconv.Itoa(max(s.opts.Limit-s.used, 0)))
		a.header.Set("X-RateLimit-Used", strconv.Itoa(s.used))
		a.header.Set("X-RateLimit-Reset", strconv.FormatInt(s.reset.Unix(), 10))
		a.header.Set("X-RateLimit-Resource", "core")
	}
	if len(s.opts.Scopes) > 0 {
		a.header.Set("X-OAuth-Scopes", strings.Join(s.opts.Scopes, ", "))
	}
	a.header.Set("Date", s.opts.Now().UTC().Format(http.TimeFormat))
	a.header.Set("X-GitHub-Enterprise-Version", "3.19.0")
	return raw
}

func encode(body any) []byte {
	if body == nil {
		return nil
	}
	raw, _ := json.Marshal(body) // a map of plain values
	return raw
}

func (s api) write(w http.ResponseWriter, a answer, raw []byte) {
	for k, v := range a.header {
		w.Header()[http.CanonicalHeaderKey(k)] = v
	}
	if len(raw) > 0 {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(raw) // whoever went away does not want the answer
}

// paged cuts a list to the page that was asked for.
func (s api) paged(r *request, list []any) answer {
	q := r.URL.Query()
	size, err := strconv.Atoi(q.Get("per_page"))
	if err != nil || size <= 0 {
		size = 30
	}
	size = min(size, 100, s.opts.PageLimit)
	page, err := strconv.Atoi(q.Get("page"))
	if err != nil || page <= 0 {
		page = 1
	}
	last := max((len(list)+size-1)/size, 1)
	from, to := min((page-1)*size, len(list)), min(page*size, len(list))
	a := answer{status: http.StatusOK, body: append([]any{}, list[from:to]...), header: http.Header{}}
	link := func(n int, rel string) string {
		q.Set("page", strconv.Itoa(n))
		return fmt.Sprintf(`<%s%s?%s>; rel="%s"`, s.url, r.URL.Path, q.Encode(), rel)
	}
	var links []string
	if page > 1 {
		links = append(links, link(page-1, "prev"), link(1, "first"))
	}
	if page < last {
		links = append(links, link(page+1, "next"), link(last, "last"))
	}
	if len(links) > 0 {
		a.header.Set("Link", strings.Join(links, ", "))
	}
	return a
}

const docs = "https://docs.github.com/enterprise-server@3.19/rest"

func refuse(status int, message string, faults ...any) answer {
	body := map[string]any{"message": message, "documentation_url": docs, "status": strconv.Itoa(status)}
	if len(faults) > 0 {
		body["errors"] = faults
	}
	return answer{status: status, body: body}
}

func notFound() answer { return refuse(http.StatusNotFound, "Not Found") }

func invalid(resource, field, code, message string) answer {
	return refuse(http.StatusUnprocessableEntity, "Validation Failed",
		map[string]any{"resource": resource, "field": field, "code": code, "message": message})
}

func (s api) exhausted() answer {
	a := refuse(http.StatusForbidden, fmt.Sprintf("API rate limit exceeded for user ID %d.", ownerID))
	a.body.(map[string]any)["documentation_url"] = docs + "/rate-limit/rate-limit"
	return a
}
