package repo_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"sallyport/agent/need"
	"sallyport/agent/repo"
	"sallyport/agent/repo/gittest"
)

func TestCommit(t *testing.T) {
	t.Parallel()
	r, g, _ := fetched(t, map[string]string{"a": "1"})
	g.Git("commit", "-q", "--allow-empty", "--author", "Zoë <zoe@example.com>", "-m", "A subject\n\nand a body")
	g.Git("push", "-q", "origin", "HEAD")
	head := g.Head()
	must(t, r.Fetch(t.Context(), head))
	c, err := r.Commit(head)
	must(t, err)
	c.Time = c.Time.Truncate(24 * time.Hour)
	wantEqual(t, c, repo.Commit{
		Hash: head, Author: "Zoë", AuthorEmail: "zoe@example.com", Committer: "Jane Doe", CommitterEmail: "jane@example.com",
		Subject: "A subject", Time: time.Date(2023, 11, 14, 0, 0, 0, 0, time.UTC), Parents: c.Parents,
	})
	for _, unknown := range []string{strings.Repeat("a", 40), "main", ""} {
		_, err := r.Commit(unknown)
		wantError(t, err, repo.ErrUnknownCommit, "")
	}
}

func TestNothingFetchedYet(t *testing.T) {
	t.Parallel()
	g := gittest.NewRepo(t, "", "infra")
	head := g.Commit("first", map[string]string{"a": "1"})
	r := open(t, repo.Options{URL: g.Bare})
	_, err := r.Commit(head)
	wantError(t, err, repo.ErrUnknownCommit, "not fetched yet")
	_, err = r.Tree(head)
	wantError(t, err, repo.ErrUnknownCommit, "not fetched yet")
	wantError(t, r.Keep("x", head), repo.ErrUnknownCommit, "not fetched yet")
}

// tangled makes a history with merges, a commit left behind, and commits of one second. It returns all commits.
func tangled(t *testing.T, g *gittest.Repo) []string {
	t.Helper()
	names := []string{g.Head()}
	commit := func(args ...string) {
		g.Git(append([]string{"commit", "-q", "--allow-empty", "-m", fmt.Sprint("commit ", len(names))}, args...)...)
		names = append(names, g.Head())
	}
	commit()
	commit()
	g.Git("checkout", "-q", "-b", "side", names[1])
	commit()
	commit()
	g.Git("checkout", "-q", "main")
	commit()
	g.Git("merge", "-q", "--no-ff", "-m", "merge", "side")
	names = append(names, g.Head())
	g.Git("checkout", "-q", "-b", "old", names[2])
	commit() // left behind
	g.Git("checkout", "-q", "main")
	commit()
	// The same shapes again with all times alike, as a rebase makes them.
	now := g.Git("show", "-s", "--format=%ct") + " +0000"
	for _, c := range []string{"same1", "same2", "same3"} {
		tree := g.Git("rev-parse", "HEAD^{tree}")
		names = append(names, strings.TrimSpace(runEnv(t, g.Work, []string{"GIT_COMMITTER_DATE=" + now, "GIT_AUTHOR_DATE=" + now},
			"git", "commit-tree", tree, "-p", names[len(names)-1], "-m", c)))
	}
	g.Git("reset", "-q", "--hard", names[len(names)-1])
	g.Git("merge", "-q", "-m", "merge old", "old")
	g.Git("push", "-q", "origin", "HEAD")
	names = append(names, g.Head())
	return names
}

// Ancestry and the lists of commits must be those of git.
func TestAncestryAgreesWithGit(t *testing.T) {
	t.Parallel()
	need.Long(t, "it asks git about many histories")
	r, g, _ := fetched(t, map[string]string{"a": "1"})
	names := tangled(t, g)
	must(t, r.Fetch(t.Context(), g.Head()))
	for _, a := range names {
		for _, b := range names {
			agrees(t, r, g, a, b)
		}
	}
	list, complete, err := r.Between(t.Context(), names[0], g.Head(), 3)
	must(t, err)
	if len(list) != 3 || complete || list[0].Hash != g.Head() {
		t.Errorf("with a limit: %d commits, complete %v", len(list), complete)
	}
	// What the mirror never held cannot be an ancestor.
	a, err := r.Descends(t.Context(), strings.Repeat("1", 40), g.Head())
	must(t, err)
	wantEqual(t, a, repo.Rewritten)
}

