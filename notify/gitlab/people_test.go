package gitlab_test

import (
	"fmt"
	"testing"
	"time"

	"sallyport/notify/forge"
	"sallyport/notify/forge/forgetest"
	"sallyport/notify/forge/wire"
	"sallyport/notify/gitlab"
	"sallyport/notify/gitlab/gitlabtest"
)

func TestAccess(t *testing.T) {
	member := func(fields ...any) forgetest.Fault {
		body := map[string]any{"id": 7, "username": "jane", "state": "active", "access_level": 30}
		for i := 0; i < len(fields); i += 2 {
			body[fields[i].(string)] = fields[i+1]
		}
		return forgetest.Fault{Kind: forgetest.Refuse, Answer: forgetest.Answer{Status: 200, Body: body}}
	}
	says := func(status int, words string) forgetest.Fault {
		return forgetest.Fault{Kind: forgetest.Refuse, Answer: forgetest.Answer{Status: status, Body: map[string]any{"message": words}}}
	}
	jane := forge.User{ID: 7, Login: "jane"}
	tests := map[string]struct {
		user  forge.User
		fault *forgetest.Fault
		want  string // level and role
		fails bool
	}{
		"Developer":                  {jane, nil, "write Developer", false},
		"Maintainer":                 {forge.User{ID: 8, Login: "bob"}, nil, "write Maintainer", false},
		"Reporter":                   {forge.User{ID: 9, Login: "carol"}, nil, "read Reporter", false},
		"no member":                  {forge.User{ID: 66, Login: "mallory"}, nil, "none ", false},
		"an account that is gone":    {forge.User{}, nil, "none ", false},
		"Owner":                      {jane, ptr(member("access_level", 50)), "admin Owner", false},
		"Guest":                      {jane, ptr(member("access_level", 10)), "none Guest", false},
		"Planner":                    {jane, ptr(member("access_level", 15)), "none Planner", false},
		"minimal access":             {jane, ptr(member("access_level", 5)), "none Minimal access", false},
		"Security Manager":           {jane, ptr(member("access_level", 25)), "read Security Manager", false},
		"a custom role":              {jane, ptr(member("member_role", map[string]any{"name": "Deployer", "base_access_level": 30})), "write Deployer", false},
		"a level of another version": {jane, ptr(member("access_level", 35)), "", true},
		"no level":                   {jane, ptr(member("access_level", nil)), "none No access", false},
		"blocked":                    {jane, ptr(member("state", "blocked")), "none ", false},
		"waits for its admission":    {jane, ptr(member("membership_state", "awaiting")), "none ", false},
		"membership has ended":       {jane, ptr(member("expires_at", "2026-11-24")), "none ", false},
		"membership ends in future":  {jane, ptr(member("expires_at", "2026-11-25")), "write Developer", false},
		"somebody else's":            {jane, ptr(member("id", 8)), "", true},
		"the project is hidden":      {jane, ptr(says(404, "404 Project Not Found")), "", true},
		"not allowed to ask":         {jane, ptr(says(403, "403 Forbidden")), "", true},
		"an outage":                  {jane, &forgetest.Fault{Kind: forgetest.ServerError}, "", true},
		"a page of HTML":             {jane, &forgetest.Fault{Kind: forgetest.NoAnswer}, "", true},
		"half an answer":             {jane, &forgetest.Fault{Kind: forgetest.Truncate}, "", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			clock := newClock()
			s := site(t, func(o *gitlabtest.Options) { o.Now = clock.Now })
			c := client(t, s, func(o *gitlab.Options) { o.Now = clock.Now })
			if tt.fault != nil {
				s.Fail(gitlabtest.RouteMember, 2, *tt.fault)
			}
			got, err := c.Access(deadline(t), tt.user)
			if tt.fails != (err != nil) || err != nil && got.CanRead() {
				t.Fatalf("%+v, %v", got, err)
			}
			if said := got.Level + " " + got.Role; err == nil && said != tt.want {
				t.Errorf("got %q", said)
			}
		})
	}
}

func ptr[T any](v T) *T { return &v }

