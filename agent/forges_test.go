package agent_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/agent/need"
	"sallyport/agent/patience"
)

const (
	infra = "ops/infra"
	bot   = "sallyport-bot"
)

// hub is a site that hosts a repository, as the people who work there see it. Jane, joe and the bot may write, mallory has a fork.
type hub struct {
	block        // of the configuration
	site         // the server itself
	ref   string // of the head of a change in git
	noun  string // what a change is called
	sign  string // before the number of one

	// Where the rules of sites differ: see the table in the README.
	blind  bool // it does not say whose the e-mail of a committer is
	train  bool // it does not say as which commit a change was merged that came onto the branch as others
	once   bool // the text of a status that waits can be changed once
	strict bool // who may only read is a stranger

	user     func(id int64, login string)
	access   func(login string, write bool) // else somebody may read
	deletes  func()                         // mallory's fork
	knows    func(c authored)
	open     func(p proposal) int
	push     func(n int, head string)
	review   func(n int, login string) // an approval
	merge    func(n int, login, sha string)
	lands    func(n int, login string, hashes []string) // squashed to one commit, or rebased
	comment  func(n int, login, body string) int64
	edit     func(id int64, body string)
	comments func(n int) []note
	statuses func(sha, context string) []mark // oldest first, in GitHub's words
	lost     []func()                         // ways to lose a status, or to refuse it for now
	checks   string                           // the route by which it is asked what somebody may do
	before   func(route string, do func())
}

// block is what the configuration says of a site.
type block struct{ kind, url, of, token, plans string }

// site is what all servers that play one have in common.
type site interface {
	Down()
	Heal()
	WaitFor(ctx context.Context, like func() bool) error
}

// authored is a commit and the logins of who made it; without an author its e-mail belongs to no account.
type authored struct{ sha, author, committer string }

// proposal is a change of one commit, unless it says which.
type proposal struct {
	author, title, head string
	fork                bool
	commits             []string
}

type note struct {
	author, body string
	versions     int
}

type mark struct{ state, description, target string }

func (c authored) emails() (author, committer string) {
	if c.author == "" {
		return "box@nowhere", c.committer + "@example.com"
	}
	return c.author + "@example.com", c.committer + "@example.com"
}

// atEachSite runs a test at each site where changes are planned. Under -short one of them stands for all.
func atEachSite(t *testing.T, test func(*testing.T, hub)) {
	t.Parallel()
	whole(t)
	for kind, at := range map[string]func(*testing.T) hub{"github": atGitHub, "gitlab": atGitLab, "gitea": atGitea} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			if kind != "github" {
				need.Long(t, "it goes at another site the way that it goes at GitHub")
			}
			test(t, at(t))
		})
	}
}

// repository is one in which the heads of changes are called as the site calls them.
func (b hub) repository(t *testing.T) *repository {
	t.Helper()
	r := newRepository(t)
	r.heads = b.ref
	return r
}

// hosted is a repository at the site.
func (b hub) hosted(r *repository, plans string) string {
	r.t.Helper()
	token := filepath.Join(r.t.TempDir(), "token")
	if err := os.WriteFile(token, []byte(b.token), 0o600); err != nil {
		r.t.Fatal(err)
	}
	return fmt.Sprintf(`
repository "infra" {
  url      = "file://%s"
  branch   = "main"
  schedule = "@every 1s"
  %s {
    url   = %q
    token = file(%q)
    %s = %q
    %s = %q
  }
}
`, r.dir, b.kind, b.url, token, b.of, infra, b.plans, plans)
}

// reviewed is [hub.hosted] where every commit needs a review.
func (b hub) reviewed(r *repository) string {
	return strings.Replace(b.hosted(r, "off"), "  "+b.kind+" {", "  require_review = true\n  "+b.kind+" {", 1)
}

// people are person blocks of people who have the same login everywhere.
func (b hub) people(logins ...string) (blocks string) {
	for _, login := range logins {
		blocks += fmt.Sprintf("person %q {\n  %s = %q\n}\n", login, b.kind, login)
	}
	return blocks
}

// twoStacks are stacks, and jane, who is known at the site and on this host.
func (b hub) twoStacks() string {
	return fmt.Sprintf("stack \"box\" {\n  dir = \"box\"\n}\nstack \"bag\" {\n  dir = \"bag\"\n}\nperson \"jane\" {\n  %s = \"jane\"\n  os = \"jane\"\n}\n", b.kind)
}

// named names a change: "pull request #2". Where runs are spoken of too, a # is left out: see plain.
func (b hub) named(n int) string { return fmt.Sprintf("%s %s%d", b.noun, b.sign, n) }

func (b hub) plain(n int) string { return strings.Replace(b.named(n), "#", "", 1) }

// pushes commits to the branch and lets the site know.
func (b hub) pushes(r *repository, subject string, files map[string]string) string {
	hash := r.commit(subject, files)
	b.knows(authored{hash, "jane", "jane"})
	return hash
}

// until waits until a condition of the site holds.
func (b hub) until(t *testing.T, what string, like func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience.Limit())
	defer cancel()
	if err := b.WaitFor(ctx, like); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// stands waits for a commit's status of a stack.
func (b hub) stands(t *testing.T, sha, stack, state, part string) (found mark) {
	t.Helper()
	b.until(t, fmt.Sprintf("%.8s of %s never was %s %q", sha, stack, state, part), func() bool {
		all := b.statuses(sha, "sallyport/"+stack)
		if len(all) > 0 {
			found = all[len(all)-1]
		}
		return len(all) > 0 && found.state == state && strings.Contains(found.description, part)
	})
	return found
}

// waits waits until a commit's status of a stack says that somebody has to approve it, as far as the site lets it be said.
func (b hub) waits(t *testing.T, sha, stack, counts string) {
	t.Helper()
	if b.once {
		b.stands(t, sha, stack, "pending", "")
		return
	}
	b.stands(t, sha, stack, "pending", "waiting for approval"+counts)
}

// says waits until the one comment of the bot on a change says something.
func (b hub) says(t *testing.T, n int, part string) (found note) {
	t.Helper()
	b.until(t, fmt.Sprintf("no comment on %d says %q", n, part), func() bool {
		mine := 0
		for _, c := range b.comments(n) {
			if c.author == bot {
				found, mine = c, mine+1
			}
		}
		return mine == 1 && strings.Contains(found.body, part)
	})
	return found
}
