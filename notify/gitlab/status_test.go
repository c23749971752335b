package gitlab_test

import (
	"slices"
	"strings"
	"testing"

	"sallyport/notify/forge"
	"sallyport/notify/forge/forgetest"
	"sallyport/notify/forge/wire"
	"sallyport/notify/gitlab"
	"sallyport/notify/gitlab/gitlabtest"
)

const net = "sallyport/net"

func states(list []gitlabtest.Status) string {
	var out []string
	for _, st := range list {
		out = append(out, st.State)
	}
	return strings.Join(out, " ")
}

// TestStatusStates: what GitLab's state machine refuses is never an error here, and what is set is there in the end.
func TestStatusStates(t *testing.T) {
	p := func(text string) forge.Status {
		return forge.Status{Context: net, State: forge.Pending, Description: text}
	}
	of := func(s forge.State) forge.Status { return forge.Status{Context: net, State: s, Description: string(s)} }
	tests := map[string]struct {
		set   []forge.Status
		want  string // the jobs' states in the end, oldest first
		text  string // of the newest
		posts int
	}{
		"one":                         {[]forge.Status{p("waiting")}, "pending", "waiting", 1},
		"the same twice":              {[]forge.Status{p("waiting"), p("waiting")}, "pending", "waiting", 1},
		"another text":                {[]forge.Status{p("waiting"), p("planning")}, "running", "planning", 2},
		"a third text stays older":    {[]forge.Status{p("waiting"), p("planning"), p("approved")}, "running", "planning", 2},
		"to its end":                  {[]forge.Status{p("waiting"), p("planning"), of(forge.Success)}, "success", "success", 3},
		"success at once":             {[]forge.Status{of(forge.Success)}, "success", "success", 1},
		"success twice":               {[]forge.Status{of(forge.Success), of(forge.Success)}, "success", "success", 1},
		"broken is failed":            {[]forge.Status{p("waiting"), of(forge.Broken)}, "failed", "error", 2},
		"success after failure":       {[]forge.Status{of(forge.Failure), of(forge.Success)}, "failed success", "success", 2},
		"again after its end":         {[]forge.Status{of(forge.Success), p("planning anew")}, "success pending", "planning anew", 2},
		"another text of a success":   {[]forge.Status{of(forge.Success), {Context: net, State: forge.Success, Description: "2 to add"}}, "success success", "2 to add", 2},
		"a state that nobody knows":   {[]forge.Status{of("bogus")}, "failed", "bogus", 1},
		"too long, and turned around": {[]forge.Status{p("\u202e" + strings.Repeat("ä", 300))}, "pending", strings.Repeat("ä", 254) + "…", 1},
	}
	for name, tt := range tests {
		for memory, forgets := range map[string]bool{"one agent": false, "a new agent each time": true} {
			t.Run(name+"/"+memory, func(t *testing.T) {
				s := site(t, nil)
				c := client(t, s, nil)
				n := s.OpenPull(infra, gitlabtest.Pull{Author: "jane", Head: sha("a")})
				for _, st := range tt.set {
					if forgets {
						c = client(t, s, nil)
					}
					if err := c.SetStatus(deadline(t), forge.Head{Commit: sha("a"), Branch: "topic-1", Number: n}, st); err != nil {
						t.Fatal(err)
					}
				}
				list := s.Statuses(infra, sha("a"), net)
				if states(list) != tt.want || list[len(list)-1].Description != tt.text || s.Calls(gitlabtest.RouteStatus) != tt.posts {
					t.Errorf("%+v after %d posts", list, s.Calls(gitlabtest.RouteStatus))
				}
			})
		}
	}
}

