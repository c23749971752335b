package github_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/notify/github"
	"sallyport/notify/github/githubtest"
)

func TestOpenPullRequests(t *testing.T) {
	now := newClock()
	s := site(t, func(o *githubtest.Options) { o.Now = now.Now })
	c := client(t, s, nil)
	list, changed, err := c.OpenPullRequests(deadline(t))
	if err != nil || len(list) != 0 || !changed {
		t.Fatalf("of an empty repository: %v %t %v", list, changed, err)
	}
	s.OpenPull(infra, githubtest.Pull{Author: "jane", Title: "grow\x1b[31m it\u202e\nnow", Head: sha("a"), HeadRef: "x`;rm", Draft: true, Base: sha("b")})
	s.OpenPull(infra, githubtest.Pull{Author: "mallory", Title: "from a fork", Head: sha("c"), From: forkID, Association: "NONE"})
	list, changed, err = c.OpenPullRequests(deadline(t))
	if err != nil || !changed || len(list) != 2 {
		t.Fatalf("%v %t %v", list, changed, err)
	}
	want := github.PullRequest{
		Number: 1, Title: "grow it now", URL: s.URL() + "/ops/infra/pull/1", Open: true, Draft: true, Author: github.User{ID: 7, Login: "jane"},
		Association: "MEMBER", Head: sha("a"), HeadRef: "x`;rm", HeadRepository: infraID, Base: sha("b"), BaseRef: "main",
		BaseRepository: infraID, UpdatedAt: now.now,
	}
	if diff := cmp.Diff(want, list[1]); diff != "" {
		t.Error(diff)
	}
	if !list[1].SameRepository() || list[0].SameRepository() || list[0].HeadRepository != forkID {
		t.Errorf("fork: %+v", list[0])
	}
	s.DeleteRepository("mallory/infra")
	list, changed, err = c.OpenPullRequests(deadline(t))
	if err != nil || !changed || list[0].HeadRepository != 0 || list[0].SameRepository() {
		t.Errorf("deleted fork: %+v %t %v", list[0], changed, err)
	}
	s.DeleteUser("mallory")
	s.ClosePull(infra, 1)
	list, changed, err = c.OpenPullRequests(deadline(t))
	if err != nil || !changed || len(list) != 1 || list[0].Author != (github.User{}) {
		t.Errorf("author gone, other closed: %+v %t %v", list, changed, err)
	}
}

