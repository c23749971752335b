package agent_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"sallyport/notify/github/githubtest"
	"sallyport/store"
)

// A squashed or rebased pull request is other commits than those that were reviewed: they must bring the same.
func TestWhatIsSquashedOrRebasedIsWhatWasReviewed(t *testing.T) {
	t.Parallel()
	r, gh := newRepository(t), site(t)
	first := r.commit("Before", map[string]string{"box/main.tf": data("a", "one"), "box/notes": "1\n2\n3\n4\n5\n6\n7\n"})
	number := gh.OpenPull(infra, githubtest.Pull{Author: "jane", Head: first, Commits: []string{first}})
	gh.Review(infra, number, "joe", "APPROVED")
	gh.Merge(infra, number, "jane", first)
	config := strings.Replace(hosted(t, r, gh, "off"), "  github {", "  require_review = true\n  github {", 1)
	h := newHouse(t, config+"stack \"box\" {\n  dir = \"box\"\n}\n").start()
	h.Reaches("1", store.Planned)
	// opened is a pull request of these commits that somebody has reviewed, made that it has come onto the branch as those below.
	var heads []string
	opened := func(read []map[string]string) int {
		number++
		at := first
		heads = nil
		for i, files := range read {
			at = r.propose(number, at, fmt.Sprintf("Part %d", i), files)
			heads = append(heads, at)
		}
		n := gh.OpenPull(infra, githubtest.Pull{Author: "jane", Head: at, Commits: heads})
		if n != number {
			t.Fatalf("pull request %d instead of %d", n, number)
		}
		gh.Review(infra, n, "joe", "APPROVED")
		return n
	}
	made := func(read []map[string]string, came ...map[string]string) (tip string) {
		n := opened(read)
		var rebased []string
		for _, files := range came {
			tip = push(r, gh, "On the branch", files)
			rebased = append(rebased, tip)
		}
		gh.Merge(infra, n, "jane", tip)
		gh.ChangePull(infra, n, func(p *githubtest.Pull) { p.Rebased = rebased })
		return tip
	}
	notes := func(from, to string) string { return strings.Replace("1\n2\n3\n4\n5\n6\n7\n", from, to, 1) }
	two, three := map[string]string{"box/main.tf": data("a", "two")}, map[string]string{"box/more.tf": data("b", "three")}
	both := map[string]string{"box/main.tf": two["box/main.tf"], "box/more.tf": three["box/more.tf"]}
	for name, bad := range map[string]func() (tip, why string){
		"another content": func() (string, string) {
			return made([]map[string]string{two}, map[string]string{"box/main.tf": data("a", "evil")}), "put onto the branch: what it does to box/main.tf"
		},
		"a file more": func() (string, string) {
			return made([]map[string]string{two}, both), "what it does to box/more.tf"
		},
		"a file less": func() (string, string) {
			return made([]map[string]string{two, three}, two), "what it does to box/"
		},
		"the last of two is another": func() (string, string) {
			return made([]map[string]string{two, three}, two, map[string]string{"box/more.tf": data("b", "evil")}), "what it does to box/"
		},
		"a head that is gone": func() (string, string) {
			n := opened([]map[string]string{two})
			r.point(n, first)
			tip := push(r, gh, "On the branch", two)
			gh.Merge(infra, n, "jane", tip)
			return tip, "is not there any more to compare it with"
		},
		"a part of what was read": func() (string, string) {
			n := opened([]map[string]string{{"box/main.tf": data("a", "evil")}, two})
			evil, head := heads[0], heads[1]
			gh.Merge(infra, n, "jane", head)
			r.reset(evil)
			return evil, "is not in the history of"
		},
	} {
		r.reset(first)
		tip, why := bad()
		t.Log(name)
		heldFor(h, tip, why)
	}
	r.reset(first)
	want := 2
	next := func(tip string) {
		t.Helper()
		if run := h.Reaches(fmt.Sprint(want), store.Planned); run.Commit != tip {
			t.Errorf("run %d is at %s, want %s", want, run.Commit, tip)
		}
		first = tip
		want++
	}
	next(made([]map[string]string{two, three}, both))                                                                      // squashed
	next(made([]map[string]string{{"box/main.tf": data("a", "3")}, {}}, map[string]string{"box/main.tf": data("a", "3")})) // and what brings nothing is left out
	old := first
	next(made([]map[string]string{{"box/other.tf": data("c", "1")}}, map[string]string{"box/other.tf": data("c", "1")}))
	first = old // another has come onto the branch meanwhile, in the same file too
	next(made([]map[string]string{{"box/notes": notes("1", "one")}, {"box/main.tf": data("a", "4")}}, map[string]string{"box/notes": notes("1", "one")}, map[string]string{"box/main.tf": data("a", "4")}))
}

// merge commits what is in the work tree, and more, as a merge of two commits.
func (r *repository) merge(ours, theirs plumbing.Hash, more map[string]string) string {
	r.t.Helper()
	tree, err := r.git.Worktree()
	if err != nil {
		r.t.Fatal(err)
	}
	for name, text := range more {
		if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o644); err != nil {
			r.t.Fatal(err)
		}
		if _, err := tree.Add(name); err != nil {
			r.t.Fatal(err)
		}
	}
	r.when = r.when.Add(time.Minute)
	hash, err := tree.Commit("Merge", &git.CommitOptions{
		AllowEmptyCommits: true, Parents: []plumbing.Hash{ours, theirs}, Author: &object.Signature{Name: "Joe", Email: "joe@example.com", When: r.when},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return hash.String()
}
