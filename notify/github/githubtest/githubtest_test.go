package githubtest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"sallyport/notify/github/githubtest"
)

const (
	infra = "ops/infra"
	path  = "/repos/ops/infra"
)

func sha(digit string) string { return strings.Repeat(digit, 40) }

func server(t *testing.T, with func(*githubtest.Options)) *githubtest.Server {
	t.Helper()
	o := githubtest.Options{
		Users:        []githubtest.User{{ID: 7, Login: "jane"}, {ID: 66, Login: "mallory"}},
		Repositories: []githubtest.Repository{{ID: 42, Name: infra, Private: true, Access: map[string]string{"Jane": "maintain"}}},
	}
	if with != nil {
		with(&o)
	}
	s, err := githubtest.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// got is an answer.
type got struct {
	status int
	header http.Header
	raw    string
	object map[string]any
	list   []map[string]any
}

// ask sends a request; headers come in pairs.
func ask(t *testing.T, s *githubtest.Server, method, path string, body any, header ...string) got {
	t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	if body == nil {
		raw = nil
	}
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL()+"/api/v3"+path, bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.Token())
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return got{}
	}
	defer func() { _ = resp.Body.Close() }()
	out, err := io.ReadAll(resp.Body)
	if err != nil {
		return got{status: resp.StatusCode}
	}
	g := got{status: resp.StatusCode, header: resp.Header, raw: string(out)}
	_ = json.Unmarshal(out, &g.object) // a list, or nothing
	_ = json.Unmarshal(out, &g.list)   // an object, or nothing
	return g
}

func TestRefusals(t *testing.T) {
	status := func(kv ...string) map[string]any {
		m := map[string]any{"state": "success", "context": "sallyport/ghe"}
		for i := 0; i < len(kv); i += 2 {
			m[kv[i]] = kv[i+1]
		}
		return m
	}
	tests := map[string]struct {
		method, path string
		body         any
		header       []string
		status       int
		words        string
	}{
		"no token":             {"GET", path, nil, []string{"Authorization", ""}, 401, "Requires authentication"},
		"wrong token":          {"GET", path, nil, []string{"Authorization", "Bearer x"}, 401, "Bad credentials"},
		"wrong scheme":         {"GET", path, nil, []string{"Authorization", "Basic eDp5"}, 401, "Bad credentials"},
		"no such repository":   {"GET", "/repos/ops/other", nil, nil, 404, "Not Found"},
		"no such method":       {"GET", path + "/nonsense", nil, nil, 404, "Not Found"},
		"no such pull request": {"GET", path + "/pulls/99", nil, nil, 404, "Not Found"},
		"its reviews":          {"GET", path + "/pulls/99/reviews", nil, nil, 404, "Not Found"},
		"its commits":          {"GET", path + "/pulls/99/commits", nil, nil, 404, "Not Found"},
		"its comments":         {"GET", path + "/issues/99/comments", nil, nil, 404, "Not Found"},
		"comment on it":        {"POST", path + "/issues/99/comments", map[string]any{"body": "x"}, nil, 404, "Not Found"},
		"edit of none":         {"PATCH", path + "/issues/comments/1", map[string]any{"body": "x"}, nil, 404, "Not Found"},
		"unknown commit":       {"GET", path + "/commits/" + sha("9"), nil, nil, 422, "No commit found for SHA: 999"},
		"its pull requests":    {"GET", path + "/commits/" + sha("9") + "/pulls", nil, nil, 422, "No commit found"},
		"status of it":         {"POST", path + "/statuses/" + sha("9"), status(), nil, 422, "No commit found"},
		"unknown state":        {"POST", path + "/statuses/" + sha("a"), status("state", "waiting"), nil, 422, "state is not included in the list"},
		"long description":     {"POST", path + "/statuses/" + sha("a"), status("description", strings.Repeat("ü", 141)), nil, 422, "maximum is 140 characters"},
		"just so":              {"POST", path + "/statuses/" + sha("a"), status("description", strings.Repeat("ü", 140)), nil, 201, ""},
		"odd target":           {"POST", path + "/statuses/" + sha("a"), status("target_url", "ftp://x"), nil, 422, "must use http(s) scheme"},
		"no user":              {"GET", path + "/collaborators/nobody/permission", nil, nil, 404, "nobody is not a user"},
		"long comment":         {"POST", path + "/issues/1/comments", map[string]any{"body": strings.Repeat("x", 65537)}, nil, 422, "maximum is 65536 characters"},
		"just long":            {"POST", path + "/issues/1/comments", map[string]any{"body": strings.Repeat("x", 65536)}, nil, 201, ""},
		"blank comment":        {"POST", path + "/issues/1/comments", map[string]any{"body": " "}, nil, 422, "cannot be blank"},
		"no JSON object":       {"POST", path + "/issues/1/comments", "body", nil, 400, "Problems parsing JSON"},
		"an app's method":      {"GET", "/app", nil, nil, 401, "A JSON web token could not be decoded"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := server(t, nil)
			s.OpenPull(infra, githubtest.Pull{Author: "jane", Head: sha("a")})
			g := ask(t, s, tt.method, tt.path, tt.body, tt.header...)
			if g.status != tt.status || !strings.Contains(g.raw, tt.words) {
				t.Errorf("got %d %.300s", g.status, g.raw)
			}
			if g.status >= 400 && (g.object["message"] == nil || g.object["documentation_url"] == nil) {
				t.Errorf("no error of GitHub's: %s", g.raw)
			}
		})
	}
}

