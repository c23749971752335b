package gitlab_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/notify/forge"
	"sallyport/notify/forge/forgetest"
	"sallyport/notify/forge/wire"
	"sallyport/notify/gitlab"
	"sallyport/notify/gitlab/gitlabtest"
)

// TestOpenPullRequests: what happens between two polls, and what the second says. Each poll but the first asks for what changed only.
func TestOpenPullRequests(t *testing.T) {
	tests := map[string]struct {
		happens func(*gitlabtest.Server)
		want    []int
		changed bool
	}{
		"nothing":      {func(*gitlabtest.Server) {}, []int{2, 1}, false},
		"another one":  {func(s *gitlabtest.Server) { s.OpenPull(infra, gitlabtest.Pull{Author: "bob", Head: sha("c")}) }, []int{3, 2, 1}, true},
		"a push":       {func(s *gitlabtest.Server) { s.Push(infra, 1, sha("c")) }, []int{2, 1}, true},
		"a force push": {func(s *gitlabtest.Server) { s.ForcePush(infra, 2, sha("c")) }, []int{2, 1}, true},
		"a comment":    {func(s *gitlabtest.Server) { s.Comment(infra, 1, "bob", "sallyport plan") }, []int{2, 1}, true},
		"closed":       {func(s *gitlabtest.Server) { s.ClosePull(infra, 1) }, []int{2}, true},
		"merged":       {func(s *gitlabtest.Server) { s.Merge(infra, 2, "bob", sha("d")) }, []int{1}, true},
		"closed and opened again": {func(s *gitlabtest.Server) {
			s.ClosePull(infra, 1)
			s.ChangePull(infra, 1, func(p *gitlabtest.Pull) { p.Open = true })
		}, []int{2, 1}, true},
		"retargeted": {func(s *gitlabtest.Server) { s.ChangePull(infra, 1, func(p *gitlabtest.Pull) { p.BaseRef = "release" }) }, []int{2, 1}, true},
		"another one without a head": {func(s *gitlabtest.Server) {
			s.Lag(infra, s.OpenPull(infra, gitlabtest.Pull{Author: "bob", Head: sha("c")}), "")
		}, []int{2, 1}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			clock := newClock()
			s := site(t, func(o *gitlabtest.Options) { o.Now = clock.Now })
			c := client(t, s, func(o *gitlab.Options) { o.Now = clock.Now })
			s.OpenPull(infra, gitlabtest.Pull{Author: "jane", Head: sha("a")})
			s.OpenPull(infra, gitlabtest.Pull{Author: "mallory", Head: sha("b"), From: forkID})
			if list, changed, err := c.OpenPullRequests(deadline(t)); err != nil || !changed || !slices.Equal(numbers(list), []int{2, 1}) {
				t.Fatal(list, changed, err)
			}
			clock.now = clock.now.Add(5 * time.Minute)
			tt.happens(s)
			list, changed, err := c.OpenPullRequests(deadline(t))
			if err != nil || changed != tt.changed || !slices.Equal(numbers(list), tt.want) {
				t.Errorf("%v, changed %t, %v", numbers(list), changed, err)
			}
			calls := s.Requests(gitlabtest.RoutePulls)
			if last := calls[len(calls)-1]; len(calls) != 2 || last.Query.Get("updated_after") != "2026-11-24T02:58:00Z" || last.Query.Get("state") != "all" {
				t.Errorf("%d requests, the last with %v", len(calls), last.Query)
			}
		})
	}
}

// TestLateHead: a head that GitLab gives late is seen, though the time of the change is that of before.
func TestLateHead(t *testing.T) {
	clock := newClock()
	s := site(t, func(o *gitlabtest.Options) { o.Now = clock.Now })
	c := client(t, s, func(o *gitlab.Options) { o.Now = clock.Now })
	n := s.OpenPull(infra, gitlabtest.Pull{Author: "jane", Head: sha("a")})
	s.Lag(infra, n, "")
	if list := must2(t)(c.OpenPullRequests(deadline(t))); len(list) != 0 {
		t.Errorf("it has no head: %v", list)
	}
	_, err := c.PullRequest(deadline(t), n)
	var e *wire.Error
	if !errors.As(err, &e) || e.Everything() || e.Final() {
		t.Errorf("%v", err)
	}
	clock.now = clock.now.Add(9 * time.Minute)
	s.Settle(infra, n)
	if list := must2(t)(c.OpenPullRequests(deadline(t))); len(list) != 1 || list[0].Head != sha("a") {
		t.Errorf("%v", list)
	}
	s.Push(infra, n, sha("b"))
	s.Lag(infra, n, sha("a"))
	must2(t)(c.OpenPullRequests(deadline(t)))
	s.Settle(infra, n)
	if list := must2(t)(c.OpenPullRequests(deadline(t))); list[0].Head != sha("b") {
		t.Errorf("the head is still %s", list[0].Head)
	}
}

