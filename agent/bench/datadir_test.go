package bench

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"sallyport/agent/control"
	"sallyport/agent/datadir"
	"sallyport/store"
)

// appliedRuns is how many real runs BenchmarkDataDir applies to see what one leaves behind.
var appliedRuns = sizeFlag("bench.applied", 5, 2, "runs that BenchmarkDataDir applies")

// BenchmarkDataDir is what 10,000 runs leave on the disk: the store with runs of ten changes each, and the directories, of
// which a few of one change each are made by real terraform. Retention forgets runs with both, and keeps 10,000 that have
// ended if nobody says otherwise (but always the newest twenty of a stack), so this is the most that there ever is.
func BenchmarkDataDir(b *testing.B) {
	file := begin(b, partGrowth, "data_dir after "+commas(manyRuns)+" runs: the store", "MB", goal{})
	dirs := begin(b, partGrowth, "data_dir after "+commas(manyRuns)+" runs: their directories (plan, log, result)", "MB", goal{})
	mirror := begin(b, partGrowth, "data_dir: all else, 100 files in the repository", "MB", goal{})
	d := tenThousand(b)
	info, err := os.Stat(datadir.Store(d.Data()))
	must(b, err)
	file.is(float64(info.Size()) / 1e6)

	r := newInfra(b)
	r.Commit("first", hundred())
	h := newHouse(b, r.config()+"stack \"box\" {\n  dir = \"box\"\n}\n")
	total := 0.0
	for b.Loop() {
		for n := range appliedRuns.get() {
			run := h.planned("box").ID
			h.MustDecide(fmt.Sprint(run), "approve")
			h.Reaches(fmt.Sprint(run), store.Applied)
			h.quiet()
			r.push("next", map[string]string{"box/main.tf": resource("a", fmt.Sprint(n+1, time.Now()))})
			h.Until("box", "planned again", func(x control.Run) bool { return x.ID > run && x.Status == store.Planned })
			total += diskOf(b, datadir.Run(h.Data(), run))
			b.Logf("run %d: %s", run, strings.Join(namesIn(b, datadir.Run(h.Data(), run)), " "))
		}
	}
	dirs.is(total / float64(b.N*appliedRuns.get()) * manyRuns / 1e6)
	runs := diskOf(b, h.Data("runs"))
	mirror.is((diskOf(b, h.Data()) - runs) / 1e6)
	noTime(b)
}

func namesIn(tb testing.TB, dir string) (names []string) {
	tb.Helper()
	list, err := os.ReadDir(dir)
	must(tb, err)
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}
