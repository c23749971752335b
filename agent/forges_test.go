package agent_test

import (
	"context"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"sallyport/agent/patience"
	"sallyport/notify/gitea/giteatest"
	"sallyport/notify/github/githubtest"
	"sallyport/notify/gitlab/gitlabtest"
	"sallyport/store"
)

// hub is a site that hosts a repository, as the people who work there see it. Jane, joe and the bot may write, mallory has a fork.
type hub struct {
	block   string // of the configuration
	ref     string // of the head of a change in git
	change  string // what a change is called
	commit  func(sha string)
	open    func(author, head string, fork bool) int
	push    func(n int, head string)
	merge   func(n int, login, sha string)
	comment func(n int, login, body string) int64
	edit    func(id int64, body string)
	bodies  func(n int) (bodies []string, versions int)                    // of the bot's comments
	status  func(sha, context string) (state, description string, ok bool) // in GitHub's words
	wait    func(ctx context.Context, like func() bool) error
	said    func() string
}

const forgeConfig = "\n  %s {\n    url = %q\n    %s = %q\n    token = file(%q)\n    %s = \"trusted\"\n  }\n"

func tokenFile(t *testing.T, token string) string {
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func atGitHub(t *testing.T) hub {
	s := site(t)
	return hub{
		block: fmt.Sprintf(forgeConfig, "github", s.URL(), "repository", infra, tokenFile(t, s.Token()), "pull_requests"),
		ref:   "refs/pull/%d/head", change: "pull request",
		commit: func(sha string) { s.AddCommit(infra, githubtest.Commit{SHA: sha, Author: "jane", Committer: "jane"}) },
		open: func(author, head string, fork bool) int {
			p := githubtest.Pull{Author: author, Head: head}
			if fork {
				p.From = 43
			}
			return s.OpenPull(infra, p)
		},
		push: func(n int, head string) { s.Push(infra, n, head) }, merge: func(n int, login, sha string) { s.Merge(infra, n, login, sha) },
		comment: func(n int, login, body string) int64 { return s.Comment(infra, n, login, body) }, edit: func(id int64, body string) { s.EditComment(infra, id, body) },
		bodies: func(n int) (bodies []string, versions int) {
			for _, c := range s.Comments(infra, n) {
				if c.Author == "sallyport-bot" {
					bodies, versions = append(bodies, c.Body), versions+len(c.Versions)
				}
			}
			return bodies, versions
		},
		status: func(sha, context string) (string, string, bool) {
			st, ok := s.Status(infra, sha, context)
			return st.State, st.Description, ok
		},
		wait: s.WaitFor, said: s.Transcript,
	}
}

func atGitLab(t *testing.T) hub {
	s, err := gitlabtest.New(gitlabtest.Options{
		Subpath: "/gitlab",
		Users:   []gitlabtest.User{{ID: 7, Login: "jane"}, {ID: 8, Login: "joe"}, {ID: 66, Login: "mallory"}},
		Projects: []gitlabtest.Project{
			{ID: 42, Name: infra, Private: true, Access: map[string]int{"jane": gitlabtest.Developer, "joe": gitlabtest.Maintainer, "sallyport-bot": gitlabtest.Developer}},
			{ID: 43, Name: "mallory/infra"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return hub{
		block: fmt.Sprintf(forgeConfig, "gitlab", s.URL(), "project", infra, tokenFile(t, s.Token()), "merge_requests"),
		ref:   "refs/merge-requests/%d/head", change: "merge request",
		commit: func(sha string) {
			s.AddCommit(infra, gitlabtest.Commit{SHA: sha, AuthorEmail: "jane@example.com", CommitterEmail: "jane@example.com", Branches: []string{"main"}})
		},
		open: func(author, head string, fork bool) int {
			p := gitlabtest.Pull{Author: author, Head: head}
			if fork {
				p.From = 43
			}
			return s.OpenPull(infra, p)
		},
		push: func(n int, head string) { s.Push(infra, n, head) }, merge: func(n int, login, sha string) { s.Merge(infra, n, login, sha) },
		comment: func(n int, login, body string) int64 { return s.Comment(infra, n, login, body) }, edit: func(id int64, body string) { s.EditComment(infra, id, body) },
		bodies: func(n int) (bodies []string, versions int) {
			for _, c := range s.Comments(infra, n) {
				if c.Author == "sallyport-bot" {
					bodies, versions = append(bodies, c.Body), versions+len(c.Versions)
				}
			}
			return bodies, versions
		},
		status: func(sha, context string) (string, string, bool) {
			st, ok := s.Status(infra, sha, context)
			state := map[string]string{"pending": "pending", "running": "pending", "success": "success", "failed": "failure"}[st.State]
			return state, st.Description, ok
		},
		wait: s.WaitFor, said: s.Asked,
	}
}

func atGitea(t *testing.T) hub {
	// The site's times have whole seconds: here each thing happens in one of its own.
	begin, ticks := time.Now().Truncate(time.Second), atomic.Int64{}
	s, err := giteatest.New(giteatest.Options{
		Now:   func() time.Time { return begin.Add(time.Duration(ticks.Add(1)) * time.Second) },
		Users: []giteatest.User{{ID: 7, Login: "jane"}, {ID: 8, Login: "joe"}, {ID: 66, Login: "mallory"}},
		Repositories: []giteatest.Repository{
			{ID: 42, Name: infra, Private: true, Access: map[string]string{"jane": "write", "joe": "write", "sallyport-bot": "admin"}},
			{ID: 43, Name: "mallory/infra"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return hub{
		block: fmt.Sprintf(forgeConfig, "gitea", s.URL(), "repository", infra, tokenFile(t, s.Token()), "pull_requests"),
		ref:   "refs/pull/%d/head", change: "pull request",
		commit: func(sha string) { s.AddCommit(infra, giteatest.Commit{SHA: sha, Author: "jane", Committer: "jane"}) },
		open: func(author, head string, fork bool) int {
			p := giteatest.Pull{Author: author, Head: head}
			if fork {
				p.From = 43
			}
			return s.OpenPull(infra, p)
		},
		push: func(n int, head string) { s.Push(infra, n, head) }, merge: func(n int, login, sha string) { s.Merge(infra, n, login, sha) },
		comment: func(n int, login, body string) int64 { return s.Comment(infra, n, login, body) }, edit: func(id int64, body string) { s.EditComment(infra, id, body) },
		bodies: func(n int) (bodies []string, versions int) {
			for _, c := range s.Comments(infra, n) {
				if c.Author == "sallyport-bot" {
					bodies, versions = append(bodies, c.Body), versions+len(c.Versions)
				}
			}
			return bodies, versions
		},
		status: func(sha, context string) (string, string, bool) {
			st, ok := s.Status(infra, sha, context)
			return st.State, st.Description, ok
		},
		wait: s.WaitFor, said: s.Asked,
	}
}

// until waits until a condition of a site holds.
func (b hub) until(t *testing.T, what string, like func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience.Limit())
	defer cancel()
	if err := b.wait(ctx, like); err != nil {
		t.Fatalf("%s: %v\n%s", what, err, b.said())
	}
}

func (b hub) stands(t *testing.T, sha, stack, state, part string) {
	t.Helper()
	b.until(t, fmt.Sprintf("%.8s of %s never was %s %q", sha, stack, state, part), func() bool {
		now, description, ok := b.status(sha, "sallyport/"+stack)
		return ok && now == state && strings.Contains(description, part)
	})
}

// says waits until the one comment of the bot says something, and returns how often it was written.
func (b hub) says(t *testing.T, n int, part string) (versions int) {
	t.Helper()
	b.until(t, fmt.Sprintf("no comment on %d says %q", n, part), func() bool {
		bodies, written := b.bodies(n)
		versions = written
		return len(bodies) == 1 && strings.Contains(bodies[0], part)
	})
	return versions
}

// TestForges is one story at each site: a preview with its statuses and its comment, a new head, a merge that is planned and applied, a
// change that waits for somebody's word, a merger who may not approve, and a stranger's fork.
func TestForges(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]func(*testing.T) hub{"github": atGitHub, "gitlab": atGitLab, "gitea": atGitea} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forgeStory(t, name, at(t))
		})
	}
}

// story is a repository at a site, and the agent that follows it. Joe's is the account that tests run as.
type story struct {
	hub
	t *testing.T
	r *repository
	h *house
}

// land commits to the branch.
func (s story) land(subject string, files map[string]string) string {
	hash := s.r.commit(subject, files)
	s.commit(hash)
	return hash
}

// propose commits files for change n above base.
func (s story) propose(n int, base string, files map[string]string) string {
	head := s.r.propose(n, base, "change", files)
	name := plumbing.ReferenceName(fmt.Sprintf(s.ref, n))
	if err := s.r.git.Storer.SetReference(plumbing.NewHashReference(name, plumbing.NewHash(head))); err != nil {
		s.t.Fatal(err)
	}
	return head
}

func forgeStory(t *testing.T, kind string, b hub) {
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	s := story{hub: b, t: t, r: newRepository(t)}
	base := s.land("one of each", map[string]string{"box/main.tf": data("one", "1"), "bag/main.tf": data("one", "1")})
	config := fmt.Sprintf("repository \"infra\" {\n  url = \"file://%s\"\n  branch = \"main\"\n  schedule = \"@every 1s\"\n%s}\n", s.r.dir, b.block) +
		"stack \"box\" {\n  dir = \"box\"\n}\nstack \"bag\" {\n  dir = \"bag\"\n  allow_self_approval = false\n}\n" +
		fmt.Sprintf("person \"jane\" {\n  %[1]s = \"jane\"\n}\nperson \"joe\" {\n  %[1]s = \"joe\"\n  os = %[2]q\n}\n", kind, me.Username)
	s.h = newHouse(t, config).start()
	s.h.Reaches("box", store.Planned)
	merged := s.previewed(base)
	merged = s.waited(merged)

	// Nothing of a fork is run.
	foreign := s.propose(3, merged, map[string]string{"box/main.tf": data("evil", "9")})
	s.says(t, s.open("mallory", foreign, true), "it comes from a fork")
	if _, _, ok := s.status(foreign, "sallyport/box"); ok || len(s.h.previews()) != 3 {
		t.Errorf("a fork's commit was planned, or has a status: %+v", s.h.previews())
	}
}

// previewed is a change that is previewed, then again in the same comment, and merged: the merge is planned and applied.
func (s story) previewed(base string) (merged string) {
	s.t.Helper()
	head := s.propose(1, base, map[string]string{"box/main.tf": data("one", "1") + data("two", "2")})
	n := s.open("jane", head, false)
	s.stands(s.t, head, "box", "success", "2 to create, nothing destroyed")
	s.stands(s.t, head, "bag", "success", "not touched by this "+s.hub.change)
	first := s.says(s.t, n, "terraform_data.two")
	next := s.propose(1, base, map[string]string{"box/main.tf": data("three", "3")})
	s.push(n, next)
	s.stands(s.t, next, "box", "success", "1 to create")
	if again := s.says(s.t, n, "terraform_data.three"); again <= first {
		s.t.Errorf("the comment was written %d times, then %d", first, again)
	}
	merged = s.land("three", map[string]string{"box/main.tf": data("three", "3")})
	s.merge(n, "jane", merged)
	s.stands(s.t, merged, "box", "pending", "")
	s.h.Reaches("box", store.Planned)
	s.h.MustDecide("box", "approve")
	s.stands(s.t, merged, "box", "success", "applied by")
	return merged
}

// waited is a change of where a state is: it waits for an approver's word, which is not taken from one that was edited, nor from who is no
// approver. Whoever merges it may not approve it.
func (s story) waited(base string) (merged string) {
	s.t.Helper()
	held := s.propose(2, base, map[string]string{"bag/main.tf": "terraform {\n  backend \"local\" {}\n}\n" + data("two", "2")})
	n := s.open("jane", held, false)
	s.stands(s.t, held, "bag", "pending", "not planned: it changes its backend or providers")
	s.says(s.t, n, "sallyport plan "+held)
	s.edit(s.comment(n, "joe", "nothing"), "sallyport plan "+held)
	s.comment(n, "jane", "sallyport plan "+held)
	s.says(s.t, n, "of jane did not count")
	if runs := s.h.previews(); len(runs) != 2 {
		s.t.Fatalf("it was planned: %+v", runs)
	}
	s.comment(n, "joe", "`sallyport plan "+held+"`")
	s.stands(s.t, held, "bag", "success", "1 to create")

	merged = s.land("two", map[string]string{"bag/main.tf": data("two", "2")})
	s.merge(n, "joe", merged)
	s.stands(s.t, merged, "bag", "pending", "")
	s.h.Reaches("bag", store.Planned)
	if err := s.h.Decide("bag", "approve"); err == nil || !strings.Contains(err.Error(), "you are an author") {
		s.t.Errorf("the merger's approval: %v", err)
	}
	return merged
}