// TestStatusPlace: in which pipeline a status lands, and what is refused.
func TestStatusPlace(t *testing.T) {
	set := forge.Status{Context: net, State: forge.Success, Description: "fine", TargetURL: "https://slack/archives"}
	type world struct {
		s *gitlabtest.Server
		n int
	}
	tests := map[string]struct {
		before func(world)
		pull   gitlabtest.Pull
		at     func(world) forge.Head
		ref    string
		kind   wire.Kind
		hint   string
	}{
		"no pipeline yet":    {ref: "topic-1"},
		"the pipeline of CI": {before: func(w world) { w.s.AddPipeline(infra, sha("a"), "topic-1") }, ref: "topic-1"},
		"one of merge requests": {before: func(w world) {
			w.s.AddPipeline(infra, sha("a"), "refs/merge-requests/1/head")
		}, ref: "refs/merge-requests/1/head"},
		"the same commit on another branch": {before: func(w world) { w.s.AddPipeline(infra, sha("a"), "other") }, ref: "topic-1"},
		"a landed commit": {
			before: func(w world) {
				w.s.AddCommit(infra, gitlabtest.Commit{SHA: sha("d"), Branches: []string{"aaa", "main"}})
			},
			at: func(world) forge.Head { return forge.Head{Commit: sha("d"), Branch: "main"} }, ref: "main",
		},
		"an unknown commit": {
			at:   func(world) forge.Head { return forge.Head{Commit: sha("e"), Branch: "main"} },
			kind: wire.Invalid, hint: "does not know the commit (yet)",
		},
		"on no branch": {
			before: func(w world) { w.s.AddCommit(infra, gitlabtest.Commit{SHA: sha("d")}) },
			at:     func(world) forge.Head { return forge.Head{Commit: sha("d")} }, kind: wire.Invalid, hint: "on no branch",
		},
		"a protected branch": {
			before: func(w world) {
				w.s.AddCommit(infra, gitlabtest.Commit{SHA: sha("d"), Branches: []string{"main"}})
				w.s.ChangeProject(infra, func(p *gitlabtest.Project) { p.Protected = map[string]int{"main": gitlabtest.Maintainer} })
			},
			at: func(world) forge.Head { return forge.Head{Commit: sha("d"), Branch: "main"} }, kind: wire.Forbidden, hint: "Developer",
		},
		"a fork":           {pull: gitlabtest.Pull{Author: "mallory", Head: sha("a"), From: forkID}, kind: wire.Invalid},
		"an archived one":  {before: func(w world) { w.s.ChangeProject(infra, func(p *gitlabtest.Project) { p.Archived = true }) }, kind: wire.Forbidden},
		"reads only":       {before: func(w world) { w.s.SetScopes("read_api") }, kind: wire.Forbidden, hint: "the scope api"},
		"a Reporter":       {before: func(w world) { w.s.SetAccess(infra, "sallyport-bot", gitlabtest.Reporter) }, kind: wire.Forbidden, hint: "Developer"},
		"at work on it":    {before: func(w world) { w.s.Fail(gitlabtest.RouteStatus, 1, busy()) }, kind: wire.Busy},
		"a branch deleted": {before: func(w world) { w.s.ChangePull(infra, w.n, func(p *gitlabtest.Pull) { p.HeadRef = "gone" }) }, ref: "topic-1"},
		"a longer address": {ref: "topic-1", pull: gitlabtest.Pull{Author: "jane", Head: sha("a"), Title: "long"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := site(t, nil)
			c := client(t, s, nil)
			if tt.pull.Author == "" {
				tt.pull = gitlabtest.Pull{Author: "jane", Head: sha("a")}
			}
			w := world{s, s.OpenPull(infra, tt.pull)}
			if tt.before != nil {
				tt.before(w)
			}
			at := forge.Head{Commit: sha("a"), Branch: "topic-1", Number: w.n}
			if tt.at != nil {
				at = tt.at(w)
			}
			set := set
			if tt.pull.Title == "long" {
				set.TargetURL = "https://slack/" + strings.Repeat("x", 300)
			}
			err := c.SetStatus(deadline(t), at, set)
			if wire.KindOf(err) != tt.kind {
				t.Fatalf("got %v", err)
			}
			if err != nil {
				if hint := err.(interface{ UserHint() string }).UserHint(); !strings.Contains(hint, tt.hint) {
					t.Errorf("hint %q", hint)
				}
				return
			}
			st, _ := s.Status(infra, at.Commit, net)
			if st.Ref != tt.ref || st.State != "success" || (st.TargetURL == "") != (tt.pull.Title == "long") {
				t.Errorf("%+v", st)
			}
		})
	}
}

func busy() forgetest.Fault {
	return forgetest.Fault{Kind: forgetest.Refuse, Answer: forgetest.Answer{Status: 409, Body: map[string]any{"message": "Another update to this commit status is in progress"}}}
}

// TestStatusAfterLostAnswer: a status that was made though nobody was told is not made twice, and the next one changes it.
func TestStatusAfterLostAnswer(t *testing.T) {
	for _, kind := range []forgetest.FaultKind{forgetest.LoseAnswer, forgetest.LateServerError, forgetest.Truncate, forgetest.Drop} {
		t.Run(kind.String(), func(t *testing.T) {
			s := site(t, nil)
			c := client(t, s, nil)
			n := s.OpenPull(infra, gitlabtest.Pull{Author: "jane", Head: sha("a")})
			at := forge.Head{Commit: sha("a"), Branch: "topic-1", Number: n}
			pending := forge.Status{Context: net, State: forge.Pending, Description: "planning"}
			s.Fail(gitlabtest.RouteStatus, 1, forgetest.Fault{Kind: kind})
			if err := c.SetStatus(deadline(t), at, pending); wire.KindOf(err) != wire.Outage {
				t.Fatalf("got %v", err)
			}
			for _, st := range []forge.Status{pending, {Context: net, State: forge.Success, Description: "done"}} {
				if err := c.SetStatus(deadline(t), at, st); err != nil {
					t.Fatal(err)
				}
			}
			if list := s.Statuses(infra, sha("a"), net); states(list) != "success" {
				t.Errorf("%+v", list)
			}
		})
	}
}