// TestApprovals: which approvals count for the head. What happens first to last is on one clock.
func TestApprovals(t *testing.T) {
	approve := func(login string) func(*gitlabtest.Server) {
		return func(s *gitlabtest.Server) { s.Review(infra, 1, login, "APPROVED") }
	}
	push := func(digit string) func(*gitlabtest.Server) {
		return func(s *gitlabtest.Server) { s.Push(infra, 1, sha(digit)) }
	}
	force := func(digit string) func(*gitlabtest.Server) {
		return func(s *gitlabtest.Server) { s.ForcePush(infra, 1, sha(digit)) }
	}
	pass := func(d time.Duration) func(*gitlabtest.Server) { return func(s *gitlabtest.Server) { s.Pass(d) } }
	refuse := func(s *gitlabtest.Server) { s.Review(infra, 1, "bob", "CHANGES_REQUESTED") }
	tests := map[string]struct {
		happens  []func(*gitlabtest.Server)
		timeless bool   // approvals do not say when
		want     string // who approves the head
	}{
		"nobody":                        {nil, false, "[]"},
		"one":                           {[]func(*gitlabtest.Server){approve("bob")}, false, "[bob]"},
		"two":                           {[]func(*gitlabtest.Server){approve("bob"), approve("carol")}, false, "[bob carol]"},
		"of an older version of GitLab": {[]func(*gitlabtest.Server){approve("bob")}, true, "[]"},
		"before a push":                 {[]func(*gitlabtest.Server){approve("bob"), push("c")}, false, "[]"},
		"again after a push":            {[]func(*gitlabtest.Server){approve("bob"), push("c"), approve("bob")}, false, "[bob]"},
		"one before, one after":         {[]func(*gitlabtest.Server){approve("bob"), push("c"), approve("carol")}, false, "[carol]"},
		"a moment after a push":         {[]func(*gitlabtest.Server){pass(time.Hour), push("c"), pass(8*time.Second - time.Minute), approve("bob")}, false, "[]"},
		"a while after a push":          {[]func(*gitlabtest.Server){pass(time.Hour), push("c"), pass(12*time.Second - time.Minute), approve("bob")}, false, "[bob]"},
		"away and back":                 {[]func(*gitlabtest.Server){approve("bob"), force("c"), pass(time.Minute), force("a")}, false, "[]"},
		"of what came between":          {[]func(*gitlabtest.Server){force("c"), approve("bob"), force("a")}, false, "[]"},
		"taken back":                    {[]func(*gitlabtest.Server){approve("bob"), func(s *gitlabtest.Server) { s.Unapprove(infra, 1, "bob") }}, false, "[]"},
		"and then wants changes":        {[]func(*gitlabtest.Server){approve("bob"), approve("carol"), refuse}, false, "[carol]"},
		"an account that is gone":       {[]func(*gitlabtest.Server){approve("bob"), func(s *gitlabtest.Server) { s.DeleteUser("bob") }}, false, "[]"},
		"after the merge":               {[]func(*gitlabtest.Server){approve("bob"), func(s *gitlabtest.Server) { s.Merge(infra, 1, "jane", sha("d")) }}, false, "[bob]"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			clock := newClock()
			s := site(t, func(o *gitlabtest.Options) { o.Now, o.NoApprovalTimes = clock.Now, tt.timeless })
			c := client(t, s, func(o *gitlab.Options) { o.Now = clock.Now })
			n := s.OpenPull(infra, gitlabtest.Pull{Author: "jane", Head: sha("a")})
			for _, do := range tt.happens {
				do(s)
			}
			p := must[forge.PullRequest](t)(c.PullRequest(deadline(t), n))
			reviews := must[[]forge.Review](t)(c.Reviews(deadline(t), p))
			who := []string{}
			for _, u := range forge.ApprovedBy(reviews, p.Head) {
				who = append(who, u.Login)
			}
			if fmt.Sprint(who) != tt.want {
				t.Errorf("approved by %v: %+v", who, reviews)
			}
		})
	}
}

// TestApprovalsUnknown: if anything cannot be found out, nothing is approved.
func TestApprovalsUnknown(t *testing.T) {
	for _, route := range []string{gitlabtest.RouteApprovals, gitlabtest.RouteVersions, gitlabtest.RouteReviewers} {
		s := site(t, nil)
		c := client(t, s, nil)
		n := s.OpenPull(infra, gitlabtest.Pull{Author: "jane", Head: sha("a")})
		s.Review(infra, n, "bob", "APPROVED")
		s.Fail(route, 2, forgetest.Fault{Kind: forgetest.ServerError})
		if list, err := c.Reviews(deadline(t), forge.PullRequest{Number: n, Head: sha("a")}); wire.KindOf(err) != wire.Outage || len(list) != 0 {
			t.Errorf("%s: %+v, %v", route, list, err)
		}
	}
	s := site(t, nil)
	c := client(t, s, nil)
	n := s.OpenPull(infra, gitlabtest.Pull{Author: "jane", Head: sha("a")})
	s.Review(infra, n, "bob", "APPROVED")
	s.Fail(gitlabtest.RouteReviewers, 1, forgetest.Fault{Kind: forgetest.Refuse, Answer: forgetest.Answer{Status: 200,
		Body: []any{map[string]any{"user": map[string]any{"id": 8, "username": "bob"}, "state": "of_another_version"}}}})
	list := must[[]forge.Review](t)(c.Reviews(deadline(t), forge.PullRequest{Number: n, Head: sha("a")}))
	if who := forge.ApprovedBy(list, sha("a")); len(who) != 0 {
		t.Errorf("a state that nobody knows grants: %+v", list)
	}
}
