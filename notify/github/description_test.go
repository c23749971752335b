package github_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"sallyport/notify/forge"
	"sallyport/notify/forge/report"
	"sallyport/notify/github"
	"sallyport/notify/github/githubtest"
)

// description is GitHub's own description of its API: what it says of the requests that are made here, cut out of
// ghes-3.19.json of the npm package @octokit/openapi 23.0.2. Texts, examples and responses are left out.
func description(t *testing.T) routers.Router {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromFile("testdata/ghes-3.19.json")
	if err != nil {
		t.Fatal(err)
	}
	router, err := legacy.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return router
}

// described says what of a request GitHub's description does not know, or forbids. The body can be read again afterwards.
func described(router routers.Router, r *http.Request) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if string(bytes.TrimSpace(body)) == "null" {
		body = nil // ghinstallation asks for a token with nothing to say about it like this, and GitHub takes that
	}
	at := r.Clone(r.Context())
	at.Body, at.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	at.URL = &url.URL{Path: strings.TrimPrefix(r.URL.Path, "/api/v3"), RawQuery: r.URL.RawQuery}
	route, params, err := router.FindRoute(at)
	if err != nil {
		return fmt.Errorf("%s %s: %w", r.Method, r.URL.Path, err)
	}
	if err := openapi3filter.ValidateRequest(r.Context(), &openapi3filter.RequestValidationInput{Request: at, PathParams: params, Route: route}); err != nil {
		return fmt.Errorf("%s %s: %w", r.Method, r.URL, err)
	}
	for name := range r.URL.Query() {
		if route.Operation.Parameters.GetByInAndName("query", name) == nil && route.PathItem.Parameters.GetByInAndName("query", name) == nil {
			return fmt.Errorf("%s %s has no parameter %s", r.Method, r.URL.Path, name)
		}
	}
	if len(body) == 0 {
		return nil
	}
	var fields map[string]any
	if err := json.Unmarshal(body, &fields); err != nil {
		return err
	}
	for name := range fields {
		if route.Operation.RequestBody.Value.Content.Get("application/json").Schema.Value.Properties[name] == nil {
			return fmt.Errorf("the body of %s %s has no field %s", r.Method, r.URL.Path, name)
		}
	}
	return nil
}

// TestRequestsAsDescribed makes every request that there is, and holds each against GitHub's own description.
func TestRequestsAsDescribed(t *testing.T) {
	router := description(t)
	s := site(t, func(o *githubtest.Options) { o.App = true })
	s.AddCommit(infra, githubtest.Commit{SHA: sha("a"), Author: "jane"})
	n := s.OpenPull(infra, githubtest.Pull{Author: "jane", Title: "grow", Head: sha("a")})
	target, err := url.Parse(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	var mu sync.Mutex
	routes := map[string]bool{}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := described(router, r); err != nil {
			t.Error(err)
		}
		if a := r.Header.Get("Accept"); !strings.HasPrefix(a, "application/vnd.github") {
			t.Errorf("%s %s accepts %q", r.Method, r.URL.Path, a)
		}
		mu.Lock()
		routes[r.Method+" "+strings.Split(r.URL.Path, "/")[3]] = true
		mu.Unlock()
		proxy.ServeHTTP(w, r)
	}))
	defer front.Close()
	c := client(t, s, func(o *github.Options) {
		asApp(t, s)(o)
		o.URL = front.URL
	})
	ctx := deadline(t)
	for name, call := range map[string]func() error{
		"probe": func() error { _, err := c.Probe(ctx); return err },
		"status": func() error {
			return c.SetStatus(ctx, forge.Head{Commit: sha("a")}, github.Status{Context: "sallyport/ghe", State: github.Success, Description: strings.Repeat("é", 200), TargetURL: "https://example.slack.com/archives/C1/p1"})
		},
		"open":     func() error { _, _, err := c.OpenPullRequests(ctx); return err },
		"again":    func() error { _, _, err := c.OpenPullRequests(ctx); return err },
		"one":      func() error { _, err := c.PullRequest(ctx, n); return err },
		"of":       func() error { _, err := c.Landed(ctx, sha("a"), "main"); return err },
		"reviews":  func() error { _, err := c.Reviews(ctx, github.PullRequest{Number: n}); return err },
		"commits":  func() error { _, err := c.Commits(ctx, github.PullRequest{Number: n}); return err },
		"commit":   func() error { _, err := c.Commit(ctx, sha("a")); return err },
		"access":   func() error { _, err := c.Access(ctx, github.User{ID: 7, Login: "jane"}); return err },
		"comments": func() error { _, err := c.Comments(ctx, n, time.Unix(0, 0)); return err },
		"comment": func() error {
			marker := report.Marker("a1")
			id, err := c.PutComment(ctx, n, 0, marker, marker+" one")
			if err == nil {
				_, err = c.PutComment(ctx, n, id, marker, marker+" two")
			}
			return err
		},
	} {
		if err := call(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(routes) < 5 || !routes["POST app"] || !routes["PATCH repos"] {
		t.Errorf("requests of %v were made", routes)
	}
}

// TestDescriptionCatches shows that requests which GitHub would not take are not described.
func TestDescriptionCatches(t *testing.T) {
	router := description(t)
	for name, tt := range map[string]struct{ method, path, body string }{
		"a state that there is not": {"POST", "/repos/ops/infra/statuses/" + sha("a"), `{"state":"waiting"}`},
		"no state":                  {"POST", "/repos/ops/infra/statuses/" + sha("a"), `{"context":"x"}`},
		"a field too many":          {"POST", "/repos/ops/infra/statuses/" + sha("a"), `{"state":"success","url":"x"}`},
		"no body":                   {"POST", "/repos/ops/infra/issues/1/comments", `{}`},
		"a wrong type":              {"POST", "/repos/ops/infra/issues/1/comments", `{"body":1}`},
		"an unknown parameter":      {"GET", "/repos/ops/infra/pulls?page=1&status=open", ""},
		"a wrong value":             {"GET", "/repos/ops/infra/pulls?state=opened", ""},
		"no number":                 {"GET", "/repos/ops/infra/pulls/x", ""},
		"another method":            {"PUT", "/repos/ops/infra/issues/comments/1", `{"body":"x"}`},
		"another path":              {"GET", "/repos/ops/infra/pull/1", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, "http://ghe/api/v3"+tt.path, strings.NewReader(tt.body))
			r.Header.Set("Content-Type", "application/json")
			if err := described(router, r); err == nil {
				t.Error("it passes")
			}
		})
	}
}
