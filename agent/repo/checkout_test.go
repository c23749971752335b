package repo_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"sallyport/agent/need"
	"sallyport/agent/repo"
	"sallyport/agent/repo/gittest"
)

const pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"

// fetched commits files and returns an opened repository that holds them.
func fetched(tb testing.TB, files map[string]string) (*repo.Repository, *gittest.Repo, string) {
	tb.Helper()
	g := gittest.NewRepo(tb, "", "infra")
	head := g.Commit("first", files)
	r := open(tb, repo.Options{URL: g.Bare})
	must(tb, r.Fetch(tb.Context(), head))
	return r, g, head
}

func TestMaterialise(t *testing.T) {
	t.Parallel()
	var lines strings.Builder // beyond what is kept in memory
	for lines.Len() < 6<<20 {
		fmt.Fprintf(&lines, "%64d\n", lines.Len())
	}
	large := lines.String()
	r, _, head := fetched(t, map[string]string{
		"main.tf":                   "resource",
		"empty/.keep":               " ",
		"scripts/run.sh*":           "#!/bin/sh\n",
		"a/b/c/deep.tf":             "deep",
		"large.bin":                 large,
		"middle.bin":                large[:100<<10],
		"link.tf":                   "-> a/b/c/deep.tf",
		"a/up":                      "-> ../main.tf",
		"a/dir":                     "-> b",
		"dangling":                  "-> nothing/here",
		"loop":                      "-> loop",
		".terraform/environment":    "production",
		"a/.terraform/modules/x.tf": "smuggled",
		".terraform.lock.hcl":       "lock",
		"assets/logo.png":           pointer,
	})
	dir := filepath.Join(t.TempDir(), "checkout")
	must(t, materialise(t, t.Context(), r, head, dir, repo.MaterialiseOptions{Roots: []string{"a", "scripts"}}))
	want := map[string]string{
		".": "drwx------", "main.tf": "-rw-------", "empty": "drwx------", "empty/.keep": "-rw-------",
		"scripts": "drwx------", "scripts/run.sh": "-rwx------", "a": "drwx------", "a/b": "drwx------", "a/b/c": "drwx------",
		"a/b/c/deep.tf": "-rw-------", "large.bin": "-rw-------", "middle.bin": "-rw-------", "link.tf": "Lrwxrwxrwx",
		"a/up": "Lrwxrwxrwx", "a/dir": "Lrwxrwxrwx", "dangling": "Lrwxrwxrwx", "loop": "Lrwxrwxrwx",
		".terraform.lock.hcl": "-rw-------", "assets": "drwx------", "assets/logo.png": "-rw-------",
	}
	wantEqual(t, modes(t, dir), want)
	wantFile(t, filepath.Join(dir, "large.bin"), large)
	wantFile(t, filepath.Join(dir, "middle.bin"), large[:100<<10])
	wantFile(t, filepath.Join(dir, "link.tf"), "deep")
	wantFile(t, filepath.Join(dir, "assets/logo.png"), pointer)

	// Into a directory that is there: refused, and it stays as it is.
	wantError(t, materialise(t, t.Context(), r, head, dir, repo.MaterialiseOptions{}), fs.ErrExist, "")
	wantEqual(t, modes(t, dir), want)
}

func modes(tb testing.TB, dir string) map[string]string {
	tb.Helper()
	found := map[string]string{}
	must(tb, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		found[filepath.ToSlash(name)] = info.Mode().String()
		return err
	}))
	return found
}