// agrees compares what is said about two commits with what git says.
func agrees(t *testing.T, r *repo.Repository, g *gittest.Repo, a, b string) {
	t.Helper()
	want := repo.Rewritten
	if ok := strings.TrimSpace(runEnv(t, g.Work, nil, "sh", "-c", "git merge-base --is-ancestor "+a+" "+b+" && echo yes || echo no")); ok == "yes" {
		want = repo.Descends
	}
	got, err := r.Descends(t.Context(), a, b)
	must(t, err)
	if got != want {
		t.Errorf("%s in %s: %s, want %s", a, b, got, want)
	}
	list, complete, err := r.Between(t.Context(), a, b, 1000)
	must(t, err)
	if !complete {
		t.Errorf("%s..%s is not complete", a, b)
	}
	wantSet := map[string]bool{}
	for _, h := range strings.Fields(g.Git("rev-list", a+".."+b)) {
		wantSet[h] = true
	}
	gotSet := map[string]bool{}
	for k, c := range list {
		gotSet[c.Hash] = true
		if k > 0 && c.Time.After(list[k-1].Time) {
			t.Errorf("%s..%s is not newest first", a, b)
		}
	}
	if d := diff(gotSet, wantSet); d != "" {
		t.Errorf("%s..%s (-want +got):\n%s", a, b, d)
	}
}

// The walk ends after 20,000 commits without an answer, and far earlier with one when all that is left is much older: of one
// commit a day.
func TestAncestryIsBounded(t *testing.T) {
	t.Parallel()
	need.Long(t, "it makes and walks a long history")
	g := gittest.NewRepo(t, "", "infra")
	g.Commit("first", map[string]string{"a": "1"})
	var stream strings.Builder
	for day := range 20_600 {
		fmt.Fprintf(&stream, "commit refs/heads/main\ncommitter J <j@example.com> %d +0000\ndata 1\nx\n", day*86400)
	}
	runIn(t, g.Bare, stream.String(), "git", "fast-import", "--quiet", "--force")
	r := open(t, repo.Options{URL: g.Bare})
	tip, root := g.GitBare("rev-parse", "main"), g.GitBare("rev-parse", "main~20500")
	must(t, r.Fetch(t.Context(), tip))
	within(t, 20*time.Second, func(ctx context.Context) {
		a, err := r.Descends(ctx, root, tip)
		must(t, err)
		wantEqual(t, a, repo.Unknown)
		_, complete, err := r.Between(ctx, root, tip, 30_000)
		must(t, err)
		wantEqual(t, complete, false)
		list, complete, err := r.Between(ctx, root, tip, 10)
		must(t, err)
		wantEqual(t, len(list), 10)
		wantEqual(t, complete, false)
	})
	side := g.GitBare("commit-tree", "-m", "side", "-p", "main~2", "main^{tree}")
	g.GitBare("update-ref", "refs/heads/main", side)
	must(t, r.Fetch(t.Context(), side))
	a, err := r.Descends(t.Context(), tip, side)
	must(t, err)
	wantEqual(t, a, repo.Rewritten)
}

