package bench

import (
	"bufio"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"sallyport/agent/control"
	"sallyport/agent/repo/gittest"
)

var (
	mostStacks  = sizeFlag("bench.growth.stacks", 1_000, 40, "stacks at the largest size of BenchmarkGrowth; the others are a tenth and a hundredth")
	mostObjects = sizeFlag("bench.growth.objects", 1_000_000, 10_000, "objects at the largest size of BenchmarkGrowth; the others are a hundredth and a ten thousandth")
)

// idleWatch is how long an agent is watched that has nothing to do but poll every second.
const idleWatch = 15 * time.Second

// cost is what one size of an installation costs.
type cost struct {
	size             int
	poll             time.Duration // CPU of a poll, with everything else that an idle agent does meanwhile
	commit           time.Duration // CPU from a push of one root until its plan was told
	heap             float64       // MB in use after a garbage collection, at rest
	idleDisk         float64       // bytes by which the data directory grew in a poll
	disk             float64       // MB of the data directory
	commits          int64         // to the store, for one commit of the branch
	idleStoreCommits int64
}

// BenchmarkGrowth is how cost grows with stacks and with the objects of a repository. The opponent of each row is the agent
// itself at the size before: the ratio is the growth. Terraform is a function of this process that costs next to nothing and
// all runs of one commit share one directory, so that the agent's own work is what remains; git, store and mirror are real.
func BenchmarkGrowth(b *testing.B) {
	b.Run("stacks", func(b *testing.B) {
		most := mostStacks.get()
		grow(b, "stacks", []int{max(2, most/100), max(4, most/10), most}, 10, func(stacks int) (*gittest.Repo, int) {
			r := gittest.NewRepo(b, "", "infra")
			r.Commit("first", rootFiles(stacks, 0))
			return r, stacks
		})
	})
	b.Run("objects", func(b *testing.B) {
		most := mostObjects.get()
		grow(b, "objects", []int{max(100, most/10_000), max(200, most/100), most}, 1.5, func(objects int) (*gittest.Repo, int) {
			return withObjects(b, objects), 2
		})
	})
}

// grow measures all sizes. idle is how much more a poll may cost from one to the next.
func grow(b *testing.B, what string, sizes []int, idle float64, make func(int) (*gittest.Repo, int)) {
	type line struct {
		entry *row
		of    func(cost) float64
	}
	lines := map[int][]line{}
	for i, size := range sizes {
		add := func(name, unit string, times float64, of func(cost) float64) {
			g := goal{}
			if i > 0 {
				g = atMostTimes(times)
			}
			lines[i] = append(lines[i], line{begin(b, partGrowth, fmt.Sprintf("%s %s: %s", commas(size), what, name), unit, g), of})
		}
		steps := float64(size) / float64(sizes[max(0, i-1)])
		add("CPU per poll", "ms", idle, func(c cost) float64 { return ms(c.poll) })
		add("CPU per commit", "ms", steps, func(c cost) float64 { return ms(c.commit) })
		add("heap at rest", "MB", steps, func(c cost) float64 { return c.heap })
		add("data_dir", "MB", steps, func(c cost) float64 { return c.disk })
	}
	for b.Loop() {
		var before cost
		for i, size := range sizes {
			c := costOf(b, size, make)
			for _, l := range lines[i] {
				l.entry.is(l.of(c))
				if i > 0 {
					l.entry.against(commas(before.size), l.of(before))
				}
			}
			b.Logf("%d %s: %+v", size, what, c)
			before = c
		}
	}
	noTime(b)
}

// costOf measures one size.
func costOf(b *testing.B, size int, make func(int) (*gittest.Repo, int)) cost {
	r, stacks := make(size)
	c := cost{size: size}
	empty := heap()
	h := newStubbed(b, r, "@every 1s", &work{trees: map[string]string{"": b.TempDir()}})
	defer h.Remove()
	defer h.stop()
	h.plannedAt(stacks, int64(stacks))
	before, pushed, cpu, others := h.work.now(), time.Now(), treeTime(), used(syscall.RUSAGE_CHILDREN)
	h.next(rootFiles(1, 1))
	pusher := processorTime(used(syscall.RUSAGE_CHILDREN)) - processorTime(others)
	h.waitNotices(pushed, 1, func(text string) bool { return strings.Contains(text, "1 to create") })
	c.commit, c.commits = treeTime()-cpu-pusher, h.work.now().less(before).commits
	h.plannedAt(stacks, int64(stacks)+1)

	polls := h.work.polls.Load()
	h.Eventually("two polls have passed", func(control.Status) bool { return h.work.polls.Load() >= polls+2 })
	before, cpu = h.work.now(), treeTime()
	disk := diskOf(b, h.Data())
	<-time.After(idleWatch)
	gone := h.work.now().less(before)
	c.poll, c.idleStoreCommits = (treeTime()-cpu)/time.Duration(max(1, gone.polls)), gone.commits
	c.idleDisk, c.disk = (diskOf(b, h.Data())-disk)/float64(max(1, gone.polls)), diskOf(b, h.Data())/1e6
	c.heap = (heap() - empty - float64(len(h.Logged()))) / 1e6
	return c
}

// treeTime is the processor time of this process, its agent and what those have started.
func treeTime() time.Duration {
	return processorTime(used(syscall.RUSAGE_SELF)) + processorTime(used(syscall.RUSAGE_CHILDREN))
}

func heap() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what finalizers let go
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// diskOf is what a directory takes on the disk, in bytes. Files come and go while it is counted.
func diskOf(tb testing.TB, dir string) float64 {
	tb.Helper()
	total := int64(0)
	must(tb, filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if info, err := e.Info(); err == nil {
			if s, ok := info.Sys().(*syscall.Stat_t); ok {
				total += s.Blocks * 512
			}
		}
		return nil
	}))
	return float64(total)
}

// withObjects is a repository of two root modules with a history of so many objects: each commit adds itself, a tree and a blob.
func withObjects(tb testing.TB, objects int) *gittest.Repo {
	tb.Helper()
	r := gittest.NewRepo(tb, "", "infra")
	cmd := exec.Command("git", "-C", r.Bare, "fast-import", "--quiet")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	must(tb, err)
	must(tb, cmd.Start())
	w := bufio.NewWriter(in)
	files := maps.Clone(rootFiles(2, 0))
	for n := range objects / 3 {
		fmt.Fprintf(w, "commit refs/heads/main\ncommitter Jane <jane@example.com> %d +0000\ndata 4\nnext\n", 1_600_000_000+n)
		files["log.txt"] = fmt.Sprintf("line %d\n", n)
		for name, text := range files {
			fmt.Fprintf(w, "M 100644 inline %s\ndata %d\n%s\n", name, len(text), text)
		}
		files = map[string]string{}
	}
	fmt.Fprint(w, "done\n")
	must(tb, w.Flush())
	must(tb, in.Close())
	must(tb, cmd.Wait())
	r.Git("fetch", "-q", "origin")
	r.Git("reset", "-q", "--hard", "origin/main")
	return r
}
