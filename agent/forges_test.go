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
	name    string // how one is named
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
		ref:   "refs/pull/%d/head", change: "pull request", name: "pull request #%d",
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
		ref:   "refs/merge-requests/%d/head", change: "merge request", name: "merge request !%d",
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
		ref:   "refs/pull/%d/head", change: "pull request", name: "pull request #%d",
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

func forgeStory(t *testing.T, kind string, b hub) {
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	r := newRepository(t)
	land := func(subject string, files map[string]string) string {
		hash := r.commit(subject, files)
		b.commit(hash)
		return hash
	}
	// propose commits files for change n above base.
	propose := func(n int, base string, files map[string]string) string {
		head := r.propose(n, base, "change", files)
		if err := r.git.Storer.SetReference(plumbing.NewHashReference(plumbing.ReferenceName(fmt.Sprintf(b.ref, n)), plumbing.NewHash(head))); err != nil {
			t.Fatal(err)
		}
		return head
	}
	base := land("one of each", map[string]string{"box/main.tf": data("one", "1"), "bag/main.tf": data("one", "1")})
	config := fmt.Sprintf("repository \"infra\" {\n  url = \"file://%s\"\n  branch = \"main\"\n  schedule = \"@every 1s\"\n%s}\n", r.dir, b.block) +
		"stack \"box\" {\n  dir = \"box\"\n}\nstack \"bag\" {\n  dir = \"bag\"\n  allow_self_approval = false\n}\n" +
		fmt.Sprintf("person \"jane\" {\n  %[1]s = \"jane\"\n}\nperson \"joe\" {\n  %[1]s = \"joe\"\n  os = %[2]q\n}\n", kind, me.Username)
	h := newHouse(t, config).start()
	h.Reaches("box", store.Planned)

	// A preview, and another head in the same comment.
	head := propose(1, base, map[string]string{"box/main.tf": data("one", "1") + data("two", "2")})
	n := b.open("jane", head, false)
	b.stands(t, head, "box", "success", "2 to create, nothing destroyed")
	b.stands(t, head, "bag", "success", "not touched by this "+b.change)
	first := b.says(t, n, "terraform_data.two")
	next := propose(1, base, map[string]string{"box/main.tf": data("three", "3")})
	b.push(n, next)
	b.stands(t, next, "box", "success", "1 to create")
	if again := b.says(t, n, "terraform_data.three"); again <= first {
		t.Errorf("the comment was written %d times, then %d", first, again)
	}

	// The merge is planned and applied.
	merged := land("three", map[string]string{"box/main.tf": data("three", "3")})
	b.merge(n, "jane", merged)
	b.stands(t, merged, "box", "pending", "")
	h.Reaches("box", store.Planned)
	h.MustDecide("box", "approve")
	b.stands(t, merged, "box", "success", "applied by")

	// What changes where its state is waits for an approver's word, which is not taken from somebody who changed it afterwards.
	held := propose(2, merged, map[string]string{"bag/main.tf": "terraform {\n  backend \"local\" {}\n}\n" + data("two", "2")})
	n = b.open("jane", held, false)
	b.stands(t, held, "bag", "pending", "not planned: it changes its backend or providers")
	b.says(t, n, "sallyport plan "+held)
	b.edit(b.comment(n, "joe", "nothing"), "sallyport plan "+held)
	b.comment(n, "jane", "sallyport plan "+held)
	b.says(t, n, "of jane did not count")
	if runs := h.previews(); len(runs) != 2 {
		t.Fatalf("it was planned: %+v", runs)
	}
	b.comment(n, "joe", "`sallyport plan "+held+"`")
	b.stands(t, held, "bag", "success", "1 to create")

	// Whoever merged it may not approve it.
	merged = land("two", map[string]string{"bag/main.tf": data("two", "2")})
	b.merge(n, "joe", merged)
	b.stands(t, merged, "bag", "pending", "")
	h.Reaches("bag", store.Planned)
	if err := h.Decide("bag", "approve"); err == nil || !strings.Contains(err.Error(), "you are an author") {
		t.Errorf("the merger's approval: %v", err)
	}

	// Nothing of a fork is run.
	foreign := propose(3, merged, map[string]string{"box/main.tf": data("evil", "9")})
	n = b.open("mallory", foreign, true)
	b.says(t, n, "it comes from a fork")
	if _, _, ok := b.status(foreign, "sallyport/box"); ok || len(h.previews()) != 3 {
		t.Errorf("a fork's commit was planned, or has a status: %+v", h.previews())
	}
}