func TestSameRepository(t *testing.T) {
	for name, tt := range map[string]struct {
		head, base int64
		want       bool
	}{"itself": {1, 1, true}, "a fork": {2, 1, false}, "a deleted fork": {0, 1, false}, "nothing known": {0, 0, false}} {
		if got := (github.PullRequest{HeadRepository: tt.head, BaseRepository: tt.base}).SameRepository(); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// TestPollCosts: a poll that finds nothing new is one request, answered 304, and free.
func TestPollCosts(t *testing.T) {
	s := site(t, func(o *githubtest.Options) { o.Limit = 5000 })
	s.OpenPull(infra, githubtest.Pull{Author: "jane", Head: sha("a")})
	c := client(t, s, nil)
	for i := range 20 {
		list, changed, err := c.OpenPullRequests(deadline(t))
		if err != nil || len(list) != 1 || changed != (i == 0) {
			t.Fatalf("poll %d: %v %t %v", i, list, changed, err)
		}
	}
	calls := s.Requests(githubtest.RoutePulls)
	if len(calls) != 20 || s.Used() != 1 || calls[0].Conditional || calls[0].Status != 200 {
		t.Errorf("%d requests, %d of the limit", len(calls), s.Used())
	}
	for _, call := range calls[1:] {
		if !call.Conditional || call.Status != 304 {
			t.Errorf("a poll was answered %d", call.Status)
		}
	}
	s.Push(infra, 1, sha("e"))
	list, changed, err := c.OpenPullRequests(deadline(t))
	if err != nil || !changed || list[0].Head != sha("e") {
		t.Errorf("a new head: %v %t %v", list, changed, err)
	}
}

// TestListSurvivesFailure: what was missed because of an error is still reported as a change afterwards.
func TestListSurvivesFailure(t *testing.T) {
	s := site(t, func(o *githubtest.Options) { o.PageLimit = 1 })
	for i := range 3 {
		s.OpenPull(infra, githubtest.Pull{Author: "jane", Head: sha(strconv.Itoa(i))})
	}
	c := client(t, s, nil)
	if list, _, err := c.OpenPullRequests(deadline(t)); err != nil || len(list) != 3 {
		t.Fatalf("%v %v", list, err)
	}
	s.Push(infra, 3, sha("f")) // on the first page
	s.Fail(githubtest.RoutePulls, 1, githubtest.Fault{Kind: githubtest.ServerError, Skip: 1})
	if _, _, err := c.OpenPullRequests(deadline(t)); github.KindOf(err) != github.Outage {
		t.Fatalf("got %v", err)
	}
	list, changed, err := c.OpenPullRequests(deadline(t))
	if err != nil || !changed || list[0].Head != sha("f") {
		t.Errorf("%v %t %v", list, changed, err)
	}
}

func TestPagesOfPullRequests(t *testing.T) {
	s := site(t, func(o *githubtest.Options) { o.PageLimit = 2 })
	c := client(t, s, nil)
	for i := range 7 {
		s.OpenPull(infra, githubtest.Pull{Author: "jane", Head: sha(strconv.Itoa(i))})
	}
	numbers := func() string {
		list, _, err := c.OpenPullRequests(deadline(t))
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, p := range list {
			out = append(out, strconv.Itoa(p.Number))
		}
		return strings.Join(out, " ")
	}
	for _, step := range []struct {
		name string
		do   func()
		want string
	}{
		{"all", func() {}, "7 6 5 4 3 2 1"},
		{"one of the middle closes", func() { s.ClosePull(infra, 4) }, "7 6 5 3 2 1"},
		{"one of the last page closes", func() { s.ClosePull(infra, 1) }, "7 6 5 3 2"},
		{"a page less", func() { s.ClosePull(infra, 2); s.ClosePull(infra, 3); s.ClosePull(infra, 5) }, "7 6"},
		{"more again", func() {
			for i := range 4 {
				s.OpenPull(infra, githubtest.Pull{Author: "jane", Head: sha(strconv.Itoa(i))})
			}
		}, "11 10 9 8 7 6"},
		{"none", func() {
			for _, n := range []int{6, 7, 8, 9, 10, 11} {
				s.ClosePull(infra, n)
			}
		}, ""},
	} {
		step.do()
		if got := numbers(); got != step.want {
			t.Errorf("%s: %q, want %q", step.name, got, step.want)
		}
	}
}

// TestListThatMoves: a pull request that slips to a page that was read already must not look closed.
func TestListThatMoves(t *testing.T) {
	s := site(t, func(o *githubtest.Options) { o.PageLimit = 2 })
	c := client(t, s, nil)
	for i := range 5 {
		s.OpenPull(infra, githubtest.Pull{Author: "jane", Head: sha(strconv.Itoa(i))})
	}
	once := true
	s.Before(githubtest.RoutePulls, func(call githubtest.Call) {
		if call.Query.Get("page") == "2" && once {
			once = false
			s.ClosePull(infra, 5)
		}
	})
	list, _, err := c.OpenPullRequests(deadline(t))
	if err != nil || len(list) != 4 || list[1].Number != 3 {
		t.Errorf("%+v %v", list, err)
	}
	s.Before(githubtest.RoutePulls, func(githubtest.Call) { s.OpenPull(infra, githubtest.Pull{Author: "jane", Head: sha("f")}) })
	if list, _, err := c.OpenPullRequests(deadline(t)); github.KindOf(err) != github.Outage || !strings.Contains(err.Error(), "changes faster") {
		t.Errorf("one that never stands still: %+v %v", list, err)
	}
	s.Before(githubtest.RoutePulls, nil)
	if list, changed, err := c.OpenPullRequests(deadline(t)); err != nil || !changed || len(list) < 5 {
		t.Errorf("afterwards: %d %t %v", len(list), changed, err)
	}
}

func TestOnePullRequest(t *testing.T) {
	now := newClock()
	s := site(t, func(o *githubtest.Options) { o.Now = now.Now })
	c := client(t, s, nil)
	n := s.OpenPull(infra, githubtest.Pull{Author: "jane", Head: sha("a"), Commits: []string{sha("1"), sha("a")}})
	p := must[github.PullRequest](t)(c.PullRequest(deadline(t), n))
	if !p.Open || p.Merged || p.MergeCommit != "" || p.Commits != 2 || p.MergedBy != (github.User{}) {
		t.Errorf("open: %+v", p)
	}
	s.Merge(infra, n, "bob", sha("d"))
	p = must[github.PullRequest](t)(c.PullRequest(deadline(t), n))
	if p.Open || !p.Merged || p.MergeCommit != sha("d") || p.MergedBy != (github.User{ID: 8, Login: "bob"}) || !p.MergedAt.Equal(now.now) {
		t.Errorf("merged: %+v", p)
	}
	for _, hash := range []string{sha("a"), sha("1"), sha("d")} {
		list := must[[]github.PullRequest](t)(c.Landed(deadline(t), hash, "main"))
		if len(list) != 1 || list[0].Number != n || list[0].MergeCommit != sha("d") {
			t.Errorf("of commit %.4s: %+v", hash, list)
		}
	}
	s.AddCommit(infra, githubtest.Commit{SHA: sha("5")})
	if list := must[[]github.PullRequest](t)(c.Landed(deadline(t), sha("5"), "main")); len(list) != 0 {
		t.Errorf("of a commit pushed directly: %+v", list)
	}
	if _, err := c.Landed(deadline(t), sha("6"), "main"); github.KindOf(err) != github.Invalid {
		t.Errorf("of a commit that GitHub does not have: %v", err)
	}
	before := s.Calls("")
	if _, err := c.Landed(deadline(t), "../../user", "main"); err == nil || s.Calls("") != before {
		t.Errorf("of no commit: %v", err)
	}
	if _, err := c.PullRequest(deadline(t), 99); github.KindOf(err) != github.NotFound {
		t.Errorf("one that is not there: %v", err)
	}
}

// TestOddHeads: a head is handed to git, so it has to be a full hash.
func TestOddHeads(t *testing.T) {
	for _, head := range []string{"", "main", "--upload-pack=x", sha("a") + "\n", strings.ToUpper(sha("a")), sha("a")[:39]} {
		s := site(t, nil)
		s.OpenPull(infra, githubtest.Pull{Author: "jane", Head: head})
		c := client(t, s, nil)
		if list, _, err := c.OpenPullRequests(deadline(t)); github.KindOf(err) != github.Outage {
			t.Errorf("%q: %v %v", head, list, err)
		}
	}
}

func TestReviews(t *testing.T) {
	now := newClock()
	s := site(t, func(o *githubtest.Options) { o.Now, o.PageLimit = now.Now, 2 })
	c := client(t, s, nil)
	n := s.OpenPull(infra, githubtest.Pull{Author: "jane", Head: sha("a")})
	s.Review(infra, n, "bob", "APPROVED")
	s.Push(infra, n, sha("b"))
	s.Review(infra, n, "carol_corp", "APPROVED")
	s.Review(infra, n, "mallory", "CHANGES_REQUESTED")
	s.Review(infra, n, "mallory", "APPROVED")
	id := s.Review(infra, n, "dependabot[bot]", "APPROVED")
	s.Review(infra, n, "carol_corp", "COMMENTED")
	s.Dismiss(infra, n, id)
	list := must[[]github.Review](t)(c.Reviews(deadline(t), github.PullRequest{Number: n}))
	if len(list) != 6 {
		t.Fatalf("%d reviews over pages", len(list))
	}
	want := github.Review{ID: id, Author: github.User{ID: 70, Login: "dependabot[bot]", Bot: true}, State: github.ReviewDismissed, Commit: sha("b"), SubmittedAt: now.now}
	if diff := cmp.Diff(want, list[4]); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]github.User{{ID: 9, Login: "carol_corp"}, {ID: 66, Login: "mallory"}}, github.ApprovedBy(list, sha("b"))); diff != "" {
		t.Error(diff)
	}
}