func TestThousandStatuses(t *testing.T) {
	s := server(t, nil)
	s.AddCommit(infra, githubtest.Commit{SHA: sha("a")})
	body := map[string]any{"state": "pending", "context": "sallyport/ghe"}
	for range 1000 {
		if g := ask(t, s, "POST", path+"/statuses/"+sha("a"), body); g.status != 201 {
			t.Fatalf("got %d", g.status)
		}
	}
	if g := ask(t, s, "POST", path+"/statuses/"+sha("a"), body); g.status != 422 || !strings.Contains(g.raw, "maximum number of statuses") {
		t.Errorf("got %d %s", g.status, g.raw)
	}
	body["context"] = "sallyport/other"
	if g := ask(t, s, "POST", path+"/statuses/"+sha("a"), body); g.status != 201 {
		t.Errorf("another context: %d", g.status)
	}
	if n := len(s.Statuses(infra, sha("a"), "")); n != 1001 {
		t.Errorf("%d statuses", n)
	}
}

func TestGrants(t *testing.T) {
	s := server(t, nil)
	s.OpenPull(infra, githubtest.Pull{Author: "jane", Head: sha("a")})
	s.SetGrants(map[string]string{"metadata": "read", "statuses": "read"})
	g := ask(t, s, "POST", path+"/statuses/"+sha("a"), map[string]any{"state": "success"})
	if g.status != 403 || !strings.Contains(g.raw, "Resource not accessible") || g.header.Get("X-Accepted-GitHub-Permissions") != "statuses=write" {
		t.Errorf("got %d %s %v", g.status, g.raw, g.header)
	}
	s.SetGrants(nil)
	if g := ask(t, s, "GET", path, nil); g.status != 404 {
		t.Errorf("a private repository that the token may not know of: %d", g.status)
	}
	s.Revoke()
	if g := ask(t, s, "GET", path, nil); g.status != 401 {
		t.Errorf("revoked: %d", g.status)
	}
}

func TestPaging(t *testing.T) {
	s := server(t, nil)
	for i := range 65 {
		s.OpenPull(infra, githubtest.Pull{Author: "jane", Head: sha(strconv.Itoa(i % 10))})
	}
	link := func(g got, rel string) string {
		for part := range strings.SplitSeq(g.header.Get("Link"), ", ") {
			if u, ok := strings.CutSuffix(part, `; rel="`+rel+`"`); ok {
				return strings.TrimPrefix(strings.Trim(u, "<>"), s.URL()+"/api/v3")
			}
		}
		return ""
	}
	g := ask(t, s, "GET", path+"/pulls", nil)
	if len(g.list) != 30 || g.list[0]["number"] != 65.0 || link(g, "prev") != "" || !strings.Contains(link(g, "last"), "page=3") {
		t.Errorf("%d entries, %s", len(g.list), g.header.Get("Link"))
	}
	g = ask(t, s, "GET", link(g, "next"), nil)
	g = ask(t, s, "GET", link(g, "next"), nil)
	if len(g.list) != 5 || link(g, "next") != "" || link(g, "first") == "" {
		t.Errorf("the last page: %d entries, %s", len(g.list), g.header.Get("Link"))
	}
	if g := ask(t, s, "GET", path+"/pulls?per_page=1000", nil); len(g.list) != 65 {
		t.Errorf("a page of at most 100: %d", len(g.list))
	}
	if g := ask(t, s, "GET", path+"/pulls?page=9", nil); g.status != 200 || g.raw != "[]" {
		t.Errorf("beyond the end: %d %s", g.status, g.raw)
	}
}

