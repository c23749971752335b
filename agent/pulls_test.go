package agent_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	git "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"

	"sallyport/agent"
	"sallyport/agent/control"
	"sallyport/agent/patience"
	"sallyport/store"
)

// propose commits on a branch of its own that leaves main at a commit, and makes that the head of a pull request in git. It does not tell the site.
func (r *repository) propose(number int, from, subject string, files map[string]string) string {
	r.t.Helper()
	tree, err := r.git.Worktree()
	if err != nil {
		r.t.Fatal(err)
	}
	branch := plumbing.NewBranchReferenceName(fmt.Sprintf("topic-%d", number))
	if err := tree.Checkout(&git.CheckoutOptions{Hash: plumbing.NewHash(from), Branch: branch, Create: true, Force: true}); err != nil {
		r.t.Fatal(err)
	}
	hash := r.commit(subject, files)
	if err := tree.Checkout(&git.CheckoutOptions{Branch: "refs/heads/main", Force: true}); err != nil {
		r.t.Fatal(err)
	}
	if err := r.git.Storer.RemoveReference(branch); err != nil {
		r.t.Fatal(err)
	}
	r.point(number, hash)
	return hash
}

// point moves the head of a pull request in git.
func (r *repository) point(number int, hash string) {
	r.t.Helper()
	name := plumbing.ReferenceName(fmt.Sprintf(r.heads, number))
	if err := r.git.Storer.SetReference(plumbing.NewHashReference(name, plumbing.NewHash(hash))); err != nil {
		r.t.Fatal(err)
	}
}

// previews are the runs of pull requests, ended ones included.
func (h *house) previews() []control.Run {
	h.t.Helper()
	all, err := h.Client.Runs(context.Background(), control.RunsQuery{})
	if err != nil {
		h.t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(r control.Run) bool { return r.Kind != store.KindPullRequest })
}