// TestWholeListNowAndThen: what changes no merge request's time is seen all the same.
func TestWholeListNowAndThen(t *testing.T) {
	clock := newClock()
	s := site(t, func(o *gitlabtest.Options) { o.Now = clock.Now })
	c := client(t, s, func(o *gitlab.Options) { o.Now = clock.Now })
	s.OpenPull(infra, gitlabtest.Pull{Author: "mallory", Head: sha("a"), From: forkID})
	must2(t)(c.OpenPullRequests(deadline(t)))
	s.DeleteProject("mallory/infra")
	clock.now = clock.now.Add(11 * time.Minute)
	list, changed, err := c.OpenPullRequests(deadline(t))
	if err != nil || !changed || len(list) != 1 || list[0].HeadRepository != 0 || list[0].SameRepository() {
		t.Errorf("%+v, %t, %v", list, changed, err)
	}
}

// TestPages: lists of several pages, and those that nobody can rely on.
func TestPages(t *testing.T) {
	const all = 5
	tests := map[string]struct {
		limit  int // entries of a page
		strip  bool
		moving bool
		fails  bool
	}{
		"one page":               {100, false, false, false},
		"several":                {2, false, false, false},
		"that never stand still": {2, false, true, true},
		"more than can be read":  {0, false, false, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := site(t, func(o *gitlabtest.Options) { o.PageLimit = max(tt.limit, 1) })
			c := client(t, s, nil)
			open := all
			if tt.limit == 0 {
				open = 60
			}
			for i := range open {
				s.OpenPull(infra, gitlabtest.Pull{Author: "jane", Head: fmt.Sprintf("%040x", i+1)})
			}
			if tt.moving {
				i := 100
				s.Before(gitlabtest.RoutePulls, func(forgetest.Call) {
					i++
					s.Push(infra, 1, fmt.Sprintf("%040x", i))
				})
			}
			list, _, err := c.OpenPullRequests(deadline(t))
			if tt.fails != (err != nil) || err != nil && list != nil || err == nil && len(list) != open {
				t.Errorf("%d of them, %v", len(list), err)
			}
		})
	}
}

// TestPagesWithoutHeaders: a proxy that takes GitLab's headers away ends no list early; links to keys are followed.
func TestPagesWithoutHeaders(t *testing.T) {
	full := func(n int) []any {
		var list []any
		for i := range n {
			list = append(list, map[string]any{"id": i + 1, "head_commit_sha": sha("a"), "created_at": "2026-11-24T02:00:00Z"})
		}
		return list
	}
	page := func(n int, link string) forgetest.Fault {
		h := http.Header{}
		if link != "" {
			h.Set("Link", "<https://elsewhere/api/v4/x?"+link+">; rel=\"next\"")
		}
		return forgetest.Fault{Kind: forgetest.Refuse, Answer: forgetest.Answer{Status: 200, Body: full(n), Header: h}}
	}
	tests := map[string]struct {
		pages []forgetest.Fault
		calls int
		query string // of the second call
		fails bool
	}{
		"a short page is the last": {[]forgetest.Fault{page(3, "")}, 1, "", false},
		"a full one is not":        {[]forgetest.Fault{page(100, ""), page(1, "")}, 2, "page=2&per_page=100", false},
		"by keys":                  {[]forgetest.Fault{page(100, "cursor=abc&per_page=100"), page(1, "")}, 2, "cursor=abc&per_page=100", false},
		"by keys, in a circle":     {[]forgetest.Fault{page(100, "cursor=abc"), page(100, "cursor=abc")}, 2, "cursor=abc&per_page=100", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := site(t, nil)
			c := client(t, s, nil)
			n := s.OpenPull(infra, gitlabtest.Pull{Author: "jane", Head: sha("a")})
			s.Review(infra, n, "bob", "APPROVED")
			for _, f := range tt.pages {
				s.Fail(gitlabtest.RouteVersions, 1, f)
			}
			list, err := c.Reviews(deadline(t), forge.PullRequest{Number: n})
			calls := s.Requests(gitlabtest.RouteVersions)
			if tt.fails != (err != nil) || !tt.fails && len(list) != 1 || len(calls) != tt.calls || tt.calls > 1 && calls[1].Query.Encode() != tt.query {
				t.Errorf("%v, %v after %+v", list, err, calls)
			}
		})
	}
}