func TestChanged(t *testing.T) {
	t.Parallel()
	r, g, first := fetched(t, map[string]string{"a/1.tf": "1", "a/2.tf": "2", "b/keep.tf": "3", "tool*": "#!", "x": "file"})
	second := g.Commit("second", map[string]string{"a/1.tf": "", "c/1.tf": "1", "a/2.tf": "22", "tool*": "", "tool": "#!", "x": "", "x/y": "dir", "ü 'q\".tf": "4"})
	must(t, r.Fetch(t.Context(), second))
	paths, err := r.Changed(t.Context(), first, second)
	must(t, err)
	want := []string{"a/1.tf", "a/2.tf", "c/1.tf", "tool", "x", "x/y", "ü 'q\".tf"}
	wantEqual(t, paths, want)
	back, err := r.Changed(t.Context(), second, first)
	must(t, err)
	wantEqual(t, back, want)
	touched, err := r.TouchedBy(t.Context(), second)
	must(t, err)
	wantEqual(t, touched, want)
	touched, err = r.TouchedBy(t.Context(), first)
	must(t, err)
	wantEqual(t, touched, []string{"a/1.tf", "a/2.tf", "b/keep.tf", "tool", "x"})
	same, err := r.Changed(t.Context(), second, second)
	must(t, err)
	wantEqual(t, len(same), 0)
	_, err = r.Changed(t.Context(), strings.Repeat("b", 40), second)
	wantError(t, err, repo.ErrUnknownCommit, "force-push")
}

// A repository that was replaced by an unrelated one is still compared.
func TestReplacedRepository(t *testing.T) {
	t.Parallel()
	r, g, first := fetched(t, map[string]string{"a": "1", "b": "1"})
	g.Git("checkout", "-q", "--orphan", "fresh")
	g.Git("branch", "-q", "-D", "main")
	g.Git("branch", "-q", "-m", "main")
	second := g.Commit("unrelated", map[string]string{"b": "2"})
	must(t, r.Fetch(t.Context(), second))
	a, err := r.Descends(t.Context(), first, second)
	must(t, err)
	wantEqual(t, a, repo.Rewritten)
	paths, err := r.Changed(t.Context(), first, second)
	must(t, err)
	wantEqual(t, paths, []string{"b"})
}

func TestTree(t *testing.T) {
	t.Parallel()
	r, g, head := fetched(t, map[string]string{
		"main.tf": "root", "a/main.tf": "a", "a/b/c.tf": "c", "common/common.tf": "common",
		"a/common.tf": "-> ../common/common.tf", "a/mods": "-> ../common", "out": "-> ../../etc/passwd", "abs": "-> /etc/passwd", "loop": "-> loop",
		"a/back": "-> mods/../main.tf",
	})
	g.Git("update-index", "--add", "--cacheinfo", "160000,"+head+",sub")
	g.Git("commit", "-q", "-m", "submodule")
	g.Git("push", "-q", "origin", "HEAD")
	must(t, r.Fetch(t.Context(), g.Head()))
	tree, err := r.Tree(g.Head())
	must(t, err)
	for name, want := range map[string]string{
		"main.tf": "root", "./a//main.tf": "a", "a/b/../b/c.tf": "c", "a/common.tf": "common", "a/mods/common.tf": "common", "a/back": "root",
	} {
		got, err := tree.ReadFile(name)
		must(t, err)
		if string(got) != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"nothing", "a/nothing", "main.tf/x", "out", "abs", "../main.tf", "/main.tf", "a/../../main.tf"} {
		if _, err := tree.ReadFile(name); !isNotExist(err) {
			t.Errorf("%s: error %v, want fs.ErrNotExist", name, err)
		}
		if _, err := tree.ReadDir(name); !isNotExist(err) {
			t.Errorf("%s as a directory: error %v, want fs.ErrNotExist", name, err)
		}
	}
	listed(t, tree)
}

