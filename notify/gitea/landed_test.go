package gitea_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sallyport/notify/forge"
	"sallyport/notify/gitea/giteatest"
)

// Which pull request brought a commit. Gitea itself knows that of what a merge ended in, and of nothing else.
func TestLanded(t *testing.T) {
	t.Parallel()
	s, client, c := both(t)
	three := func() int {
		return s.OpenPull(infra, giteatest.Pull{Author: "jane", Title: "three", Head: sha("3"), Commits: []string{sha("1"), sha("2"), sha("3")}})
	}
	merged := three()
	s.Merge(infra, merged, "bob", sha("a"))
	c.now = c.now.Add(time.Minute)
	rebased := s.OpenPull(infra, giteatest.Pull{Author: "jane", Title: "two", Head: sha("5"), Commits: []string{sha("4"), sha("5")}, Base: sha("a")})
	s.Rebase(infra, rebased, "bob", sha("c"), sha("d"))
	squashed := s.OpenPull(infra, giteatest.Pull{Author: "jane", Title: "squashed", Head: sha("7"), Commits: []string{sha("6"), sha("7")}, Base: sha("e")})
	s.AddCommit(infra, giteatest.Commit{SHA: sha("e"), Author: "mallory", Committer: "mallory", Message: "pushed by hand", Parents: []string{sha("d")}})
	s.Merge(infra, squashed, "bob", sha("f"))
	elsewhere := s.OpenPull(infra, giteatest.Pull{Author: "jane", Title: "elsewhere", Head: sha("8"), BaseRef: "release"})
	s.Merge(infra, elsewhere, "bob", sha("9"))
	closed := s.OpenPull(infra, giteatest.Pull{Author: "jane", Title: "closed", Head: sha("0")})
	s.ClosePull(infra, closed)
	for name, c := range map[string]struct {
		commit string
		want   int // 0: none
	}{
		"what a merge ended in":                                  {"a", merged},
		"a commit of the branch that was merged":                 {"2", merged},
		"what a rebase ended in":                                 {"d", rebased},
		"what a rebase made of the first commit":                 {"c", rebased},
		"what a squash made":                                     {"f", squashed},
		"what was pushed by hand and lies below a squash":        {"e", 0},
		"of a pull request into another branch":                  {"9", 0},
		"of a pull request that was closed without being merged": {"0", 0},
	} {
		list, err := client.Landed(deadline(t), sha(c.commit), "main")
		got := 0
		if len(list) == 1 {
			got = list[0].Number
		}
		if err != nil || got != c.want || len(list) > 1 {
			t.Errorf("%s: %s, %v, want %d", name, numbers(list), err, c.want)
		}
	}
	if list, err := client.Landed(deadline(t), sha("9"), "release"); err != nil || numbers(list) != fmt.Sprint(elsewhere) {
		t.Errorf("%s, %v", numbers(list), err)
	}
	before := s.Calls(giteatest.RoutePullCommits)
	must[[]forge.PullRequest](t)(client.Landed(deadline(t), sha("2"), "main"))
	if n := s.Calls(giteatest.RoutePullCommits) - before; n != 0 {
		t.Errorf("what does not change any more was asked for %d times again", n)
	}
}

// A commit that says it was made in the future hides no pull request.
func TestLandedFromTheFuture(t *testing.T) {
	t.Parallel()
	s, client, c := both(t)
	s.AddCommit(infra, giteatest.Commit{SHA: sha("1"), Author: "jane", Committer: "jane", Message: "later", Committed: c.now.AddDate(5, 0, 0)})
	n := s.OpenPull(infra, giteatest.Pull{Author: "jane", Title: "two", Head: sha("2"), Commits: []string{sha("1"), sha("2")}})
	s.Merge(infra, n, "bob", sha("a"))
	list, err := client.Landed(deadline(t), sha("1"), "main")
	if err != nil || numbers(list) != fmt.Sprint(n) {
		t.Errorf("%s, %v", numbers(list), err)
	}
}