func TestMaterialiseRefuses(t *testing.T) {
	t.Parallel()
	need.Long(t, "it makes a repository for each of many trees")
	all := repo.MaterialiseOptions{Roots: []string{"."}}
	for name, c := range map[string]struct {
		files map[string]string
		o     repo.MaterialiseOptions
		want  error
		text  string
	}{
		"absolute symlink":        {map[string]string{"a/passwd": "-> /etc/passwd"}, all, repo.ErrUnsafeTree, "a/passwd is a symlink to /etc/passwd, which is outside of the repository"},
		"symlink above":           {map[string]string{"a/x": "-> ../../outside"}, all, repo.ErrUnsafeTree, "a/x is a symlink to ../../outside, which is outside of the repository"},
		"symlink through another": {map[string]string{"self": "-> .", "x/y": "-> ../self/.."}, all, repo.ErrUnsafeTree, "x/y is"},
		"symlink far through two": {map[string]string{"d/e/f": "1", "d/top": "-> ..", "d/e/out": "-> ../top/../etc"}, all, repo.ErrUnsafeTree, "d/e/out is"},
		"beside the roots, but used": {map[string]string{"stack/main.tf": "1", "conf/x": "-> /etc"},
			repo.MaterialiseOptions{Roots: []string{"stack"}, Belongs: func(p string) bool { return p == "conf/x" }}, repo.ErrUnsafeTree, "conf/x is"},
		"through one that is not used": {map[string]string{"out": "-> /etc", "stack/passwd.tf": "-> ../out/passwd"},
			repo.MaterialiseOptions{Roots: []string{"stack"}}, repo.ErrUnsafeTree, "stack/passwd.tf is a symlink to ../out/passwd, which is outside of the repository"},
		"pointer in a root":        {map[string]string{"stack/big.json": pointer}, repo.MaterialiseOptions{Roots: []string{"x", "stack"}}, repo.ErrLFS, "stack/big.json"},
		"pointer anywhere":         {map[string]string{"x/big.json": pointer}, all, repo.ErrLFS, "x/big.json"},
		"too many files":           {map[string]string{"1": "1", "2": "2", "3": "3"}, repo.MaterialiseOptions{MaxFiles: 2}, repo.ErrTooLarge, "more than 2"},
		"too many bytes":           {map[string]string{"1": "11111", "2": "22222"}, repo.MaterialiseOptions{MaxBytes: 9}, repo.ErrTooLarge, "more than 9"},
		"too many bytes in a file": {map[string]string{"1": noise(200 << 10)}, repo.MaterialiseOptions{MaxBytes: 100 << 10}, repo.ErrTooLarge, "bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			r, _, head := fetched(t, c.files)
			dir := filepath.Join(t.TempDir(), "checkout")
			err := materialise(t, t.Context(), r, head, dir, c.o)
			if c.want != nil {
				wantError(t, err, c.want, "")
			} else if err == nil {
				t.Fatal("it was checked out")
			}
			if !strings.Contains(err.Error(), c.text) {
				t.Errorf("error %q, want %q in it", err, c.text)
			}
			if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the directory was left: %v", err)
			}
		})
	}
}