func TestETagsAndLimits(t *testing.T) {
	now := time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	s := server(t, func(o *githubtest.Options) { o.Limit, o.Now = 3, func() time.Time { return now } })
	g := ask(t, s, "GET", path+"/pulls", nil)
	etag := g.header.Get("ETag")
	if !strings.HasPrefix(etag, `W/"`) || g.header.Get("X-RateLimit-Remaining") != "2" {
		t.Errorf("%v", g.header)
	}
	for range 5 {
		if g := ask(t, s, "GET", path+"/pulls", nil, "If-None-Match", etag); g.status != 304 || g.raw != "" || g.header.Get("X-RateLimit-Remaining") != "2" {
			t.Errorf("got %d %s %v", g.status, g.raw, g.header)
		}
	}
	s.OpenPull(infra, githubtest.Pull{Author: "jane", Head: sha("a")})
	if g := ask(t, s, "GET", path+"/pulls", nil, "If-None-Match", etag); g.status != 200 || g.header.Get("ETag") == etag {
		t.Errorf("a change: %d", g.status)
	}
	ask(t, s, "GET", path, nil)
	g = ask(t, s, "GET", path, nil)
	if g.status != 403 || !strings.Contains(g.raw, "API rate limit exceeded") || g.header.Get("X-RateLimit-Remaining") != "0" ||
		g.header.Get("X-RateLimit-Reset") != strconv.FormatInt(now.Add(time.Hour).Unix(), 10) {
		t.Errorf("used up: %d %s %v", g.status, g.raw, g.header)
	}
	now = now.Add(61 * time.Minute)
	if g := ask(t, s, "GET", path, nil); g.status != 200 {
		t.Errorf("an hour later: %d", g.status)
	}
	unlimited := server(t, nil)
	if g := ask(t, unlimited, "GET", path, nil); g.header.Get("X-RateLimit-Remaining") != "" {
		t.Error("a server without limits speaks of them")
	}
}

func TestFaults(t *testing.T) {
	tests := map[string]struct {
		fault  githubtest.Fault
		status int // 0: no answer
		made   int // comments
	}{
		"secondary":   {githubtest.Fault{Kind: githubtest.Secondary, RetryAfter: 9}, 403, 0},
		"429":         {githubtest.Fault{Kind: githubtest.TooMany, RetryAfter: 9}, 429, 0},
		"primary":     {githubtest.Fault{Kind: githubtest.Primary, RetryAfter: 9}, 403, 0},
		"502":         {githubtest.Fault{Kind: githubtest.ServerError}, 502, 0},
		"refuse":      {githubtest.Fault{Kind: githubtest.Refuse, Status: 418, Words: "no"}, 418, 0},
		"proxy":       {githubtest.Fault{Kind: githubtest.NoAnswer}, 200, 0},
		"drop":        {githubtest.Fault{Kind: githubtest.Drop}, 0, 0},
		"lost answer": {githubtest.Fault{Kind: githubtest.LoseAnswer}, 0, 1},
		"late 502":    {githubtest.Fault{Kind: githubtest.LateServerError}, 502, 1},
		"truncated":   {githubtest.Fault{Kind: githubtest.Truncate}, 200, 1},
		"duplicate":   {githubtest.Fault{Kind: githubtest.Duplicate}, 201, 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := server(t, nil)
			n := s.OpenPull(infra, githubtest.Pull{Author: "jane", Head: sha("a")})
			s.Fail(githubtest.RouteComment, 1, tt.fault)
			post := func() got { return ask(t, s, "POST", path+"/issues/1/comments", map[string]any{"body": "x"}) }
			if g := post(); g.status != tt.status {
				t.Errorf("got %d", g.status)
			}
			if got := len(s.Comments(infra, n)); got != tt.made {
				t.Errorf("%d comments, want %d", got, tt.made)
			}
			if g := post(); g.status != 201 {
				t.Errorf("afterwards: %d", g.status)
			}
		})
	}
	s := server(t, nil)
	s.Down()
	if g := ask(t, s, "GET", path, nil); g.status != 0 {
		t.Errorf("down: %d", g.status)
	}
	s.Heal()
	s.Fail(githubtest.RouteRepository, 1, githubtest.Fault{Kind: githubtest.ServerError, Skip: 1})
	if a, b, c := ask(t, s, "GET", path, nil), ask(t, s, "GET", path, nil), ask(t, s, "GET", path, nil); a.status != 200 || b.status != 502 || c.status != 200 {
		t.Errorf("skipping one: %d %d %d", a.status, b.status, c.status)
	}
}

