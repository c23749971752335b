package repo_test

import (
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/agent/need"
	"sallyport/agent/repo"
	"sallyport/agent/repo/gittest"
)

// TestOnDisk: a checkout is read as its commit is, links and faults included.
func TestOnDisk(t *testing.T) {
	t.Parallel()
	need.LongUnlessRaced(t, "it makes repositories of many shapes")
	g := gittest.NewRepo(t, "", "infra")
	head := g.Import("refs/heads/main", "", map[string]string{
		"a/main.tf": "x", "a/link.tf": "-> ../b/main.tf", "b/main.tf": "y", "dir": "-> a", "deep": "-> dir/link.tf", "gone": "-> a/not/there",
		"loop": "-> loop", "out": "-> ../x", "abs": "-> /etc/passwd", "a/b/c.txt": "z", "big": strings.Repeat("0123456789abcdef", 1<<20+1),
	})
	r, err := repo.Open(repo.Options{Name: "infra", URL: g.Bare, Branch: "main", Dir: filepath.Join(t.TempDir(), "mirror.git")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() }) // nothing depends on it
	if err := r.Fetch(t.Context(), head); err != nil {
		t.Fatal(err)
	}
	commit, err := r.Tree(head)
	if err != nil {
		t.Fatal(err)
	}
	checkout := filepath.Join(t.TempDir(), "checkout")
	runEnv(t, g.Work, nil, "git", "clone", "-q", "-b", "main", g.Bare, checkout)
	disk, err := repo.OnDisk(checkout)
	if err != nil {
		t.Fatal(err)
	}
	type tree interface {
		ReadFile(name string) ([]byte, error)
		ReadDir(name string) ([]fs.DirEntry, error)
		Resolve(name string) (string, []string, error)
	}
	type answer struct {
		At, Text string
		Through  []string
		Entries  []string
		Errors   []string
	}
	ask := func(t tree, name string) (out answer) {
		note := func(err error) {
			text := ""
			if err != nil {
				text = err.Error()
			}
			out.Errors = append(out.Errors, text)
		}
		text, err := t.ReadFile(name)
		note(err)
		out.Text = string(text)
		entries, err := t.ReadDir(name)
		note(err)
		for _, e := range entries {
			out.Entries = append(out.Entries, e.Name()+" "+e.Type().String())
		}
		out.At, out.Through, err = t.Resolve(name)
		note(err)
		return out
	}
	for _, name := range []string{".", "a", "a/main.tf", "a/link.tf", "dir", "dir/main.tf", "dir/b/c.txt", "deep", "gone", "loop", "out", "abs", "abs/x", "none/x", "a/main.tf/x", "../x", "big", "a/../b"} {
		if diff := cmp.Diff(ask(commit, name), ask(disk, name)); diff != "" {
			t.Errorf("%s (-commit +checkout):\n%s", name, diff)
		}
	}
	if _, err := repo.OnDisk(filepath.Join(checkout, "none")); err == nil {
		t.Error("a directory that is not there")
	}
}