// What this file system cannot hold, or must not, is left out where nobody uses it, and everything else is there.
func TestMaterialiseLeavesOut(t *testing.T) {
	t.Parallel()
	g := gittest.NewRepo(t, "", "infra")
	w := openRaw(t, g)
	link := func(name, target string) object.TreeEntry {
		return object.TreeEntry{Name: name, Mode: filemode.Symlink, Hash: w.blob(target)}
	}
	deep := w.tree(file("main.tf", w.blob("deep")))
	for range 18 {
		deep = w.tree(dir(strings.Repeat("d", 240), deep))
	}
	head := w.commit(w.tree(
		file(" blank .tf", w.blob("1")), file(strings.Repeat("n", 255), w.blob("255")), file(strings.Repeat("n", 256), w.blob("256")),
		link("abs", "/etc"), link("above", "../../outside"), dir("deep", deep), link("empty", ""), file("empty.tf", w.blob("")),
		link(strings.Repeat("l", 256), "stack"), link("loop", "loop"), link("nul", "a\x00b"), file("new\nline:and\\more", w.blob("1")),
		dir("stack", w.tree(file("main.tf", w.blob("1")))), link("through", "abs/passwd"), file("\xff\xfe", w.blob("bytes")),
		link("vast", strings.Repeat("x", 5000)),
	))
	r := open(t, repo.Options{URL: g.Bare})
	must(t, r.Fetch(t.Context(), head))
	at := filepath.Join(t.TempDir(), "checkout")
	must(t, materialise(t, t.Context(), r, head, at, repo.MaterialiseOptions{Roots: []string{"stack"}}))
	entries, err := os.ReadDir(at)
	must(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	wantEqual(t, names, []string{
		" blank .tf", "deep", "empty.tf", "loop", "new\nline:and\\more", strings.Repeat("n", 255), "stack", "\xff\xfe",
	})
	wantFile(t, filepath.Join(at, "\xff\xfe"), "bytes")
	for _, root := range []string{"deep", "empty", "nul", "vast", "abs", strings.Repeat("n", 256), strings.Repeat("l", 256), "."} {
		err := materialise(t, t.Context(), r, head, filepath.Join(t.TempDir(), "x"), repo.MaterialiseOptions{Roots: []string{"stack", root}})
		var wrong *repo.FileError
		if !errors.As(err, &wrong) {
			t.Errorf("%.20s is used: error %v, want a *repo.FileError", root, err)
		}
	}
}

func TestSubmodules(t *testing.T) {
	t.Parallel()
	r, g, _ := fetched(t, map[string]string{"stack/main.tf": "1"})
	g.Git("update-index", "--add", "--cacheinfo", "160000,"+g.Head()+",modules/vpc")
	g.Git("commit", "-q", "-m", "submodule")
	g.Git("push", "-q", "origin", "HEAD")
	head := g.Head()
	must(t, r.Fetch(t.Context(), head))
	paths, err := r.TouchedBy(t.Context(), head)
	must(t, err)
	wantEqual(t, paths, []string{"modules/vpc"})

	dir := filepath.Join(t.TempDir(), "checkout")
	must(t, materialise(t, t.Context(), r, head, dir, repo.MaterialiseOptions{Roots: []string{"stack"}}))
	entries, err := os.ReadDir(filepath.Join(dir, "modules/vpc"))
	must(t, err)
	wantEqual(t, len(entries), 0)
	for _, root := range []string{"modules", "modules/vpc", "modules/vpc/inner"} {
		err := materialise(t, t.Context(), r, head, filepath.Join(t.TempDir(), "x"), repo.MaterialiseOptions{Roots: []string{root}})
		wantError(t, err, repo.ErrSubmodule, "submodules are not fetched")
	}
}

func TestMaterialiseObeysItsContext(t *testing.T) {
	t.Parallel()
	r, _, head := fetched(t, map[string]string{"1": "1"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantError(t, materialise(t, ctx, r, head, filepath.Join(t.TempDir(), "x"), repo.MaterialiseOptions{}), context.Canceled, "")
}

// raw writes objects that git itself would refuse to write.
type raw struct {
	tb testing.TB
	r  *git.Repository
}

func (w raw) object(t plumbing.ObjectType, content string) plumbing.Hash {
	o := w.r.Storer.NewEncodedObject()
	o.SetType(t)
	out, err := o.Writer()
	must(w.tb, err)
	_, err = out.Write([]byte(content))
	must(w.tb, err)
	must(w.tb, out.Close())
	h, err := w.r.Storer.SetEncodedObject(o)
	must(w.tb, err)
	return h
}

func (w raw) blob(content string) plumbing.Hash { return w.object(plumbing.BlobObject, content) }

func (w raw) tree(entries ...object.TreeEntry) plumbing.Hash {
	var b strings.Builder
	for _, e := range entries {
		fmt.Fprintf(&b, "%o %s\x00%s", uint32(e.Mode), e.Name, e.Hash[:])
	}
	return w.object(plumbing.TreeObject, b.String())
}

func (w raw) commit(tree plumbing.Hash) string {
	now := fmt.Sprintf("Eve <eve@example.com> %d +0000", time.Now().Unix())
	h := w.object(plumbing.CommitObject, fmt.Sprintf("tree %s\nauthor %s\ncommitter %s\n\nevil\n", tree, now, now))
	must(w.tb, w.r.Storer.SetReference(plumbing.NewHashReference("refs/heads/main", h)))
	return h.String()
}

func file(name string, h plumbing.Hash) object.TreeEntry {
	return object.TreeEntry{Name: name, Mode: filemode.Regular, Hash: h}
}

func dir(name string, h plumbing.Hash) object.TreeEntry {
	return object.TreeEntry{Name: name, Mode: filemode.Dir, Hash: h}
}

func TestEvilTrees(t *testing.T) {
	t.Parallel()
	for name, build := range map[string]func(w raw) plumbing.Hash{
		"dot dot directory": func(w raw) plumbing.Hash { return w.tree(dir("..", w.tree(file("evil", w.blob("x"))))) },
		"dot dot file":      func(w raw) plumbing.Hash { return w.tree(file("..", w.blob("x"))) },
		"slash in name":     func(w raw) plumbing.Hash { return w.tree(file("../evil", w.blob("x"))) },
		"absolute name":     func(w raw) plumbing.Hash { return w.tree(file("/tmp/evil", w.blob("x"))) },
		"git directory":     func(w raw) plumbing.Hash { return w.tree(dir(".git", w.tree(file("config", w.blob("x"))))) },
		"GIT directory": func(w raw) plumbing.Hash {
			return w.tree(dir("a", w.tree(dir(".GiT", w.tree(file("config", w.blob("x")))))))
		},
		"same name twice": func(w raw) plumbing.Hash { return w.tree(file("a", w.blob("x")), file("a", w.blob("y"))) },
		"symlink and directory of one name": func(w raw) plumbing.Hash {
			return w.tree(object.TreeEntry{Name: "d", Mode: filemode.Symlink, Hash: w.blob("..")}, dir("d", w.tree(file("evil", w.blob("x")))))
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := gittest.NewRepo(t, "", "infra")
			w := openRaw(t, g)
			head := w.commit(build(w))
			r := open(t, repo.Options{URL: g.Bare})
			outside := t.TempDir()
			if err := r.Fetch(t.Context(), head); err == nil {
				err := materialise(t, t.Context(), r, head, filepath.Join(outside, "checkout"), repo.MaterialiseOptions{})
				wantError(t, err, repo.ErrUnsafeTree, "")
			} else {
				wantError(t, err, repo.ErrUnsafeTree, "")
			}
			entries, err := os.ReadDir(outside)
			must(t, err)
			wantEqual(t, len(entries), 0)
		})
	}
}

// A name that is longer than any path can be, and words of a commit that are as long as a commit can be, are carried nowhere.
func TestLongWords(t *testing.T) {
	t.Parallel()
	g := gittest.NewRepo(t, "", "infra")
	w := openRaw(t, g)
	r := open(t, repo.Options{URL: g.Bare})
	long := strings.Repeat("word ", 200_000)
	tree := w.tree(file(strings.Repeat("n", 255), w.blob("x")))
	h := w.object(plumbing.CommitObject, fmt.Sprintf("tree %s\nauthor %s<%s> 1 +0000\ncommitter J <j@example.com> 1 +0000\n\n%s\n", tree, long, strings.Repeat("e", 5000), long))
	must(t, w.r.Storer.SetReference(plumbing.NewHashReference("refs/heads/main", h)))
	must(t, r.Fetch(t.Context(), h.String()))
	c, err := r.Commit(h.String())
	must(t, err)
	if n, m := len(c.Subject), len(c.Author); n > 5000 || m > 5000 || !strings.HasSuffix(c.Subject, "word...") || c.AuthorEmail != "..." {
		t.Errorf("a subject of %d bytes, an author of %d, the e-mail %.20q", n, m, c.AuthorEmail)
	}
	wantError(t, r.Fetch(t.Context(), w.commit(w.tree(file(strings.Repeat("n", 4096), w.blob("x"))))), repo.ErrUnsafeTree, "no path can be as long as this name")
}

func openRaw(tb testing.TB, g *gittest.Repo) raw {
	tb.Helper()
	r, err := git.PlainOpen(g.Bare)
	must(tb, err)
	return raw{tb: tb, r: r}
}

// A few crafted directories that name each other stand for more files than there are atoms.
func TestTreeBombs(t *testing.T) {
	t.Parallel()
	need.Long(t, "it makes trees of a million files")
	g := gittest.NewRepo(t, "", "infra")
	first := g.Commit("first", map[string]string{"a": "1"})
	r := open(t, repo.Options{URL: g.Bare})
	must(t, r.Fetch(t.Context(), first))
	w := openRaw(t, g)
	wide := w.tree(file("f", w.blob("x")))
	for range 12 {
		var entries []object.TreeEntry
		for i := range 10 {
			entries = append(entries, dir(fmt.Sprint("d", i), wide))
		}
		wide = w.tree(entries...)
	}
	deep := w.tree(file("f", w.blob("x")))
	for range 400 {
		deep = w.tree(dir("d", deep))
	}
	for name, tree := range map[string]plumbing.Hash{"wide": wide, "deep": deep} {
		t.Run(name, func(t *testing.T) {
			head := w.commit(tree)
			within(t, time.Minute, func(ctx context.Context) {
				wantError(t, r.Fetch(ctx, head), repo.ErrTooLarge, "keep such trees out")
				if !r.Has(head) {
					return
				}
				_, err := r.Changed(ctx, first, head)
				wantError(t, err, repo.ErrTooLarge, "")
				err = materialise(t, ctx, r, head, filepath.Join(t.TempDir(), "x"), repo.MaterialiseOptions{MaxFiles: 500})
				wantError(t, err, repo.ErrTooLarge, "")
			})
		})
	}
}
