package repo_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/agent/need"
	"sallyport/agent/repo"
	"sallyport/agent/repo/gittest"
)

// mirrored is a fetched repository of three commits, served over http so that a damaged mirror is fetched as in life.
type mirrored struct {
	g       *gittest.Repo
	r       *repo.Repository
	o       repo.Options
	log     *bytes.Buffer
	commits []string
}

func newMirrored(tb testing.TB) *mirrored {
	tb.Helper()
	g := gittest.NewRepo(tb, "", "infra")
	m := &mirrored{g: g, log: &bytes.Buffer{}}
	h := gittest.NewHTTP(tb, g.Root(), gittest.HTTPOptions{Plain: true})
	m.o = repo.Options{URL: h.URL(g.Name), Dir: filepath.Join(tb.TempDir(), "mirrors", "infra.git"), Log: slog.New(slog.NewTextHandler(m.log, nil))}
	files := map[string]string{}
	for i := range 20 {
		files[fmt.Sprintf("dir%d/main.tf", i)] = noise(2000 + i)
	}
	m.commits = append(m.commits, g.Commit("first", files))
	m.r = open(tb, m.o)
	must(tb, m.r.Fetch(tb.Context(), m.commits[0]))
	m.commits = append(m.commits, g.Commit("second", map[string]string{"dir1/main.tf": "2"}))
	must(tb, m.r.Fetch(tb.Context(), m.commits[1]))
	m.commits = append(m.commits, g.Commit("third", map[string]string{"dir1/main.tf": "3"}))
	return m
}

// reopen is what a restart of the agent does.
func (m *mirrored) reopen(tb testing.TB) {
	tb.Helper()
	_ = m.r.Close()
	m.r = open(tb, m.o)
}

func (m *mirrored) pack(tb testing.TB, pattern string) string {
	tb.Helper()
	found, err := filepath.Glob(filepath.Join(m.o.Dir, "objects", "pack", pattern))
	must(tb, err)
	largest := ""
	for _, f := range found {
		if largest == "" || size(tb, f) > size(tb, largest) {
			largest = f
		}
	}
	return largest
}

func size(tb testing.TB, path string) int64 {
	tb.Helper()
	info, err := os.Stat(path)
	must(tb, err)
	return info.Size()
}

// copy returns the same with a mirror of its own. The server is shared.
func (m *mirrored) copy(tb testing.TB) *mirrored {
	tb.Helper()
	c := *m
	c.log = &bytes.Buffer{}
	c.o.Dir = filepath.Join(tb.TempDir(), "mirrors", "infra.git")
	c.o.Log = slog.New(slog.NewTextHandler(c.log, nil))
	must(tb, os.CopyFS(c.o.Dir, os.DirFS(m.o.Dir)))
	c.r = open(tb, c.o)
	return &c
}

// checkout materialises and, as the agent does, fetches and tries once more when the mirror is damaged.
func (m *mirrored) checkout(tb testing.TB, commit string) map[string]string {
	tb.Helper()
	dir := filepath.Join(tb.TempDir(), "checkout")
	err := m.r.Materialise(tb.Context(), commit, dir, repo.MaterialiseOptions{})
	if err != nil {
		wantError(tb, err, repo.ErrDamaged, "next fetch makes the mirror anew")
		if m.r.Has(commit) {
			tb.Error("a damaged mirror claims to hold a commit; nobody would fetch")
		}
		must(tb, m.r.Fetch(tb.Context(), commit))
		must(tb, m.r.Materialise(tb.Context(), commit, dir, repo.MaterialiseOptions{}))
	}
	files := map[string]string{}
	for name, mode := range modes(tb, dir) {
		if mode[0] == '-' {
			files[name] = read(tb, filepath.Join(dir, name))
		}
	}
	return files
}

