package gitea_test

import (
	"strings"
	"testing"

	"sallyport/notify/forge"
	"sallyport/notify/forge/wire"
	"sallyport/notify/gitea/giteatest"
)

// Who may push, as far as Gitea tells: what it does not tell is an error.
func TestAccess(t *testing.T) {
	t.Parallel()
	team := func(name string, with giteatest.Team) []giteatest.Team {
		with.ID, with.Name = 31, name
		return []giteatest.Team{with}
	}
	for name, c := range map[string]struct {
		who   forge.User
		repo  func(*giteatest.Repository)
		level string
		err   string // part of it; empty: none
	}{
		"a collaborator who may write":                {who: jane, level: "write"},
		"a stranger to a private repository":          {who: mallory, level: "none"},
		"a stranger to a public one":                  {who: mallory, level: "read", repo: func(r *giteatest.Repository) { r.Private = false }},
		"somebody who took a login that was given up": {who: forge.User{ID: 700, Login: "jane"}, level: "none"},
		"an account that is gone":                     {who: forge.User{ID: 12, Login: "gone"}, level: "none"},
		"nobody":                                      {who: forge.User{}, level: "none"},
		"a login that is a path":                      {who: forge.User{ID: 7, Login: "../jane"}, level: "none"},
		"the owner of a personal repository":          {who: forge.User{ID: 70, Login: "ops"}, level: "admin", repo: func(r *giteatest.Repository) { r.Organization = false }},
		"a collaborator of a personal repository":     {who: jane, level: "write", repo: func(r *giteatest.Repository) { r.Organization = false }},
		"a member of a team of administrators": {who: carol, level: "admin", repo: func(r *giteatest.Repository) {
			r.Teams = team("admins", giteatest.Team{Permission: "admin", Members: []string{"carol"}})
		}},
		"a member of a team that may write code": {who: carol, level: "write", repo: func(r *giteatest.Repository) {
			r.Teams = team("coders", giteatest.Team{Units: map[string]string{"repo.code": "write"}, Members: []string{"carol"}})
		}},
		"a member of a team that may only read pulls": {who: carol, level: "none", repo: func(r *giteatest.Repository) {
			r.Teams = team("readers", giteatest.Team{Units: map[string]string{"repo.code": "read", "repo.pulls": "read"}, Members: []string{"carol"}})
		}},
		"a member of a team that may write issues": {who: carol, level: "none", repo: func(r *giteatest.Repository) {
			r.Teams = team("issuers", giteatest.Team{Units: map[string]string{"repo.code": "read", "repo.issues": "write"}, Members: []string{"carol"}})
		}},
		"a member of a team with write, but not for code": {who: carol, level: "read", repo: func(r *giteatest.Repository) {
			r.Teams = team("issuers", giteatest.Team{Permission: "write", Units: map[string]string{"repo.issues": "write"}, Members: []string{"carol"}})
		}},
		"no member of a team that may write code": {who: mallory, level: "none", repo: func(r *giteatest.Repository) {
			r.Teams = team("coders", giteatest.Team{Units: map[string]string{"repo.code": "write"}, Members: []string{"carol"}})
		}},
		"a team whose members the token may not see": {who: carol, err: "may not see who is in the team coders", repo: func(r *giteatest.Repository) {
			r.Teams = team("coders", giteatest.Team{Hidden: true, Units: map[string]string{"repo.code": "write"}, Members: []string{"carol"}})
		}},
		"an account that does not administer":     {who: jane, err: "Only admins can query", repo: func(r *giteatest.Repository) { r.Access[bot] = "write" }},
		"a repository that is gone for the token": {who: jane, err: "couldn't be found", repo: func(r *giteatest.Repository) { delete(r.Access, bot) }},
		"a level that nobody knows":               {who: jane, err: "is no permission", repo: func(r *giteatest.Repository) { r.Access["jane"] = "sudo" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, client, _ := both(t)
			s.AddUser(giteatest.User{ID: 70, Login: "ops"})
			if c.repo != nil {
				s.ChangeRepository(infra, c.repo)
			}
			got, err := client.Access(deadline(t), c.who)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) || got.CanWrite() {
					t.Errorf("%+v, %v", got, err)
				}
				return
			}
			if err != nil || got.Level != c.level {
				t.Errorf("%+v, %v, want %s", got, err, c.level)
			}
		})
	}
}

