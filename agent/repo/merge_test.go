package repo_test

import (
	"strings"
	"testing"

	"sallyport/agent/need"
)

// A merge that git makes by itself brings nothing of its own; whatever somebody put into one, or left out, is found.
func TestMergeAdds(t *testing.T) {
	t.Parallel()
	need.Long(t, "it asks git to make many merges")
	r, g, _ := fetched(t, map[string]string{
		"a": "1\n2\n3\n4\n5\n6\n7\n8\n9\n", "dir/b": "b\n", "dir/c": "c\n", "gone": "gone\n",
	})
	base := g.Head()
	// sides makes a branch "side" and goes back to another one.
	sides := func(t *testing.T, ours, theirs map[string]string) {
		t.Helper()
		g.Git("checkout", "-q", "-B", "side", base)
		g.Commit("theirs", theirs)
		g.Git("checkout", "-q", "-B", "main", base)
		g.Commit("ours", ours)
	}
	long := "1\n2\n3\n4\n5\n6\n7\n8\n9\n"
	edit := func(from, to string) map[string]string {
		return map[string]string{"a": strings.Replace(long, from, to, 1)}
	}
	merge := func(args ...string) { g.Git(append([]string{"merge", "-q", "--no-ff", "-m", "merge"}, args...)...) }
	for name, tc := range map[string]struct {
		make func(t *testing.T)
		what string
	}{
		"no merge": {func(t *testing.T) { sides(t, edit("1", "one"), edit("9", "nine")) }, ""},
		"two files": {func(t *testing.T) {
			sides(t, map[string]string{"dir/b": "b2\n"}, map[string]string{"dir/c": "c2\n", "dir/new": "n\n"})
			merge("side")
		}, ""},
		"one file, lines apart": {func(t *testing.T) { sides(t, edit("1", "one"), edit("9", "nine\nten")); merge("side") }, ""},
		"the same change on both sides": {func(t *testing.T) {
			sides(t, map[string]string{"a": "same\n", "dir/b": "x\n"}, map[string]string{"a": "same\n"})
			merge("side")
		}, ""},
		"a file is removed": {func(t *testing.T) {
			sides(t, edit("1", "one"), map[string]string{"dir/c": "c2\n"})
			g.Git("checkout", "-q", "side")
			g.Git("rm", "-q", "gone")
			g.Git("commit", "-q", "-m", "remove")
			g.Git("checkout", "-q", "main")
			merge("side")
		}, ""},
		"a side that had taken the other in": {func(t *testing.T) {
			sides(t, edit("1", "one"), edit("9", "nine"))
			g.Git("checkout", "-q", "side")
			merge("main")
			g.Commit("more", map[string]string{"dir/c": "c3\n"})
			g.Git("checkout", "-q", "main")
			g.Commit("ours again", map[string]string{"dir/b": "b3\n"})
			merge("side")
		}, ""},
		"a line of its own": {func(t *testing.T) {
			sides(t, edit("1", "one"), edit("9", "nine"))
			merge("--no-commit", "side")
			g.Commit("evil", edit("1", "one\nevil"))
		}, "what it does to a comes from neither side"},
		"a file of its own": {func(t *testing.T) {
			sides(t, edit("1", "one"), edit("9", "nine"))
			merge("--no-commit", "side")
			g.Commit("evil", map[string]string{"dir/evil": "evil\n"})
		}, "dir/evil"},
		"an untouched file is changed": {func(t *testing.T) {
			sides(t, edit("1", "one"), edit("9", "nine"))
			merge("--no-commit", "side")
			g.Commit("evil", map[string]string{"dir/c": "evil\n"})
		}, "dir/c"},
		"theirs is left out": {func(t *testing.T) {
			sides(t, edit("1", "one"), map[string]string{"dir/c": "c2\n"})
			merge("-s", "ours", "side")
		}, "dir/c"},
		"a conflict is settled": {func(t *testing.T) { sides(t, edit("5", "five"), edit("5", "FIVE")); merge("-X", "ours", "side") }, "to a comes"},
		"three at once": {func(t *testing.T) {
			sides(t, map[string]string{"dir/b": "b2\n"}, map[string]string{"dir/c": "c2\n"})
			g.Git("checkout", "-q", "-B", "third", base)
			g.Commit("third", map[string]string{"third": "3\n"})
			g.Git("checkout", "-q", "main")
			merge("side", "third")
		}, "2 commits at once"},
	} {
		t.Run(name, func(t *testing.T) {
			tc.make(t)
			g.Git("push", "-q", "-f", "origin", "HEAD:main")
			must(t, r.Fetch(t.Context(), g.Head()))
			what, err := r.MergeAdds(t.Context(), g.Head())
			must(t, err)
			if tc.what == "" && what != "" || !strings.Contains(what, tc.what) {
				t.Errorf("got %q, want %q", what, tc.what)
			}
			g.Git("checkout", "-q", "-f", "main")
		})
	}
}