func TestOnePullRequest(t *testing.T) {
	s := site(t, nil)
	c := client(t, s, nil)
	n := s.OpenPull(infra, gitlabtest.Pull{Author: "jane", Title: "grow\u202e it", Draft: true, Head: sha("a"), HeadRef: "grow", BaseRef: "main"})
	p := must[forge.PullRequest](t)(c.PullRequest(deadline(t), n))
	want := forge.PullRequest{Number: 1, Title: "grow it", URL: s.URL() + "/" + infra + "/-/merge_requests/1", Open: true, Draft: true,
		Author: forge.User{ID: 7, Login: "jane"}, Head: sha("a"), HeadRef: "grow", HeadRepository: infraID, Base: sha("b"), BaseRef: "main",
		BaseRepository: infraID, UpdatedAt: p.UpdatedAt}
	if p != want {
		t.Errorf("got %+v\nwant %+v", p, want)
	}
	if got := c.HeadRef(n); got != "refs/merge-requests/1/head" || c.Words().Name(n) != "merge request !1" {
		t.Errorf("%s, %s", got, c.Words().Name(n))
	}
	fork := s.OpenPull(infra, gitlabtest.Pull{Author: "mallory", Head: sha("c"), From: forkID})
	if p := must[forge.PullRequest](t)(c.PullRequest(deadline(t), fork)); p.SameRepository() || p.HeadRepository != forkID {
		t.Errorf("%+v", p)
	}
	s.DeleteProject("mallory/infra")
	if p := must[forge.PullRequest](t)(c.PullRequest(deadline(t), fork)); p.SameRepository() || p.HeadRepository != 0 {
		t.Errorf("%+v", p)
	}
	s.DeleteUser("jane")
	if p := must[forge.PullRequest](t)(c.PullRequest(deadline(t), n)); p.Author.ID != 0 {
		t.Errorf("%+v", p.Author)
	}
	if _, err := c.PullRequest(deadline(t), 99); wire.KindOf(err) != wire.NotFound {
		t.Errorf("got %v", err)
	}
}

// TestOddMergeRequests: what makes no sense is an error, never a merge request with something missing.
func TestOddMergeRequests(t *testing.T) {
	ok := map[string]any{"iid": 1, "state": "opened", "sha": sha("a"), "target_project_id": infraID, "source_project_id": infraID}
	for name, change := range map[string]map[string]any{
		"another number": {"iid": 2}, "another project": {"target_project_id": 43}, "a branch as its head": {"sha": "main"}, "a state of another version": {"state": "prepared"},
	} {
		t.Run(name, func(t *testing.T) {
			s := site(t, nil)
			c := client(t, s, nil)
			body := map[string]any{}
			for _, m := range []map[string]any{ok, change} {
				for k, v := range m {
					body[k] = v
				}
			}
			s.Fail(gitlabtest.RoutePull, 1, forgetest.Fault{Kind: forgetest.Refuse, Answer: forgetest.Answer{Status: 200, Body: body}})
			s.OpenPull(infra, gitlabtest.Pull{Author: "jane", Head: sha("a")})
			if p, err := c.PullRequest(deadline(t), 1); wire.KindOf(err) != wire.Outage || p.Head != "" {
				t.Errorf("%+v, %v", p, err)
			}
		})
	}
}

// TestLanded: which merge request brought a commit, in every way in which GitLab merges.
func TestLanded(t *testing.T) {
	tests := map[string]struct {
		as      func(*gitlabtest.Pull)
		commits map[string]bool // by digit: whether it was brought
		made    string          // what GitLab made of it
	}{
		"merged":              {func(p *gitlabtest.Pull) { p.MergeCommit = sha("d") }, map[string]bool{"a": true, "c": true, "d": true, "e": false}, sha("d")},
		"squashed":            {func(p *gitlabtest.Pull) { p.Squash = sha("e") }, map[string]bool{"e": true, "d": false}, sha("e")},
		"squashed and merged": {func(p *gitlabtest.Pull) { p.Squash, p.MergeCommit = sha("e"), sha("d") }, map[string]bool{"e": true, "d": true}, sha("e")},
		"fast-forwarded":      {func(*gitlabtest.Pull) {}, map[string]bool{"a": true, "c": true, "d": false}, ""},
		"by a train":          {func(p *gitlabtest.Pull) { p.Landed = []string{sha("f")} }, map[string]bool{"f": true}, ""},
		"into another branch": {func(p *gitlabtest.Pull) { p.BaseRef, p.MergeCommit = "release", sha("d") }, map[string]bool{"a": false, "d": false}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := site(t, nil)
			c := client(t, s, nil)
			for _, digit := range []string{"d", "e", "f"} {
				s.AddCommit(infra, gitlabtest.Commit{SHA: sha(digit), Branches: []string{"main"}})
			}
			n := s.OpenPull(infra, gitlabtest.Pull{Author: "jane", Head: sha("c"), Commits: []string{sha("a"), sha("c")}})
			s.OpenPull(infra, gitlabtest.Pull{Author: "mallory", Head: sha("c"), Commits: []string{sha("a"), sha("c")}}) // still open
			s.MergeAs(infra, n, "bob", tt.as)
			for digit, brought := range tt.commits {
				list := must[[]forge.PullRequest](t)(c.Landed(deadline(t), sha(digit), "main"))
				if brought != (len(list) == 1) {
					t.Fatalf("%s: %+v", digit, list)
				}
				if brought && (list[0].Number != n || !list[0].Merged || list[0].MergedBy != (forge.User{ID: 8, Login: "bob"}) || list[0].MergeCommit != tt.made) {
					t.Errorf("%s: %+v", digit, list[0])
				}
			}
		})
	}
	s := site(t, nil)
	if _, err := client(t, s, nil).Landed(deadline(t), sha("9"), "main"); wire.KindOf(err) != wire.NotFound || !strings.Contains(err.Error(), "Commit") {
		t.Errorf("a commit that it does not know: %v", err)
	}
}