// Too many to look into is an error, and not "none".
func TestLandedAmongTooMany(t *testing.T) {
	t.Parallel()
	s, client, _ := both(t)
	s.AddCommit(infra, giteatest.Commit{SHA: sha("1"), Author: "jane", Committer: "jane"})
	for i := range 101 {
		n := s.OpenPull(infra, giteatest.Pull{Author: "jane", Title: "one of many", Head: fmt.Sprintf("%040x", 1000+i)})
		s.Merge(infra, n, "bob", fmt.Sprintf("%040x", 5000+i))
	}
	list, err := client.Landed(deadline(t), sha("1"), "main")
	if err == nil || !strings.Contains(err.Error(), "more than 100") {
		t.Errorf("%s, %v", numbers(list), err)
	}
	if _, err := client.Landed(deadline(t), sha("e"), "main"); err == nil {
		t.Error("a commit that the server does not know was brought by nobody")
	}
}

// Git has a merge before Gitea has written it down: none is no answer yet, of a new commit and of one that a fast-forward brought.
func TestLandedIsToldLate(t *testing.T) {
	t.Parallel()
	for name, tip := range map[string]string{"a merge": "a", "a fast-forward": "2"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, client, c := both(t)
			n := s.OpenPull(infra, giteatest.Pull{Author: "jane", Title: "two", Head: sha("2"), Commits: []string{sha("1"), sha("2")}})
			c.now = c.now.Add(time.Hour)
			if tip == "a" {
				s.AddCommit(infra, giteatest.Commit{SHA: sha("a"), Author: "bob", Committer: "bob", Parents: []string{strings.Repeat("b", 40), sha("2")}})
			}
			asked := 0
			s.Before(giteatest.RouteCommitPull, func(giteatest.Call) {
				if asked++; asked == 3 {
					s.Merge(infra, n, "bob", sha(tip))
				}
			})
			list, err := client.Landed(deadline(t), sha(tip), "main")
			if err != nil || numbers(list) != fmt.Sprint(n) || list[0].MergedBy != bob {
				t.Errorf("%+v, %v after %d times", list, err, asked)
			}
		})
	}
	s, client, c := both(t)
	s.AddCommit(infra, giteatest.Commit{SHA: sha("1"), Author: "jane", Committer: "jane"})
	for range 3 {
		if list, err := client.Landed(deadline(t), sha("1"), "main"); err != nil || len(list) != 0 {
			t.Errorf("pushed by hand: %s, %v", numbers(list), err)
		}
	}
	if waited := c.now.Sub(newClock().now); waited > 10*time.Second {
		t.Errorf("it was waited for %s", waited)
	}
}

// One that is too large to look into hides nothing: none is an error then, and what another one brought is found.
func TestLandedBesideALargeOne(t *testing.T) {
	t.Parallel()
	s, client, c := both(t)
	var hashes []string
	for i := range 300 {
		hashes = append(hashes, fmt.Sprintf("%040x", i+1))
	}
	large := s.OpenPull(infra, giteatest.Pull{Author: "jane", Title: "large", Head: hashes[299], Commits: hashes})
	s.Merge(infra, large, "bob", sha("a"))
	small := s.OpenPull(infra, giteatest.Pull{Author: "jane", Title: "small", Head: sha("2"), Commits: []string{sha("1"), sha("2")}})
	s.Merge(infra, small, "bob", sha("c"))
	s.AddCommit(infra, giteatest.Commit{SHA: sha("e"), Author: "jane", Committer: "jane"})
	c.now = c.now.Add(time.Minute)
	if list, err := client.Landed(deadline(t), sha("1"), "main"); err != nil || numbers(list) != fmt.Sprint(small) {
		t.Errorf("%s, %v", numbers(list), err)
	}
	if list, err := client.Landed(deadline(t), sha("e"), "main"); err == nil {
		t.Errorf("it may have come by the large one, and it is said that it came by %q", numbers(list))
	}
}
