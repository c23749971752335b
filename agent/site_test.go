package agent_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/agent/control"
	"sallyport/agent/patience"
	"sallyport/notify/github/githubtest"
	"sallyport/store"
)

const infra = "ops/infra"

// site is the GitHub of a repository on disk. Jane may write, Mallory may not.
func site(t *testing.T) *githubtest.Server {
	t.Helper()
	// The site's times have whole seconds: here each thing happens in one of its own.
	begin, ticks := time.Now().Truncate(time.Second), atomic.Int64{}
	s, err := githubtest.New(githubtest.Options{
		Now:   func() time.Time { return begin.Add(time.Duration(ticks.Add(1)) * time.Second) },
		Token: "ghp_canary0canary0canary0canary0canary00",
		Users: []githubtest.User{{ID: 7, Login: "jane"}, {ID: 8, Login: "joe"}, {ID: 66, Login: "mallory"}},
		Repositories: []githubtest.Repository{
			{ID: 42, Name: infra, Private: true, Access: map[string]string{"jane": "write", "joe": "write", "sallyport-bot": "write"}},
			{ID: 43, Name: "mallory/infra", ForkOf: infra},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(s.Transcript())
		}
		s.Close()
	})
	return s
}

// hosted is a repository with a github block.
func hosted(t *testing.T, r *repository, s *githubtest.Server, plans string) string {
	t.Helper()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte(s.Token()), 0o600); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`
repository "infra" {
  url      = "file://%s"
  branch   = "main"
  schedule = "@every 1s"
  github {
    url           = %q
    repository    = %q
    token         = file(%q)
    pull_requests = %q
  }
}
`, r.dir, s.URL(), infra, token, plans)
}

// push commits and lets the site know.
func push(r *repository, s *githubtest.Server, subject string, files map[string]string) string {
	hash := r.commit(subject, files)
	s.AddCommit(infra, githubtest.Commit{SHA: hash, Author: "jane"})
	return hash
}

// stands waits for a commit's status of a stack.
func stands(t *testing.T, s *githubtest.Server, commit, stack, state, part string) githubtest.Status {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience.Limit())
	defer cancel()
	var found githubtest.Status
	if err := s.WaitFor(ctx, func() bool {
		st, ok := s.Status(infra, commit, "sallyport/"+stack)
		found = st
		return ok && st.State == state && strings.Contains(st.Description, part)
	}); err != nil {
		t.Fatalf("%.8s of %s never was %s %q: %v", commit, stack, state, part, err)
	}
	return found
}

func TestCommitStatuses(t *testing.T) {
	t.Parallel()
	r, gh, sl := newRepository(t), site(t), workspace(t)
	first := push(r, gh, "one box", map[string]string{"box/main.tf": data("one", "1")})
	h := newHouse(t, hosted(t, r, gh, "off")+"stack \"box\" {\n  dir = \"box\"\n}\nperson \"jane\" {\n  slack = \"U01JANE0\"\n}\n"+asking(sl)).start()

	card := said(t, sl, "", "#1")
	stands(t, gh, first, "box", "pending", "waiting for approval: 1 to create")
	sl.Reply(jane, ops, card.TS, "approve")
	st := stands(t, gh, first, "box", "success", "applied by jane: 1 created")
	if link := st.TargetURL; !strings.Contains(link, strings.ReplaceAll(card.TS, ".", "")) {
		t.Errorf("the status leads to %q, not to the thread of %s", link, card.TS)
	}
	var descriptions []string
	for _, one := range gh.Statuses(infra, first, "sallyport/box") {
		descriptions = append(descriptions, one.State+" "+one.Description+" "+one.TargetURL)
	}
	if len(slices.Compact(slices.Clone(descriptions))) != len(descriptions) {
		t.Errorf("the same was said twice: %q", descriptions)
	}

	// What is denied, and what fails.
	second := push(r, gh, "two", map[string]string{"box/main.tf": data("two", "2")})
	stands(t, gh, second, "box", "pending", "waiting for approval")
	h.MustDecide("box", "deny not today")
	stands(t, gh, second, "box", "failure", "denied")
	third := push(r, gh, "three", map[string]string{"box/main.tf": "resource {"})
	stands(t, gh, third, "box", "failure", "the plan failed, nothing was changed")
}

// TestOutageOfGitHub: what it delays are statuses, and nothing else.
func TestOutageOfGitHub(t *testing.T) {
	t.Parallel()
	r, gh := newRepository(t), site(t)
	gh.Down()
	first := push(r, gh, "one box", map[string]string{"box/main.tf": data("one", "1")})
	h := newHouse(t, hosted(t, r, gh, "trusted")+"stack \"box\" {\n  dir = \"box\"\n}\n").start()
	h.Reaches("box", store.Planned)
	h.MustDecide("box", "approve")
	h.Reaches("1", store.Applied)
	h.Eventually("the outage shows", func(s control.Status) bool {
		return slices.ContainsFunc(s.Problems, func(p control.Problem) bool { return strings.HasPrefix(p.Source, "github infra") })
	})
	h.stop()
	gh.Heal()
	h.start()
	stands(t, gh, first, "box", "success", "applied by")
	if n := len(gh.Statuses(infra, first, "sallyport/box")); n != 1 {
		t.Errorf("%d statuses were set after the outage, want the last one only", n)
	}
	h.Eventually("the outage is over", func(s control.Status) bool {
		return s.Outbox == 0 && !slices.ContainsFunc(s.Problems, func(p control.Problem) bool { return strings.HasPrefix(p.Source, "github") })
	})
}

// TestStatusesAreNeverLost: answers that get lost, limits, a commit that is not known yet.
func TestStatusesAreNeverLost(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(*githubtest.Server){
		"lost answer": func(s *githubtest.Server) {
			s.Fail(githubtest.RouteStatus, 2, githubtest.Fault{Kind: githubtest.LoseAnswer})
		},
		"late 502": func(s *githubtest.Server) {
			s.Fail(githubtest.RouteStatus, 1, githubtest.Fault{Kind: githubtest.LateServerError})
		},
		"secondary limit": func(s *githubtest.Server) { s.Fail("", 1, githubtest.Fault{Kind: githubtest.Secondary, RetryAfter: 1}) },
		"not known yet": func(s *githubtest.Server) {
			s.Fail(githubtest.RouteStatus, 2, githubtest.Fault{Kind: githubtest.Refuse, Status: 422, Words: "No commit found for SHA"})
		},
		"permission lost": func(s *githubtest.Server) {
			s.Fail(githubtest.RouteStatus, 1, githubtest.Fault{Kind: githubtest.Refuse, Status: 404, Words: "Not Found"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, gh := newRepository(t), site(t)
			fail(gh)
			first := push(r, gh, "one box", map[string]string{"box/main.tf": data("one", "1")})
			newHouse(t, hosted(t, r, gh, "off")+"stack \"box\" {\n  dir = \"box\"\n}\n").start()
			stands(t, gh, first, "box", "pending", "waiting for approval: 1 to create")
		})
	}
}