// A stack's own plans have its secrets, a pull request's plan has what stands in the configuration, and says what it lacks.
func TestPreviewsAreGivenNoSecrets(t *testing.T) {
	t.Parallel()
	const asks = "variable \"size\" {}\nvariable \"password\" {}\n"
	r, gh := newRepository(t), atGitHub(t)
	base := gh.pushes(r, "one", map[string]string{"box/main.tf": asks + data("one", "1"), "bag/main.tf": data("one", "1")})
	h := newHouse(t, "")
	secret := filepath.Join(h.Dir, "secret")
	if err := os.WriteFile(secret, []byte("a-long-secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.Body = gh.hosted(r, "trusted") + fmt.Sprintf(`
stack "box" {
  dir  = "box"
  vars = { size = "small", password = file(%[1]q) }
}
stack "bag" {
  dir      = "bag"
  plan_env = { TOKEN = file(%[1]q) }
}
`, secret)
	h.start()
	h.Reaches("box", store.Planned)
	head := r.propose(1, base, "more", map[string]string{"box/main.tf": asks + data("two", "2"), "bag/main.tf": data("two", "2")})
	gh.open(proposal{author: "jane", title: "more", head: head})
	gh.stands(t, head, "bag", "success", "1 to create")
	gh.stands(t, head, "box", "failure", "")
	of := func(stack string) control.Run {
		list := h.previews()
		return list[slices.IndexFunc(list, func(r control.Run) bool { return r.Stack == stack })]
	}
	if run := of("bag"); !slices.ContainsFunc(run.Warnings, func(w string) bool {
		return strings.HasPrefix(w, "planned without the stack's secrets (plan_env TOKEN)")
	}) {
		t.Errorf("warnings: %q", run.Warnings)
	}
	if run := of("box"); !strings.Contains(run.Error, `"password"`) || strings.Contains(run.Error, `"size"`) || !strings.Contains(run.Hint, "secrets_to_previews") {
		t.Errorf("the preview ends with %q, hint %q", run.Error, run.Hint)
	}
}

func TestPullRequests(t *testing.T) { atEachSite(t, pullRequests) }

func pullRequests(t *testing.T, b hub) {
	r := b.repository(t)
	base := b.pushes(r, "one of each", map[string]string{"box/main.tf": data("one", "1"), "bag/main.tf": data("one", "1")})
	h := newHouse(t, b.hosted(r, "trusted")+b.twoStacks()+"hooks {\n"+
		hook("after_plan", "test $SALLYPORT_KIND = pull_request || exit 0; echo '@everyone sees the <!-- port'; exit 2")+"}\n").start()
	h.Reaches("box", store.Planned)

	head := r.propose(1, base, "more boxes", map[string]string{"box/main.tf": data("one", "1") + data("two", "2")})
	n := b.open(proposal{author: "jane", title: "more boxes <!-- @everyone -->", head: head})
	b.stands(t, head, "box", "success", "2 to create, nothing destroyed; 1 hook warns")
	b.stands(t, head, "bag", "success", "not touched by this "+b.noun)
	c := b.says(t, n, "terraform_data.two")
	if !strings.Contains(c.body, "1 other stack is not touched") || strings.Count(c.body, "everyone") != 1 || !strings.Contains(c.body, "warns:\n\n```text\n@everyone sees the <!-- port\n```") {
		t.Errorf("the comment says:\n%s", c.body)
	}
	s := h.Eventually("the preview is in the status", func(s control.Status) bool {
		return len(s.PullRequests) == 1 && s.PullRequests[0].Status == store.Previewed
	})
	preview := s.PullRequests[0]
	if preview.Commit != head || preview.PullRequest != n || preview.Kind != store.KindPullRequest || preview.Plan == nil || preview.Plan.Add != 2 {
		t.Errorf("the preview is %+v", preview)
	}
	if err := h.Decide(fmt.Sprint(preview.ID), "approve"); err == nil || !strings.Contains(err.Error(), "previewed") {
		t.Errorf("a preview was approved: %v", err)
	}
	for _, left := range []string{"plan", "src", "data"} {
		ctx, cancel := context.WithTimeout(t.Context(), patience.Limit())
		defer cancel()
		for dir := filepath.Join(h.Dir, "data", "runs", fmt.Sprint(preview.ID), left); ; h.Tick(ctx) {
			if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
				break
			}
			if ctx.Err() != nil {
				t.Fatalf("%s is kept", dir)
			}
		}
	}
	h.Reaches("box", store.Planned) // what can apply is neither superseded nor in the way

	// A new head takes the place of the old one, in the same comment.
	second := r.propose(1, base, "even more", map[string]string{"box/main.tf": data("three", "3") +
		"resource \"terraform_data\" \"keyed\" {\n  for_each = toset([\"" + b.token + "\"])\n}\n"})
	b.push(n, second)
	b.stands(t, second, "box", "success", "2 to create")
	if c := b.says(t, n, "terraform_data.three"); strings.Contains(c.body, "canary") || !strings.Contains(c.body, "terraform_data.keyed") {
		t.Errorf("a key of for_each is a secret, and the comment says:\n%s", c.body)
	}
	if all := b.comments(n); len(all) != 1 || all[0].versions < 2 {
		t.Errorf("comments %+v", all)
	}

	// Whoever closes it is not asked about it again; the branch's commit says what becomes of it.
	merged := b.pushes(r, "even more (#1)", map[string]string{"box/main.tf": data("three", "3")})
	b.merge(n, "jane", merged)
	h.Eventually("the pull request is forgotten", func(s control.Status) bool { return len(s.PullRequests) == 0 })
	b.waits(t, merged, "box", ": 1 to create")
	h.Reaches("box", store.Planned)
	h.MustDecide("box", "approve")
	b.stands(t, merged, "box", "success", "applied by")
	if all := fmt.Sprint(b.comments(n), b.statuses(head, ""), b.statuses(second, ""), b.statuses(merged, "")); strings.Contains(all, b.token) {
		t.Errorf("the token went to the site in a text: %s", all)
	}
}

// A stack whose directory a pull request takes away is touched by it, whatever else is true of it.
func TestPullRequestThatTakesAStackAway(t *testing.T) { atEachSite(t, pullRequestThatTakesAStackAway) }

func pullRequestThatTakesAStackAway(t *testing.T, b hub) {
	r := b.repository(t)
	base := b.pushes(r, "one of each", map[string]string{"box/main.tf": data("one", "1"), "bag/main.tf": data("one", "1")})
	newHouse(t, b.hosted(r, "trusted")+b.twoStacks()).start().Reaches("box", store.Planned)
	head := r.propose(1, base, "no bag", map[string]string{"bag/main.tf": ""})
	n := b.open(proposal{author: "jane", title: "no bag", head: head})
	b.stands(t, head, "box", "success", "not touched by this "+b.noun)
	b.stands(t, head, "bag", "success", "not planned: its directory bag leaves the branch")
	c := b.says(t, n, "its directory bag leaves the branch; its resources are not destroyed by that")
	if !strings.Contains(c.body, "1 other stack is not touched") {
		t.Errorf("the comment says:\n%s", c.body)
	}
}

// TestUntrustedPullRequests: nothing of a fork's, or of a stranger's, is ever run, or even fetched.
func TestUntrustedPullRequests(t *testing.T) { atEachSite(t, untrustedPullRequests) }

func untrustedPullRequests(t *testing.T, b hub) {
	r := b.repository(t)
	base := b.pushes(r, "one", map[string]string{"box/main.tf": data("one", "1"), "bag/main.tf": data("one", "1")})
	h := newHouse(t, b.hosted(r, "trusted")+b.twoStacks()).start()
	h.Reaches("box", store.Planned)
	evil := map[string]string{"box/main.tf": data("evil", "1")}
	for i, p := range []struct {
		pull proposal
		why  string
	}{
		{proposal{author: "mallory", fork: true}, "it comes from a fork"},
		{proposal{author: "jane", fork: true}, "it comes from a fork"},
		{proposal{author: "mallory"}, "neither a member nor a collaborator"},
		{proposal{author: "mallory", fork: true}, "it comes from a fork that is gone"},
	} {
		if p.pull.head = r.propose(i+1, base, "evil", evil); strings.HasSuffix(p.why, "gone") {
			b.deletes()
		}
		b.says(t, b.open(p.pull), p.why)
		if all := b.statuses(p.pull.head, ""); len(all) > 0 {
			t.Errorf("%s: statuses %+v", p.why, all)
		}
	}
	if runs := h.previews(); len(runs) > 0 {
		t.Errorf("runs of untrusted pull requests: %+v", runs)
	}
}

// TestHeadThatMoves: what was checked is what is planned, whatever happens in between.
func TestHeadThatMoves(t *testing.T) { atEachSite(t, headThatMoves) }

func headThatMoves(t *testing.T, b hub) {
	r := b.repository(t)
	base := b.pushes(r, "one", map[string]string{"box/main.tf": data("one", "1"), "bag/main.tf": data("one", "1")})
	good := r.propose(1, base, "good", map[string]string{"box/main.tf": data("good", "1")})
	evil := r.propose(1, base, "evil", map[string]string{"box/main.tf": data("evil", "1")})
	r.point(1, good)
	moved := make(chan struct{}, 10)
	b.before(b.checks, func() { // after the list named the good one
		r.point(1, evil)
		select {
		case moved <- struct{}{}:
		default:
		}
	})
	h := newHouse(t, b.hosted(r, "trusted")+b.twoStacks()).start()
	h.Reaches("box", store.Planned)
	n := b.open(proposal{author: "jane", head: good})
	for range 2 { // checked twice, so the first look has ended
		<-moved
	}
	if runs := h.previews(); len(runs) > 0 {
		t.Fatalf("a head that moved was planned: %+v", runs)
	}
	b.before(b.checks, nil)
	b.push(n, evil) // now the site says so too, and it is checked itself
	b.stands(t, evil, "box", "success", "1 to create")
	for _, run := range h.previews() {
		if run.Commit != evil {
			t.Errorf("planned at %s", run.Commit)
		}
	}
}

// TestManyPullRequests: the newest ones are planned, and somebody hears that there are more.
func TestManyPullRequests(t *testing.T) { atEachSite(t, manyPullRequests) }

func manyPullRequests(t *testing.T, b hub) {
	r := b.repository(t)
	base := b.pushes(r, "one", map[string]string{"box/main.tf": data("one", "1"), "bag/main.tf": data("one", "1")})
	var heads []string
	for i := range agent.MaxPulls + 2 {
		head := r.propose(i+1, base, "a text", map[string]string{fmt.Sprintf("text-%d", i): "x"})
		b.open(proposal{author: "jane", head: head})
		heads = append(heads, head)
	}
	h := newHouse(t, b.hosted(r, "trusted")+b.twoStacks()).start()
	b.stands(t, heads[2], "box", "success", "not touched") // they are looked at from the newest to the oldest
	h.Eventually("it is said", func(s control.Status) bool {
		return slices.ContainsFunc(s.Problems, func(p control.Problem) bool { return strings.Contains(p.Error, b.noun+"s are open") })
	})
	if all := b.statuses(heads[1], ""); len(all) > 0 {
		t.Errorf("the second oldest has statuses: %+v", all)
	}
	if all := b.comments(len(heads)); len(all) > 0 {
		t.Errorf("a comment on one that touches no stack: %+v", all)
	}
}