// TestCanceledByHand: somebody cancels the pipeline in the browser while a status is unfinished.
func TestCanceledByHand(t *testing.T) {
	s := site(t, nil)
	c := client(t, s, nil)
	at := forge.Head{Commit: sha("a"), Branch: "topic-1", Number: s.OpenPull(infra, gitlabtest.Pull{Author: "jane", Head: sha("a")})}
	for i, st := range []forge.Status{{Context: net, State: forge.Pending}, {Context: net, State: forge.Success}} {
		if err := c.SetStatus(deadline(t), at, st); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			s.Cancel(infra, s.Statuses(infra, sha("a"), net)[0].ID)
		}
	}
	if list := s.Statuses(infra, sha("a"), net); states(list) != "canceled success" {
		t.Errorf("%+v", list)
	}
}

// TestLeftUnfinished: what nobody waits for any more does not keep a pipeline running for ever.
func TestLeftUnfinished(t *testing.T) {
	pending := forge.Status{Context: net, State: forge.Pending, Description: "not planned: held"}
	tests := map[string]struct {
		happens func(*gitlabtest.Server, int)
		next    string // a status of this head is set then; empty: only the list is read
		anew    bool   // by another agent
		left    bool
	}{
		"a newer head":                  {func(s *gitlabtest.Server, n int) { s.Push(infra, n, sha("b")) }, sha("b"), false, false},
		"a newer head, after a restart": {func(s *gitlabtest.Server, n int) { s.Push(infra, n, sha("b")) }, sha("b"), true, false},
		"a force push":                  {func(s *gitlabtest.Server, n int) { s.ForcePush(infra, n, sha("b")) }, sha("b"), false, false},
		"closed":                        {func(s *gitlabtest.Server, n int) { s.ClosePull(infra, n) }, "", false, false},
		"merged":                        {func(s *gitlabtest.Server, n int) { s.Merge(infra, n, "bob", sha("c")) }, "", false, false},
		"closed, while no agent ran":    {func(s *gitlabtest.Server, n int) { s.ClosePull(infra, n) }, "", true, false},
		"merged, while no agent ran":    {func(s *gitlabtest.Server, n int) { s.Merge(infra, n, "bob", sha("c")) }, "", true, false},
		"still open, after a restart":   {func(s *gitlabtest.Server, n int) { s.Comment(infra, n, "bob", "hm") }, "", true, true},
		"still open":                    {func(s *gitlabtest.Server, n int) { s.Comment(infra, n, "bob", "hm") }, "", false, true},
		"has no head for a moment":      {func(s *gitlabtest.Server, n int) { s.Lag(infra, n, "") }, "", false, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := site(t, nil)
			c := client(t, s, nil)
			n := s.OpenPull(infra, gitlabtest.Pull{Author: "jane", Head: sha("a")})
			if err := c.SetStatus(deadline(t), forge.Head{Commit: sha("a"), Branch: "topic-1", Number: n}, pending); err != nil {
				t.Fatal(err)
			}
			must2(t)(c.OpenPullRequests(deadline(t)))
			if !s.Unfinished(infra, sha("a")) {
				t.Fatal("it was finished too early")
			}
			tt.happens(s, n)
			if tt.anew {
				c = client(t, s, nil) // which asks what became of one that it knows and that is not in the list
				if _, err := c.PullRequest(deadline(t), n); err != nil {
					t.Fatal(err)
				}
			}
			if tt.next != "" {
				if err := c.SetStatus(deadline(t), forge.Head{Commit: tt.next, Branch: "topic-1", Number: n}, pending); err != nil {
					t.Fatal(err)
				}
			} else {
				must2(t)(c.OpenPullRequests(deadline(t)))
			}
			if left := s.Unfinished(infra, sha("a")); left != tt.left {
				t.Errorf("left %t: %+v", left, s.Statuses(infra, sha("a"), ""))
			}
			if tt.next != "" && !s.Unfinished(infra, tt.next) {
				t.Error("the new head's was canceled too")
			}
		})
	}
}

func must2(t *testing.T) func([]forge.PullRequest, bool, error) []forge.PullRequest {
	return func(list []forge.PullRequest, _ bool, err error) []forge.PullRequest {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
}

// TestStatusesOfOthers: another token's job of the same name is left alone, and another context's too.
func TestStatusesOfOthers(t *testing.T) {
	s := site(t, nil)
	n := s.OpenPull(infra, gitlabtest.Pull{Author: "jane", Head: sha("a")})
	at := forge.Head{Commit: sha("a"), Branch: "topic-1", Number: n}
	c := client(t, s, func(*gitlab.Options) {})
	for _, context := range []string{net, "sallyport/dns"} {
		if err := c.SetStatus(deadline(t), at, forge.Status{Context: context, State: forge.Pending}); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.SetStatus(deadline(t), at, forge.Status{Context: net, State: forge.Success}); err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, st := range s.Statuses(infra, sha("a"), "") {
		all = append(all, st.Context+" "+st.State)
	}
	if !slices.Equal(all, []string{net + " success", "sallyport/dns pending"}) {
		t.Errorf("%q", all)
	}
}