// harms are the ways to damage a mirror.
func harms() map[string]func(t *testing.T, m *mirrored) {
	return map[string]func(t *testing.T, m *mirrored){
		"pack truncated": func(t *testing.T, m *mirrored) {
			p := m.pack(t, "*.pack")
			must(t, os.Truncate(p, size(t, p)/2))
		},
		"pack empty":      func(t *testing.T, m *mirrored) { must(t, os.Truncate(m.pack(t, "*.pack"), 0)) },
		"pack gone":       func(t *testing.T, m *mirrored) { must(t, os.Remove(m.pack(t, "*.pack"))) },
		"index truncated": func(t *testing.T, m *mirrored) { must(t, os.Truncate(m.pack(t, "*.idx"), 900)) },
		"index empty":     func(t *testing.T, m *mirrored) { must(t, os.Truncate(m.pack(t, "*.idx"), 0)) },
		"index gone":      func(t *testing.T, m *mirrored) { must(t, os.Remove(m.pack(t, "*.idx"))) },
		"bytes in pack": func(t *testing.T, m *mirrored) {
			p := m.pack(t, "*.pack")
			b := []byte(read(t, p))
			for i := 100; i < len(b)-20; i += 500 {
				b[i] ^= 0xff
			}
			must(t, os.Remove(p))
			must(t, os.WriteFile(p, b, 0o600))
		},
		"reference empty": func(t *testing.T, m *mirrored) {
			must(t, os.Truncate(filepath.Join(m.o.Dir, "refs/sallyport/heads/main"), 0))
		},
		"reference garbage": func(t *testing.T, m *mirrored) {
			must(t, os.WriteFile(filepath.Join(m.o.Dir, "refs/sallyport/heads/main"), []byte("hello\n"), 0o600))
		},
		"stale locks and half packs": func(t *testing.T, m *mirrored) {
			for _, f := range []string{"refs/sallyport/heads/main.lock", "HEAD.lock", "packed-refs.lock", "objects/pack/tmp_pack_123"} {
				must(t, os.WriteFile(filepath.Join(m.o.Dir, f), nil, 0o600))
			}
		},
		"HEAD empty": func(t *testing.T, m *mirrored) { must(t, os.Truncate(filepath.Join(m.o.Dir, "HEAD"), 0)) },
		"config garbage": func(t *testing.T, m *mirrored) {
			must(t, os.WriteFile(filepath.Join(m.o.Dir, "config"), []byte("[[["), 0o600))
		},
		"all packs gone": func(t *testing.T, m *mirrored) {
			must(t, os.RemoveAll(filepath.Join(m.o.Dir, "objects", "pack")))
			must(t, os.Mkdir(filepath.Join(m.o.Dir, "objects", "pack"), 0o700))
		},
		"all gone": func(t *testing.T, m *mirrored) { must(t, os.RemoveAll(m.o.Dir)) },
	}
}

func TestDamageIsHealed(t *testing.T) {
	t.Parallel()
	whole := newMirrored(t)
	good := whole.copy(t)
	must(t, good.r.Fetch(t.Context(), good.commits[2]))
	want := map[string]map[string]string{}
	for _, c := range good.commits {
		want[c] = good.checkout(t, c)
		wantEqual(t, len(want[c]), 20)
	}
	for name, harm := range harms() {
		for _, when := range []string{"after a restart", "while running"} {
			t.Run(name+" "+when, func(t *testing.T) {
				t.Parallel()
				m := whole.copy(t)
				if when == "while running" {
					must(t, m.r.Fetch(t.Context(), m.commits[2]))
				}
				harm(t, m)
				if when == "after a restart" {
					m.reopen(t)
				}
				must(t, m.r.Fetch(t.Context(), m.commits[2]))
				for _, c := range m.commits {
					wantEqual(t, m.checkout(t, c), want[c])
				}
				if name != "HEAD empty" && name != "config garbage" { // of use to git only, not to us
					wantTidy(t, m.o.Dir)
				}
			})
		}
	}
}

// wantTidy checks that git itself finds nothing wrong, and that nothing lies beside the mirror.
func wantTidy(tb testing.TB, dir string) {
	tb.Helper()
	out := runEnv(tb, dir, nil, "git", "-c", "safe.directory=*", "fsck", "--full", "--strict")
	if strings.Contains(out, "error") || strings.Contains(out, "missing") {
		tb.Errorf("git fsck: %s", out)
	}
	entries, err := os.ReadDir(filepath.Dir(dir))
	must(tb, err)
	if len(entries) != 1 {
		tb.Errorf("beside the mirror: %v", entries)
	}
	wantNoLeftovers(tb, dir)
}

