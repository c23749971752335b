package gitlab_test

import (
	"fmt"
	"testing"

	"sallyport/notify/forge"
	"sallyport/notify/forge/forgetest"
	"sallyport/notify/forge/wire"
	"sallyport/notify/gitlab/gitlabtest"
)

const private = "7-jane@users.noreply.127.0.0.1"

// TestCommits: whom a commit is known to be of. Of the rest nobody knows, which holds.
func TestCommits(t *testing.T) {
	tests := map[string]struct {
		author, committer string // e-mails
		old               bool   // GraphQL does not say
		want              string // accounts
	}{
		"her own":                     {"jane@example.com", "jane@example.com", false, "jane jane"},
		"somebody else committed it":  {"jane@example.com", "bob@example.com", false, "jane "},
		"a private address":           {private, private, false, "jane jane"},
		"a private address elsewhere": {"7-jane@users.noreply.gitlab.com", private, false, " jane"},
		"nobody's address":            {"stranger@example.com", "stranger@example.com", false, " "},
		"an older GitLab":             {"jane@example.com", "jane@example.com", true, " "},
		"no address":                  {"", "", false, " "},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := site(t, func(o *gitlabtest.Options) { o.PageLimit, o.NoCommitAuthors = 1, tt.old })
			c := client(t, s, nil)
			s.AddCommit(infra, gitlabtest.Commit{SHA: sha("a"), AuthorEmail: tt.author, CommitterEmail: tt.committer})
			s.AddCommit(infra, gitlabtest.Commit{SHA: sha("b"), AuthorEmail: "carol@example.com\u202e", CommitterEmail: "carol@example.com"})
			n := s.OpenPull(infra, gitlabtest.Pull{Author: "jane", Head: sha("b"), Commits: []string{sha("a"), sha("b")}})
			got := must[forge.Commits](t)(c.Commits(deadline(t), forge.PullRequest{Number: n}))
			if got.Cut || len(got.List) != 2 || got.List[0].AuthorEmail != "carol@example.com" {
				t.Fatalf("%+v", got)
			}
			one := got.List[1]
			if said := one.Author.Login + " " + one.Committer.Login; said != tt.want || one.Hash != sha("a") || one.AuthorEmail != tt.author {
				t.Errorf("got %q: %+v", said, one)
			}
		})
	}
}

// TestPushers: who pushed since it was opened, whatever the commits say.
func TestPushers(t *testing.T) {
	s := site(t, func(o *gitlabtest.Options) { o.PageLimit = 2 })
	c := client(t, s, nil)
	n := s.OpenPull(infra, gitlabtest.Pull{Author: "jane", Head: sha("a")})
	s.Comment(infra, n, "carol", "added 1 commit of mine")
	s.SystemNote(infra, n, "carol", "added ~1 label")
	s.PushBy(infra, n, "bob", sha("b"))
	s.Push(infra, n, sha("c"))
	s.PushBy(infra, n, "bob", sha("d"))
	got := must[forge.Commits](t)(c.Commits(deadline(t), forge.PullRequest{Number: n}))
	if want := []forge.User{{ID: 8, Login: "bob"}, {ID: 7, Login: "jane"}}; fmt.Sprint(got.Pushers) != fmt.Sprint(want) {
		t.Errorf("got %v", got.Pushers)
	}
}

// TestCommitsUnknown: if anything cannot be found out now, there is no shorter answer.
func TestCommitsUnknown(t *testing.T) {
	for _, route := range []string{gitlabtest.RoutePullCommits, gitlabtest.RouteGraphQL, gitlabtest.RouteComments} {
		s := site(t, nil)
		c := client(t, s, nil)
		n := s.OpenPull(infra, gitlabtest.Pull{Author: "jane", Head: sha("a")})
		s.Fail(route, 2, forgetest.Fault{Kind: forgetest.ServerError})
		if got, err := c.Commits(deadline(t), forge.PullRequest{Number: n}); wire.KindOf(err) != wire.Outage || len(got.List) != 0 {
			t.Errorf("%s: %+v, %v", route, got, err)
		}
	}
}
