package repo_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/agent/need"
	"sallyport/agent/repo"
	"sallyport/agent/repo/gittest"
)

// A source that cannot be mirrored says what it is and what to do; it is not told as damage of the mirror.
func TestSourcesThatCannotBeMirrored(t *testing.T) {
	t.Parallel()
	g := gittest.NewRepo(t, "", "infra")
	for i := range 3 {
		g.Commit("change", map[string]string{"a": strings.Repeat("x", i)})
	}
	for name, c := range map[string]struct {
		make         func(t *testing.T, dir string)
		inText, hint string
	}{
		"linked worktree": {func(t *testing.T, dir string) {
			runEnv(t, g.Work, nil, "git", "worktree", "add", "-q", "--detach", dir)
		}, "it is a linked worktree", "set url to the repository that it belongs to: " + g.Work},
		"shallow clone": {func(t *testing.T, dir string) {
			runEnv(t, g.Work, nil, "git", "clone", "-q", "--depth=1", "file://"+g.Bare, dir)
		}, "it is a shallow clone", "git fetch --unshallow"},
		"borrowed objects": {func(t *testing.T, dir string) {
			runEnv(t, g.Work, nil, "git", "clone", "-q", "--shared", g.Bare, dir)
		}, "it borrows objects", "git repack -a -d"},
		"partial clone": {func(t *testing.T, dir string) {
			g.GitBare("config", "uploadpack.allowFilter", "true")
			runEnv(t, g.Work, nil, "git", "clone", "-q", "--bare", "--filter=blob:none", "file://"+g.Bare, dir)
			runEnv(t, dir, nil, "git", "config", "extensions.partialClone", "origin") // newer gits write it, older ones do not
		}, "it is a partial clone", "without --filter"},
		"SHA-256 names": {func(t *testing.T, dir string) {
			runEnv(t, g.Work, nil, "git", "init", "-q", "-b", "main", "--object-format=sha256", dir)
			runEnv(t, dir, nil, "git", "commit", "-q", "--allow-empty", "-m", "first")
		}, "by SHA-256", "SHA-1"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "source")
			c.make(t, dir)
			r := open(t, repo.Options{URL: "file://" + dir})
			_, err := r.Poll(t.Context())
			for what, err := range map[string]error{"poll": err, "fetch": r.Fetch(t.Context(), g.Head())} {
				wantError(t, err, repo.ErrUnreadable, c.hint)
				if errors.Is(err, repo.ErrDamaged) || !strings.Contains(err.Error(), c.inText) {
					t.Errorf("%s: %v, want %q in it", what, err, c.inText)
				}
			}
		})
	}
}

// What a server serves that cannot be mirrored is told the same way.
func TestShallowServer(t *testing.T) {
	t.Parallel()
	g := gittest.NewRepo(t, "", "infra")
	g.Commit("first", map[string]string{"a": "1"})
	head := g.Commit("second", map[string]string{"a": "2"})
	g.GitBare("repack", "-adq")
	runEnv(t, g.Root(), nil, "git", "clone", "-q", "--bare", "--depth=1", "file://"+g.Bare, "shallow.git")
	h := gittest.NewHTTP(t, g.Root(), gittest.HTTPOptions{Plain: true})
	r := open(t, repo.Options{URL: h.URL("shallow.git")})
	wantError(t, r.Fetch(t.Context(), head), repo.ErrUnreadable, "git fetch --unshallow")
}

// A source whose objects cannot be read is told as that, be they packed or loose.
func TestDamagedSource(t *testing.T) {
	t.Parallel()
	for name, pattern := range map[string]string{"loose": "objects/??/*", "packed": "objects/pack/*.pack"} {
		t.Run(name, func(t *testing.T) {
			g := gittest.NewRepo(t, "", "infra")
			head := g.Commit("first", map[string]string{"a": noise(3000)})
			if name == "packed" {
				g.GitBare("repack", "-adq")
			}
			files, err := filepath.Glob(filepath.Join(g.Bare, pattern))
			must(t, err)
			largest := files[0]
			for _, f := range files {
				if size(t, f) > size(t, largest) {
					largest = f
				}
			}
			text := []byte(read(t, largest))
			text[len(text)/2] ^= 0xff
			must(t, os.Remove(largest))
			must(t, os.WriteFile(largest, text, 0o600))
			r := open(t, repo.Options{URL: g.Bare})
			err = r.Fetch(t.Context(), head)
			wantError(t, err, repo.ErrUnreadable, "git fsck in "+g.Bare)
			if errors.Is(err, repo.ErrDamaged) {
				t.Errorf("told as damage of the mirror: %v", err)
			}
		})
	}
}

// A source is anything that git leaves on a disk: objects in packs, loose, in both, and a work tree whose .git is a file.
func TestSourcesOfAllShapes(t *testing.T) {
	t.Parallel()
	need.Long(t, "it makes a repository of each shape")
	for name, shape := range map[string]func(g *gittest.Repo){
		"loose":           func(*gittest.Repo) {},
		"packed":          func(g *gittest.Repo) { g.GitBare("repack", "-adq") },
		"old index":       func(g *gittest.Repo) { g.GitBare("-c", "pack.indexVersion=1", "repack", "-adFq") },
		"packs and loose": func(g *gittest.Repo) { g.GitBare("repack", "-dq"); g.Commit("more", map[string]string{"b": "2"}) },
	} {
		t.Run(name, func(t *testing.T) {
			g := gittest.NewRepo(t, "", "infra")
			g.Commit("first", map[string]string{"a": "1", "dir/b": noise(100)})
			g.Commit("second", map[string]string{"a": "2"})
			shape(g)
			o := repo.Options{URL: g.Bare, Dir: filepath.Join(t.TempDir(), "mirrors", "m.git")}
			r := open(t, o)
			must(t, r.Fetch(t.Context(), g.Head()))
			wantSameObjects(t, g.Bare, o.Dir)
			must(t, r.Fetch(t.Context(), g.Commit("third", map[string]string{"dir/c": "3"})))
			wantSameObjects(t, g.Bare, o.Dir)
		})
	}
	g := gittest.NewRepo(t, "", "infra")
	head := g.Commit("first", map[string]string{"a": "1"})
	moved := filepath.Join(t.TempDir(), "moved.git")
	must(t, os.Rename(filepath.Join(g.Work, ".git"), moved))
	must(t, os.WriteFile(filepath.Join(g.Work, ".git"), []byte("gitdir: "+moved+"\n"), 0o644))
	must(t, open(t, repo.Options{URL: g.Work}).Fetch(t.Context(), head))
}
