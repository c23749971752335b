package repo_test

import (
	"bufio"
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
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

// packed makes a bare repository whose history lies in one pack, as after git clone or git gc: much of it is small (files of a few
// lines, directories of a file or two), much is a delta of a larger one.
func packed(tb testing.TB, commits int) (dir, head string) {
	tb.Helper()
	dir = filepath.Join(tb.TempDir(), "source.git")
	runEnv(tb, tb.TempDir(), nil, "git", "init", "-q", "--bare", "-b", "main", dir)
	history(tb, dir, 1, commits)
	runEnv(tb, dir, nil, "git", "repack", "-adfq", "--window=50")
	return dir, tipOf(tb, dir)
}

func tipOf(tb testing.TB, dir string) string {
	tb.Helper()
	return strings.TrimSpace(runEnv(tb, dir, nil, "git", "rev-parse", "main"))
}

// history adds commits to main.
func history(tb testing.TB, dir string, seed uint64, commits int) {
	tb.Helper()
	cmd := exec.Command("git", "-C", dir, "fast-import", "--quiet")
	in, err := cmd.StdinPipe()
	must(tb, err)
	cmd.Stderr = os.Stderr
	must(tb, cmd.Start())
	w := bufio.NewWriter(in)
	r := rand.New(rand.NewPCG(seed, 2))
	line := func() string { return fmt.Sprintf("v%x = \"%x\"\n", r.IntN(1<<24), r.Int64N(1<<40)) }
	data := func(s string) { fmt.Fprintf(w, "data %d\n%s\n", len(s), s) }
	put := func(name string, lines []string) {
		fmt.Fprintf(w, "M 100644 inline %s\n", name)
		data(strings.Join(lines, ""))
	}
	files := map[string][]string{}
	for i := range commits {
		fmt.Fprintf(w, "commit refs/heads/main\ncommitter t <t@example.com> %d +0000\n", 1_500_000_000+int(seed)*10_000_000+i*60)
		data(fmt.Sprintf("change %d", i))
		if i == 0 && seed > 1 {
			fmt.Fprintf(w, "from refs/heads/main^0\n")
		}
		name := fmt.Sprintf("big-%d/file-%02d.tf", r.IntN(6), r.IntN(40))
		if files[name] == nil {
			for range 60 {
				files[name] = append(files[name], line())
			}
		}
		files[name][r.IntN(60)] = line()
		put(name, files[name])
		var few []string
		for range 1 + r.IntN(5) {
			few = append(few, line())
		}
		put(fmt.Sprintf("small/%d/%d/f%d.tf", i%50, r.IntN(20), r.IntN(2)), few)
		fmt.Fprintln(w)
	}
	must(tb, w.Flush())
	must(tb, in.Close())
	must(tb, cmd.Wait())
}

// wantSameObjects checks with git that the mirror holds exactly what the source's history holds, whole.
func wantSameObjects(tb testing.TB, source, mirror string) {
	tb.Helper()
	list := func(dir string) string {
		return runEnv(tb, dir, nil, "sh", "-c", "git -c safe.directory='*' rev-list --objects --all | cut -c1-40 | sort")
	}
	if list(source) != list(mirror) {
		tb.Error("source and mirror do not hold the same objects")
	}
	wantTidy(tb, mirror)
}

// A repository that git has packed is one of deltas, which several readers at once must not mix up.
func TestPackedRepository(t *testing.T) {
	t.Parallel()
	need.LongUnlessRaced(t, "it clones a repository of thousands of objects many times")
	source, head := packed(t, 1500)
	var wg sync.WaitGroup
	for i := range 8 {
		o := repo.Options{URL: "file://" + source, Dir: filepath.Join(t.TempDir(), "mirrors", "m.git")}
		wg.Go(func() {
			r := open(t, o)
			if err := r.Fetch(t.Context(), head); err != nil {
				t.Errorf("clone %d: %v", i, err)
				return
			}
			wantSameObjects(t, source, o.Dir)
		})
	}
	wg.Wait()
}

// split turns the packs of a mirror into many small ones of deltas, as many fetches would leave them: one of a first fetch, and one
// for each of the last commits.
func split(tb testing.TB, mirror string, packs int) {
	tb.Helper()
	old, err := filepath.Glob(filepath.Join(mirror, "objects", "pack", "pack-*"))
	must(tb, err)
	commits := strings.Fields(runEnv(tb, mirror, nil, "git", "rev-list", "--reverse", "--all"))
	for i := range packs {
		from, to := len(commits)-packs+i, len(commits)-packs+i+1
		if i == 0 {
			from = 0
		}
		revs := commits[to-1] + "\n"
		if from > 0 {
			revs += "^" + commits[from-1] + "\n"
		}
		runIn(tb, mirror, revs, "git", "pack-objects", "--quiet", "--revs", "--delta-base-offset", "objects/pack/pack")
	}
	for _, f := range old {
		must(tb, os.Remove(f))
	}
}

// Each fetch brings a pack, and after a hundred of them they are joined: nothing of the history may be lost in that, however the
// packs came.
func TestPackedRepositoryIsCompacted(t *testing.T) {
	t.Parallel()
	need.LongUnlessRaced(t, "it fetches and compacts a repository of thousands of objects")
	source, _ := packed(t, 400)
	for _, name := range []string{"disk", "http"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := gittest.NewRepo(t, "", "infra")
			must(t, os.RemoveAll(g.Bare))
			must(t, os.CopyFS(g.Bare, os.DirFS(source)))
			url := g.Bare
			if name == "http" {
				url = gittest.NewHTTP(t, g.Root(), gittest.HTTPOptions{Plain: true}).URL(g.Name)
			}
			log := &bytes.Buffer{}
			o := repo.Options{URL: url, Dir: filepath.Join(t.TempDir(), "mirrors", "m.git"), Log: slog.New(slog.NewTextHandler(log, nil))}
			for i := range 3 {
				r := open(t, o)
				must(t, r.Fetch(t.Context(), tipOf(t, g.Bare)))
				must(t, r.Close())
				split(t, o.Dir, 110)
				history(t, g.Bare, uint64(2+i), 1)
				r = open(t, o)
				must(t, r.Fetch(t.Context(), tipOf(t, g.Bare)))
				packs, err := filepath.Glob(filepath.Join(o.Dir, "objects", "pack", "*.pack"))
				must(t, err)
				wantEqual(t, len(packs), 1)
				wantEqual(t, log.String(), "")
				wantSameObjects(t, g.Bare, o.Dir)
			}
		})
	}
}