func TestApprovedBy(t *testing.T) {
	review := func(id int64, state github.ReviewState, commit string) github.Review {
		return github.Review{Author: github.User{ID: id}, State: state, Commit: commit}
	}
	head := sha("a")
	tests := map[string]struct {
		reviews []github.Review
		want    int
	}{
		"none":               {nil, 0},
		"one":                {[]github.Review{review(1, github.ReviewApproved, head)}, 1},
		"of an older head":   {[]github.Review{review(1, github.ReviewApproved, sha("b"))}, 0},
		"then refused":       {[]github.Review{review(1, github.ReviewApproved, head), review(1, github.ReviewChangesRequested, head)}, 0},
		"refused, then not":  {[]github.Review{review(1, github.ReviewChangesRequested, head), review(1, github.ReviewApproved, head)}, 1},
		"then commented":     {[]github.Review{review(1, github.ReviewApproved, head), review(1, github.ReviewCommented, head)}, 1},
		"then begun another": {[]github.Review{review(1, github.ReviewApproved, head), review(1, github.ReviewPending, head)}, 1},
		"dismissed":          {[]github.Review{review(1, github.ReviewDismissed, head)}, 0},
		"approved twice":     {[]github.Review{review(1, github.ReviewApproved, head), review(1, github.ReviewApproved, head)}, 1},
		"again for the head": {[]github.Review{review(1, github.ReviewApproved, sha("b")), review(1, github.ReviewApproved, head)}, 1},
		"two people":         {[]github.Review{review(1, github.ReviewApproved, head), review(2, github.ReviewApproved, head)}, 2},
		"account gone":       {[]github.Review{review(0, github.ReviewApproved, head)}, 0},
		"unknown state":      {[]github.Review{review(1, "BLESSED", head)}, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := github.ApprovedBy(tt.reviews, head); len(got) != tt.want {
				t.Errorf("got %v", got)
			}
			if got := github.ApprovedBy(tt.reviews, ""); len(got) != 0 {
				t.Errorf("without a head: %v", got)
			}
		})
	}
}

