package repo_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"sallyport/agent/need"
	"sallyport/agent/repo"
	"sallyport/agent/repo/gittest"
)

// A crash between the two renames that put a new mirror in place is mended at the next start.
func TestReplacementCutShort(t *testing.T) {
	t.Parallel()
	for name, moves := range map[string][][2]string{
		"old one moved away": {{"", ".old-abc"}},
		"new one left":       {{"copy", ".new-abc"}},
		"old one left":       {{"copy", ".old-abc"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMirrored(t)
			_ = m.r.Close()
			for _, move := range moves {
				if move[0] == "copy" {
					must(t, os.CopyFS(m.o.Dir+move[1], os.DirFS(m.o.Dir)))
				} else {
					must(t, os.Rename(m.o.Dir, m.o.Dir+move[1]))
				}
			}
			m.reopen(t)
			if !m.r.Has(m.commits[1]) {
				t.Error("the mirror is gone")
			}
			wantTidy(t, m.o.Dir)
		})
	}
}

// One pack comes with each fetch; they must not pile up for ever.
func TestPacksAreJoined(t *testing.T) {
	t.Parallel()
	need.LongUnlessRaced(t, "it packs a repository again and again")
	g := gittest.NewRepo(t, "", "infra")
	first := g.Commit("first", map[string]string{"a": "1", "b/c": "2"})
	o := repo.Options{URL: g.Bare, Dir: filepath.Join(t.TempDir(), "mirrors", "m.git")}
	must(t, open(t, o).Fetch(t.Context(), first))
	var stream strings.Builder
	for i := range 115 {
		fmt.Fprintf(&stream, "commit refs/heads/next\ncommitter J <j@example.com> %d +0000\ndata 1\nx\n", 1_800_000_000+i)
		if i == 0 {
			stream.WriteString("from " + first + "\n")
		}
		fmt.Fprintf(&stream, "M 644 inline a\ndata %d\n%d\n", len(fmt.Sprint(i)), i)
	}
	runIn(t, g.Bare, stream.String(), "git", "fast-import", "--quiet")
	commits := strings.Fields(g.GitBare("rev-list", "--reverse", "main..next"))
	push := func(commit string) {
		must(t, os.WriteFile(filepath.Join(g.Bare, "refs/heads/main"), []byte(commit+"\n"), 0o644))
	}
	const before = 92 // fetches were there already: git itself makes their packs, which is cheaper
	push(commits[before-2])
	r := open(t, o)
	must(t, r.Fetch(t.Context(), commits[before-2]))
	must(t, r.Close())
	split(t, o.Dir, before)
	r = open(t, o)
	head, most := "", 0
	for _, commit := range commits[before-1:] {
		push(commit)
		head = commit
		must(t, r.Fetch(t.Context(), head))
		packs, err := filepath.Glob(filepath.Join(o.Dir, "objects", "pack", "*.pack"))
		must(t, err)
		most = max(most, len(packs))
		if head == commits[114] && len(packs) > 30 {
			t.Errorf("%d packs at the end", len(packs))
		}
	}
	if most < 100 || most > 101 {
		t.Errorf("%d packs at most, want 100 before they are joined", most)
	}
	a, err := r.Descends(t.Context(), first, head)
	must(t, err)
	wantEqual(t, a, repo.Descends)
	wantTidy(t, o.Dir)
}

// Readers go on while the mirror is fetched into and replaced.
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	need.LongUnlessRaced(t, "many readers and writers work on one mirror")
	m := newMirrored(t)
	ctx := t.Context()
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := range 15 {
				dir := filepath.Join(t.TempDir(), fmt.Sprint(i, "-", n))
				if err := m.r.Materialise(ctx, m.commits[n%2], dir, repo.MaterialiseOptions{}); err != nil {
					t.Errorf("materialising: %v", err)
				}
				tree, err := m.r.Tree(m.commits[0])
				if err != nil {
					t.Errorf("tree: %v", err)
					continue
				}
				if _, err := tree.ReadFile("dir1/main.tf"); err != nil {
					t.Errorf("reading: %v", err)
				}
				if _, err := m.r.Changed(ctx, m.commits[0], m.commits[1]); err != nil {
					t.Errorf("comparing: %v", err)
				}
				if _, err := m.r.Poll(ctx); err != nil {
					t.Errorf("polling: %v", err)
				}
			}
		})
	}
	for n := range 8 {
		must(t, m.r.Fetch(ctx, m.g.Commit(fmt.Sprint(n), map[string]string{"x": fmt.Sprint(n)})))
		must(t, m.r.Keep("ghe", m.commits[n%2]))
	}
	wg.Wait()
}

// TestKeptNames: what git refuses as the name of a reference is kept under another, and names of before under their own.
func TestKeptNames(t *testing.T) {
	t.Parallel()
	m := newMirrored(t)
	long := strings.Repeat("accounts-production-", 9)
	seen := map[string]bool{}
	for _, name := range []string{"ghe", "v1.2_x-y", "GHE_Prod", "_shared", "a..b", "a.", "a.lock", "12", strings.Repeat("x", 64), long + "blue", long + "green"} {
		must(t, m.r.Keep(name, m.commits[0]))
		refs, err := exec.Command("git", "--git-dir", m.o.Dir, "for-each-ref", "--format=%(refname)", "refs/sallyport/applied").CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, refs)
		}
		var fresh []string
		for _, ref := range strings.Fields(string(refs)) {
			if !seen[ref] {
				seen[ref] = true
				fresh = append(fresh, strings.TrimPrefix(ref, "refs/sallyport/applied/"))
			}
		}
		own := len(name) <= 64 && !strings.Contains(name, "..") && !strings.HasSuffix(name, ".") && !strings.HasSuffix(name, ".lock")
		if len(fresh) != 1 || own != (fresh[0] == name) || len(fresh[0]) > 64 {
			t.Errorf("%s is kept as %q", name, fresh)
		}
	}
	must(t, m.r.Keep("a..b", ""))
	must(t, m.r.Keep(long+"blue", ""))
	if left, err := os.ReadDir(filepath.Join(m.o.Dir, "refs/sallyport/applied")); err != nil || len(left) != len(seen)-2 {
		t.Errorf("%d are left of %d, %v", len(left), len(seen), err)
	}
}