// A token without a scope, and a server that fails in the middle, never make somebody who may.
func TestAccessUnknown(t *testing.T) {
	t.Parallel()
	for _, route := range []string{giteatest.RoutePermission, giteatest.RouteTeams, giteatest.RouteCollaborator, giteatest.RouteTeamMember} {
		t.Run(route, func(t *testing.T) {
			t.Parallel()
			s, client, _ := both(t)
			s.ChangeRepository(infra, func(r *giteatest.Repository) {
				r.Teams = []giteatest.Team{{ID: 31, Name: "coders", Units: map[string]string{"repo.code": "write"}, Members: []string{"carol"}}}
			})
			who := jane
			if route == giteatest.RouteTeamMember {
				who = carol
			}
			s.Fail(route, 1, giteatest.Failure(500, ""))
			if got, err := client.Access(deadline(t), who); err == nil || got.CanWrite() {
				t.Errorf("%+v, %v", got, err)
			}
			if got, err := client.Access(deadline(t), who); err != nil || !got.CanWrite() {
				t.Errorf("then: %+v, %v", got, err)
			}
		})
	}
	s, client, _ := both(t)
	s.ChangeRepository(infra, func(r *giteatest.Repository) {
		r.Teams = []giteatest.Team{{ID: 31, Name: "coders", Units: map[string]string{"repo.code": "write"}, Members: []string{"carol"}}}
	})
	s.SetScopes("write:repository", "write:issue", "read:user")
	if got, err := client.Access(deadline(t), carol); wire.KindOf(err) != wire.Forbidden || got.CanWrite() {
		t.Errorf("%+v, %v", got, err)
	}
}

// Whose word counts as an approval of which head.
func TestReviews(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		play func(*giteatest.Server, int)
		want string // who approved the head
	}{
		"an approval": {func(s *giteatest.Server, n int) { s.Review(infra, n, "bob", "APPROVED") }, "bob"},
		"an approval, then a comment": {func(s *giteatest.Server, n int) {
			s.Review(infra, n, "bob", "APPROVED")
			s.Review(infra, n, "bob", "COMMENT")
		}, "bob"},
		"an approval, then changes wanted": {func(s *giteatest.Server, n int) {
			s.Review(infra, n, "bob", "APPROVED")
			s.Review(infra, n, "bob", "REQUEST_CHANGES")
		}, ""},
		"changes wanted, then an approval": {func(s *giteatest.Server, n int) {
			s.Review(infra, n, "bob", "REQUEST_CHANGES")
			s.Review(infra, n, "bob", "APPROVED")
		}, "bob"},
		"asked for a review after approving": {func(s *giteatest.Server, n int) {
			s.Review(infra, n, "bob", "APPROVED")
			s.Review(infra, n, "bob", "REQUEST_REVIEW")
		}, "bob"},
		"not submitted": {func(s *giteatest.Server, n int) { s.Review(infra, n, "bob", "PENDING") }, ""},
		"a word that nobody knows": {func(s *giteatest.Server, n int) {
			s.Review(infra, n, "bob", "APPROVED")
			s.Review(infra, n, "bob", "WITHDRAWN")
		}, ""},
		"dismissed": {func(s *giteatest.Server, n int) {
			s.ChangeReview(infra, n, s.Review(infra, n, "bob", "APPROVED"), func(v *giteatest.Review) { v.Dismissed = true })
		}, ""},
		"stale though of this head": {func(s *giteatest.Server, n int) {
			s.ChangeReview(infra, n, s.Review(infra, n, "bob", "APPROVED"), func(v *giteatest.Review) { v.Stale = true })
		}, ""},
		"a push after it, and Gitea slow": {func(s *giteatest.Server, n int) {
			id := s.Review(infra, n, "bob", "APPROVED")
			s.Push(infra, n, sha("2"))
			s.ChangeReview(infra, n, id, func(v *giteatest.Review) { v.Stale = false })
		}, ""},
		"by an account that is gone": {func(s *giteatest.Server, n int) { s.Review(infra, n, "bob", "APPROVED"); s.DeleteUser("bob") }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, client, _ := both(t)
			n := open(s, "1")
			c.play(s, n)
			ctx := deadline(t)
			p := must[forge.PullRequest](t)(client.PullRequest(ctx, n))
			var got []string
			for _, u := range forge.ApprovedBy(must[[]forge.Review](t)(client.Reviews(ctx, p)), p.Head) {
				got = append(got, u.Login)
			}
			if strings.Join(got, ",") != c.want {
				t.Errorf("approved by %q, want %q", got, c.want)
			}
		})
	}
}

// A list that is longer than a page of this server is read to its end, and a refusal at its end counts.
func TestReviewsOfSmallPages(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := site(t, c, func(o *giteatest.Options) { o.PageLimit = 3 })
	client := client(t, s, c, nil)
	n := open(s, "1")
	s.Review(infra, n, "bob", "APPROVED")
	for range 6 {
		s.Review(infra, n, "carol", "COMMENT")
	}
	s.Review(infra, n, "bob", "REQUEST_CHANGES")
	reviews := must[[]forge.Review](t)(client.Reviews(deadline(t), forge.PullRequest{Number: n}))
	if len(reviews) != 8 || len(forge.ApprovedBy(reviews, sha("1"))) != 0 {
		t.Errorf("%d reviews: %+v", len(reviews), reviews)
	}
}