func TestCommits(t *testing.T) {
	s := site(t, nil)
	c := client(t, s, nil)
	s.AddCommit(infra, githubtest.Commit{SHA: sha("1"), Author: "jane", Committer: "bob", AuthorEmail: "jane@example.com", CommitterEmail: "bob@example.com"})
	s.AddCommit(infra, githubtest.Commit{SHA: sha("2"), AuthorEmail: "nobody@example.com\x1b[2J"})
	n := s.OpenPull(infra, githubtest.Pull{Author: "jane", Head: sha("2"), Commits: []string{sha("1"), sha("2")}})
	got := must[github.Commits](t)(c.Commits(deadline(t), github.PullRequest{Number: n}))
	want := github.Commits{List: []github.Commit{
		{Hash: sha("1"), Author: github.User{ID: 7, Login: "jane"}, Committer: github.User{ID: 8, Login: "bob"}, AuthorEmail: "jane@example.com", CommitterEmail: "bob@example.com"},
		{Hash: sha("2"), AuthorEmail: "nobody@example.com"},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if one := must[github.Commit](t)(c.Commit(deadline(t), sha("1"))); one != want.List[0] {
		t.Errorf("one commit: %+v", one)
	}
	if _, err := c.Commit(deadline(t), sha("3")); github.KindOf(err) != github.Invalid {
		t.Errorf("unknown commit: %v", err)
	}
	var many []string
	for i := range 260 {
		many = append(many, strings.Repeat("0", 36)+strconv.Itoa(1000+i))
	}
	n = s.OpenPull(infra, githubtest.Pull{Author: "jane", Head: many[259], Commits: many})
	if got := must[github.Commits](t)(c.Commits(deadline(t), github.PullRequest{Number: n})); len(got.List) != 250 || !got.Cut {
		t.Errorf("%d commits of 260, cut %t", len(got.List), got.Cut)
	}
}

func TestAccess(t *testing.T) {
	s := site(t, nil)
	c := client(t, s, nil)
	tests := map[string]struct {
		user        github.User
		association string
		level       string
		trusted     bool
	}{
		"writer":                        {github.User{ID: 7, Login: "jane"}, "NONE", "write", true},
		"maintainer":                    {github.User{ID: 8, Login: "bob"}, "MEMBER", "write", true},
		"triager of the house":          {github.User{ID: 9, Login: "carol_corp"}, "COLLABORATOR", "read", true},
		"reader of no house":            {github.User{ID: 9, Login: "carol_corp"}, "CONTRIBUTOR", "read", false},
		"stranger":                      {github.User{ID: 66, Login: "mallory"}, "NONE", "none", false},
		"says MEMBER, removed since":    {github.User{ID: 66, Login: "mallory"}, "MEMBER", "none", false},
		"no such account":               {github.User{ID: 5, Login: "ghost1"}, "MEMBER", "none", false},
		"login taken by somebody else":  {github.User{ID: 6, Login: "jane"}, "MEMBER", "none", false},
		"account gone":                  {github.User{}, "MEMBER", "none", false},
		"login that leads elsewhere":    {github.User{ID: 7, Login: "../../../user"}, "MEMBER", "none", false},
		"a bot without access":          {github.User{ID: 70, Login: "dependabot[bot]", Bot: true}, "CONTRIBUTOR", "none", false},
		"owner's word without the role": {github.User{ID: 66, Login: "mallory"}, "OWNER", "none", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			a := must[github.Access](t)(c.Access(deadline(t), tt.user))
			if a.Level != tt.level {
				t.Errorf("level %q", a.Level)
			}
			if got := (github.PullRequest{Association: tt.association}).TrustedAuthor(a); got != tt.trusted {
				t.Errorf("trusted %t", got)
			}
		})
	}
	// In a public repository everybody reads.
	s.ChangeRepository(infra, func(r *githubtest.Repository) { r.Private = false })
	a := must[github.Access](t)(c.Access(deadline(t), github.User{ID: 66, Login: "mallory"}))
	if a.Level != "read" || (github.PullRequest{Association: "CONTRIBUTOR"}).TrustedAuthor(a) {
		t.Errorf("of a public repository: %+v", a)
	}
	// Lost permission is no answer about the author.
	s.ChangeRepository(infra, func(r *githubtest.Repository) { r.Private = true })
	s.SetGrants(nil)
	if _, err := c.Access(deadline(t), github.User{ID: 7, Login: "jane"}); github.KindOf(err) != github.NotFound {
		t.Errorf("without permission: %v", err)
	}
}

func TestComments(t *testing.T) {
	now := newClock()
	s := site(t, func(o *githubtest.Options) { o.Now, o.PageLimit = now.Now, 2 })
	c := client(t, s, nil)
	n := s.OpenPull(infra, githubtest.Pull{Author: "jane", Head: sha("a")})
	other := s.OpenPull(infra, githubtest.Pull{Author: "jane", Head: sha("b")})
	first := s.Comment(infra, n, "jane", "plan\x1b[31m")
	s.Comment(infra, other, "jane", "not here")
	for range 3 {
		now.now = now.now.Add(time.Minute)
		s.Comment(infra, n, "bob", "later")
	}
	list := must[[]github.Comment](t)(c.Comments(deadline(t), n, time.Time{}))
	if len(list) != 4 || list[0].ID != first || list[0].Body != "plan" || list[0].Author.ID != 7 || list[0].Edited() {
		t.Fatalf("%+v", list)
	}
	if list := must[[]github.Comment](t)(c.Comments(deadline(t), n, now.now.Add(-time.Minute))); len(list) != 2 {
		t.Errorf("since a minute: %+v", list)
	}
	now.now = now.now.Add(time.Minute)
	s.EditComment(infra, first, "plan ghe")
	list = must[[]github.Comment](t)(c.Comments(deadline(t), n, now.now))
	if len(list) != 1 || !list[0].Edited() || list[0].Body != "plan ghe" {
		t.Errorf("edited since: %+v", list)
	}
}