func TestHangAndWait(t *testing.T) {
	s := server(t, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	s.Fail(githubtest.RouteRepository, 1, githubtest.Fault{Kind: githubtest.Hang})
	done := make(chan got)
	go func() { done <- ask(t, s, "GET", path, nil) }()
	if err := s.WaitFor(ctx, func() bool { return s.Calls(githubtest.RouteRepository) == 1 }); err != nil {
		t.Fatal(err)
	}
	s.Unhang()
	if g := <-done; g.status != 0 {
		t.Errorf("let go with %d", g.status)
	}
	over, stop := context.WithCancel(ctx)
	stop()
	if err := s.WaitFor(over, func() bool { return false }); err == nil || !strings.Contains(err.Error(), "/repos/ops/infra") {
		t.Errorf("the error has no transcript: %v", err)
	}
	s.Close()
	if err := s.WaitFor(ctx, func() bool { return false }); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("after the end: %v", err)
	}
}

func TestPeople(t *testing.T) {
	s := server(t, nil)
	s.AddRepository(githubtest.Repository{ID: 43, Name: "mallory/infra"})
	n := s.OpenPull(infra, githubtest.Pull{Author: "mallory", Head: sha("a"), From: 43, Association: "NONE"})
	head := func() map[string]any { return ask(t, s, "GET", path+"/pulls/1", nil).object["head"].(map[string]any) }
	if repo, _ := head()["repo"].(map[string]any); repo["id"] != 43.0 {
		t.Errorf("head: %v", head())
	}
	s.DeleteRepository("mallory/infra")
	if head()["repo"] != nil {
		t.Errorf("of a deleted fork: %v", head())
	}
	s.Push(infra, n, sha("b"))
	id := s.Review(infra, n, "jane", "APPROVED")
	s.Dismiss(infra, n, id)
	g := ask(t, s, "GET", path+"/pulls/1/reviews", nil)
	if len(g.list) != 1 || g.list[0]["state"] != "DISMISSED" || g.list[0]["commit_id"] != sha("b") {
		t.Errorf("reviews: %s", g.raw)
	}
	s.SetAccess(infra, "mallory", "triage")
	for login, want := range map[string]string{"jane": "write maintain", "mallory": "read triage", "sallyport-bot": "none none"} {
		g := ask(t, s, "GET", path+"/collaborators/"+login+"/permission", nil)
		if got := g.object["permission"].(string) + " " + g.object["role_name"].(string); got != want {
			t.Errorf("%s: %s", login, got)
		}
	}
	s.Merge(infra, n, "jane", sha("c"))
	g = ask(t, s, "GET", path+"/pulls/1", nil)
	if by, _ := g.object["merged_by"].(map[string]any); g.object["state"] != "closed" || g.object["merge_commit_sha"] != sha("c") || by["login"] != "jane" {
		t.Errorf("merged: %s", g.raw)
	}
	if g := ask(t, s, "GET", path+"/commits/"+sha("c")+"/pulls", nil); len(g.list) != 1 {
		t.Errorf("of the merge commit: %s", g.raw)
	}
	c := s.Comment(infra, n, "jane", "one")
	s.EditComment(infra, c, "two")
	if list := s.Comments(infra, n); len(list) != 1 || list[0].Body != "two" || len(list[0].Versions) != 2 {
		t.Errorf("comments: %+v", list)
	}
	s.DeleteComment(infra, c)
	if len(s.Comments(infra, n)) != 0 {
		t.Error("a deleted comment is there")
	}
	s.DeleteUser("mallory")
	if g := ask(t, s, "GET", path+"/pulls/1", nil); g.object["user"] != nil {
		t.Errorf("author gone: %v", g.object["user"])
	}
}

// TestTranscriptHasNoToken: it is printed by tests, and into the logs of CI.
func TestTranscriptHasNoToken(t *testing.T) {
	s := server(t, nil)
	s.OpenPull(infra, githubtest.Pull{Author: "jane", Head: sha("a"), Title: "grow"})
	ask(t, s, "POST", path+"/statuses/"+sha("a"), map[string]any{"state": "pending", "context": "sallyport/ghe", "description": "planning"})
	text := s.Transcript()
	for _, want := range []string{"pull request 1 by jane", "sallyport/ghe pending: planning", "POST /repos/ops/infra/statuses/"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if strings.Contains(text, s.Token()) {
		t.Error("the token is in it")
	}
}

func TestMistakesPanic(t *testing.T) {
	s := server(t, nil)
	for name, f := range map[string]func(){
		"repository": func() { s.OpenPull("ops/none", githubtest.Pull{Author: "jane"}) },
		"user":       func() { s.OpenPull(infra, githubtest.Pull{Author: "nobody"}) },
		"pull":       func() { s.ClosePull(infra, 9) },
		"comment":    func() { s.EditComment(infra, 9, "x") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}
