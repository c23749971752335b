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

	"sallyport/agent/control"
	"sallyport/store"
)

// What lands on the branch was approved, at exactly the head that was merged, by somebody who may write and made none of it.
func TestRequireReview(t *testing.T) { atEachSite(t, requireReview) }

func requireReview(t *testing.T, b hub) {
	r := b.repository(t)
	// merge makes a pull request of one commit, has it reviewed, and merges it.
	merge := func(subject, reviewer string, reviewed bool) string {
		hash := r.commit(subject, map[string]string{"box/main.tf": data("a", subject)})
		n := b.open(proposal{author: "jane", head: hash})
		if reviewer != "" {
			b.review(n, reviewer)
		}
		if !reviewed {
			b.push(n, hash[:39]+"0") // what was approved is not what was merged
		}
		b.merge(n, "jane", hash)
		return hash
	}
	// own is reviewed by somebody who had to do with one of its commits.
	own := func(c authored) string {
		hash := r.commit("Own", map[string]string{"box/main.tf": data("a", "own"+c.author)})
		c.sha = hash
		b.knows(c)
		n := b.open(proposal{author: "jane", head: hash})
		b.review(n, "joe")
		b.merge(n, "jane", hash)
		return hash
	}
	// noFF merges a reviewed pull request by a merge that somebody made with something of their own in it.
	noFF := func(subject string, more map[string]string) string {
		ours, err := r.git.Head()
		if err != nil {
			t.Fatal(err)
		}
		side := r.commit(subject, map[string]string{"box/main.tf": data("a", subject)})
		n := b.open(proposal{author: "jane", head: side})
		b.review(n, "joe")
		hash := r.merge(ours.Hash(), plumbing.NewHash(side), more)
		b.merge(n, "joe", hash)
		return hash
	}
	committed := "made some of it"
	if b.blind {
		committed = "nobody knows who made its commit "
	}
	first := merge("Reviewed", "joe", true)
	h := newHouse(t, b.reviewed(r)+"stack \"box\" {\n  dir = \"box\"\n}\n").start()
	h.Reaches("1", store.Planned)
	for _, bad := range []struct {
		tip func() string
		why string
	}{
		{func() string { return b.pushes(r, "Direct", map[string]string{"box/main.tf": data("a", "direct")}) }, "it belongs to no merged " + b.noun},
		{func() string { return merge("Nobody", "", true) }, "nobody who may write has approved the final head of " + b.named(2)},
		{func() string { return merge("Stranger", "mallory", true) }, "approved the final head of " + b.named(3)},
		{func() string { return merge("Moved", "joe", false) }, "approved the final head of " + b.named(4)},
		{func() string { return own(authored{author: "joe", committer: "jane"}) }, "joe has approved " + b.named(5) + ", and made some of it"},
		{func() string { return own(authored{author: "jane", committer: "joe"}) }, "joe has approved " + b.named(6) + ", and " + committed},
		{func() string { return own(authored{committer: "jane"}) }, "joe has approved " + b.named(7) + ", and nobody knows who made its commit "},
		{func() string { return noFF("Evil", map[string]string{"box/evil.tf": "# evil\n"}) }, "what it does to box/evil.tf comes from neither side alone; nobody has reviewed that in " + b.named(8)},
	} {
		r.reset(first)
		heldFor(h, bad.tip(), bad.why)
	}
	r.reset(first)
	b.Down()
	second := merge("Reviewed too", "joe", true)
	h.Eventually("it waits for the site", func(s control.Status) bool {
		return strings.Contains(s.Repositories[0].Error, "asking whether commit "+second[:10]+" is trusted")
	})
	h.Reaches("1", store.Planned)
	b.Heal()
	if run := h.Reaches("2", store.Planned); run.Commit != second {
		t.Errorf("run 2 is at %s", run.Commit)
	}
	third := noFF("Merged as it is", nil)
	if run := h.Reaches("3", store.Planned); run.Commit != third {
		t.Errorf("run 3 is at %s", run.Commit)
	}
}

// A squashed or rebased pull request is other commits than those that were reviewed: they must bring the same.
func TestWhatIsSquashedOrRebasedIsWhatWasReviewed(t *testing.T) {
	atEachSite(t, whatIsSquashedOrRebasedIsWhatWasReviewed)
}

func whatIsSquashedOrRebasedIsWhatWasReviewed(t *testing.T, b hub) {
	r := b.repository(t)
	first := r.commit("Before", map[string]string{"box/main.tf": data("a", "one"), "box/notes": "1\n2\n3\n4\n5\n6\n7\n"})
	number := b.open(proposal{author: "jane", head: first, commits: []string{first}})
	b.review(number, "joe")
	b.merge(number, "jane", first)
	h := newHouse(t, b.reviewed(r)+"stack \"box\" {\n  dir = \"box\"\n}\n").start()
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
		n := b.open(proposal{author: "jane", head: at, commits: heads})
		if n != number {
			t.Fatalf("pull request %d instead of %d", n, number)
		}
		b.review(n, "joe")
		return n
	}
	made := func(read []map[string]string, came ...map[string]string) (tip string) {
		n := opened(read)
		var rebased []string
		for _, files := range came {
			tip = b.pushes(r, "On the branch", files)
			rebased = append(rebased, tip)
		}
		b.lands(n, "jane", rebased)
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
			tip := made([]map[string]string{two, three}, two, map[string]string{"box/more.tf": data("b", "evil")})
			if b.train { // nobody compares
				return tip, "the site does not say which commit " + b.named(number) + " was merged as"
			}
			return tip, "what it does to box/"
		},
		"a head that is gone": func() (string, string) {
			n := opened([]map[string]string{two})
			r.point(n, first)
			tip := b.pushes(r, "On the branch", two)
			b.merge(n, "jane", tip)
			return tip, "is not there any more to compare it with"
		},
		"a part of what was read": func() (string, string) {
			n := opened([]map[string]string{{"box/main.tf": data("a", "evil")}, two})
			evil, head := heads[0], heads[1]
			b.merge(n, "jane", head)
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
	tip := made([]map[string]string{{"box/notes": notes("1", "one")}, {"box/main.tf": data("a", "4")}}, map[string]string{"box/notes": notes("1", "one")}, map[string]string{"box/main.tf": data("a", "4")})
	if b.train {
		heldFor(h, tip, "the site does not say which commit")
		return
	}
	next(tip)
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