// Whatever is wrong with the bytes on disk, nothing panics and no wrong content comes out.
func TestRandomDamage(t *testing.T) {
	t.Parallel()
	need.Long(t, "it damages a mirror again and again, and one goroutine reads it")
	m := newMirrored(t)
	ctx := t.Context()
	must(t, m.r.Fetch(ctx, m.commits[2]))
	right, err := m.r.Changed(ctx, m.commits[0], m.commits[2])
	must(t, err)
	_ = m.r.Close()
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 60 {
		dir := filepath.Join(t.TempDir(), "m.git")
		must(t, os.CopyFS(dir, os.DirFS(m.o.Dir)))
		files, err := filepath.Glob(filepath.Join(dir, "objects", "pack", "*"))
		must(t, err)
		f := files[random.IntN(len(files))]
		b := []byte(read(t, f))
		for range 1 + random.IntN(20) {
			b[random.IntN(len(b))] = byte(random.Uint32())
		}
		must(t, os.WriteFile(f, b, 0o600))
		o := m.o
		o.Dir, o.URL = dir, "/nonexistent"
		r := open(t, o)
		if paths, err := r.Changed(ctx, m.commits[0], m.commits[2]); err == nil && diff(paths, right) != "" {
			t.Errorf("%d: wrong paths %v", i, paths)
		}
		_, _ = r.Descends(ctx, m.commits[0], m.commits[2])
		_, _, _ = r.Between(ctx, m.commits[0], m.commits[2], 10)
		out := filepath.Join(t.TempDir(), "checkout")
		if err := r.Materialise(ctx, m.commits[1], out, repo.MaterialiseOptions{}); err == nil {
			wantFile(t, filepath.Join(out, "dir1/main.tf"), "2")
		}
		_ = r.Close()
	}
}

func TestKeptCommitsSurvive(t *testing.T) {
	t.Parallel()
	need.LongUnlessRaced(t, "it packs a repository again and again")
	m := newMirrored(t)
	ctx := t.Context()
	must(t, m.r.Keep("ghe", m.commits[0]))
	must(t, m.r.Fetch(ctx, m.commits[2]))
	must(t, m.r.Keep("jira", m.commits[2]))
	wantError(t, m.r.Keep("../evil", m.commits[0]), nil, "")
	wantError(t, m.r.Keep("x", strings.Repeat("a", 40)), repo.ErrUnknownCommit, "")
	// The server forgets what was applied, and the mirror is made anew.
	m.g.Git("checkout", "-q", "--orphan", "fresh")
	m.g.Git("branch", "-q", "-D", "main")
	m.g.Git("branch", "-q", "-m", "main")
	now := m.g.Commit("unrelated", map[string]string{"b": "2"})
	m.g.GitBare("gc", "-q", "--prune=now")
	must(t, os.Truncate(filepath.Join(m.o.Dir, "refs/sallyport/heads/main"), 0))
	must(t, os.WriteFile(m.pack(t, "*.idx")+"x", nil, 0o600))
	breakSmallest(t, m)
	must(t, m.r.Fetch(ctx, now))
	if !m.r.Has(m.commits[0]) {
		t.Errorf("the kept commit is lost; log:\n%s", m.log)
	}
	dir := filepath.Join(t.TempDir(), "x")
	must(t, m.r.Materialise(ctx, m.commits[0], dir, repo.MaterialiseOptions{}))
	paths, err := m.r.Changed(ctx, m.commits[0], now)
	must(t, err)
	wantEqual(t, paths, []string{"b", "dir1/main.tf"})
	if !strings.Contains(m.log.String(), "lost with the damaged mirror") || !strings.Contains(m.log.String(), "jira") {
		t.Errorf("nothing in the log about the commit that could not be saved:\n%s", m.log)
	}
	must(t, m.r.Keep("ghe", ""))
	must(t, m.r.Keep("ghe", "")) // again: nothing to do
}

// breakSmallest damages the index of the newest pack.
func breakSmallest(tb testing.TB, m *mirrored) {
	tb.Helper()
	commit := m.commits[2]
	packs, err := filepath.Glob(filepath.Join(m.o.Dir, "objects", "pack", "*.idx"))
	must(tb, err)
	for _, p := range packs {
		if strings.Contains(runEnv(tb, m.o.Dir, nil, "git", "verify-pack", "-v", p), commit) {
			must(tb, os.Truncate(strings.TrimSuffix(p, ".idx")+".pack", 40))
			must(tb, os.Truncate(p, 1100))
		}
	}
}