// What is wrong with a path is said as what it is, and what could put it right is known.
func TestTreeSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	need.Long(t, "it makes a repository for each of many trees")
	r, g, head := fetched(t, map[string]string{
		"main.tf": "root", "good/main.tf": "a", "docs/readme.md": "x", "good/gone.tf": "-> ../gone/x.tf", "good/dir.tf": "-> ../docs",
		"good/abs.tf": "-> /etc/passwd", "good/above.tf": "-> ../../x", "good/loop.tf": "-> loop.tf", "good/two.tf": "-> ../one", "one": "-> gone/x.tf",
		"prod": "-> regions/eu", "good/below.tf": "-> main.tf/x", "good/sub.tf": "-> ../sub/main.tf", "new\nline": "-> no\rwhere", "big.tf": strings.Repeat("# large\n", 17<<17),
	})
	g.Git("update-index", "--add", "--cacheinfo", "160000,"+head+",sub")
	g.Git("commit", "-q", "-m", "submodule")
	g.Git("push", "-q", "origin", "HEAD")
	must(t, r.Fetch(t.Context(), g.Head()))
	tree, err := r.Tree(g.Head())
	must(t, err)
	for name, want := range map[string]struct {
		text    string
		through []string
	}{
		"good/gone.tf":  {"good/gone.tf is a symlink to ../gone/x.tf, which is not in the repository", []string{"good/gone.tf", "gone", "gone/x.tf"}},
		"good/dir.tf":   {"good/dir.tf is a symlink to ../docs, which is a directory", []string{"good/dir.tf"}},
		"good/abs.tf":   {"good/abs.tf is a symlink to /etc/passwd, which is outside of the repository", []string{"good/abs.tf"}},
		"good/above.tf": {"good/above.tf is a symlink to ../../x, which is outside of the repository", []string{"good/above.tf"}},
		"good/loop.tf":  {"good/loop.tf is a symlink to loop.tf, which leads in a circle", []string{"good/loop.tf"}},
		"good/two.tf":   {"good/two.tf is a symlink to ../one, which leads to gone/x.tf, which is not in the repository", []string{"good/two.tf", "one", "gone", "gone/x.tf"}},
		"prod/main.tf":  {"prod is a symlink to regions/eu, which leads to regions/eu/main.tf, which is not in the repository", []string{"prod", "regions", "regions/eu/main.tf"}},
		"good/below.tf": {"good/below.tf is a symlink to main.tf/x, which is not in the repository", []string{"good/below.tf", "good/main.tf/x"}},
		"good/sub.tf":   {"good/sub.tf is a symlink to ../sub/main.tf, which is in a git submodule, and those are not fetched", []string{"good/sub.tf", "sub/main.tf"}},
		"new\nline":     {`"new\nline" is a symlink to "no\rwhere", which is not in the repository`, []string{"new\nline", "no\rwhere"}},
		"nothing/x.tf":  {"nothing/x.tf is not in the repository", []string{"nothing", "nothing/x.tf"}},
		"../x":          {"../x is not in the repository", nil},
		"docs":          {"docs is a directory", nil},
		"big.tf":        {"big.tf has more than 16 MiB and is not read", nil},
	} {
		_, err := tree.ReadFile(name)
		var wrong *repo.FileError
		if !errors.As(err, &wrong) || err.Error() != want.text {
			t.Errorf("%q: error %v, want %s", name, err, want.text)
		}
		_, through, err := tree.Resolve(name)
		if err != nil && !errors.As(err, &wrong) {
			t.Errorf("%q: error %v", name, err)
		}
		if name == "good/loop.tf" {
			through = through[:1] // it is there forty times
		}
		wantEqual(t, through, want.through)
	}
}

// listed checks directories, and what is not a file.
func listed(t *testing.T, tree *repo.Tree) {
	t.Helper()
	for _, name := range []string{"a", ".", "loop"} {
		if _, err := tree.ReadFile(name); err == nil || isNotExist(err) {
			t.Errorf("%s: error %v, want another", name, err)
		}
	}
	for name, want := range map[string]string{
		".": "d a, L abs, d common, L loop, - main.tf, L out, d sub", "a": "d b, L back, L common.tf, - main.tf, L mods",
		"a/mods": "- common.tf", "sub": "", "": "d a, L abs, d common, L loop, - main.tf, L out, d sub",
	} {
		entries, err := tree.ReadDir(name)
		must(t, err)
		var got []string
		for _, e := range entries {
			kind := "-"
			switch {
			case e.IsDir():
				kind = "d"
			case e.Type() == fs.ModeSymlink:
				kind = "L"
			}
			got = append(got, kind+" "+e.Name())
		}
		wantEqual(t, strings.Join(got, ", "), want)
	}
}
