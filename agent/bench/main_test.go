package bench

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"sync"
	"testing"
	"time"

	"sallyport/agent/asuser"
	"sallyport/agent/need"
	"sallyport/agent/repo"
)

// patience is how long a benchmark waits for what must happen; only a broken agent ever takes that long.
const patience = 2 * time.Minute

// scratch is a directory of this process, for the binary and what several benchmarks start from.
var scratch string

func TestMain(m *testing.M) {
	if asuser.Asked(os.Environ()) { // the agent in this process starts terraform by way of its own program
		os.Exit(asuser.Main(os.Environ(), os.Args[1:]))
	}
	if len(os.Args) > 1 && os.Args[1] == pollerVerb {
		os.Exit(pollerMain())
	}
	if len(os.Args) > 1 && os.Args[1] == repo.Verb {
		os.Exit(repo.Main(os.Args[2:]))
	}
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "sallyport-bench-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	scratch = dir
	flag.Parse()
	if flag.Lookup("test.bench").Value.String() == "" {
		return m.Run()
	}
	defer conclude(os.Stdout)
	return need.Main(m, need.Terraform)
}

// build makes the real binary as a release is built: stripped.
var build = sync.OnceValues(func() (string, error) {
	path := filepath.Join(scratch, "sallyport")
	cmd := exec.Command("go", "build", "-ldflags=-s -w", "-o", path, "sallyport/agent/cmd/sallyport")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", errors.New(string(out))
	}
	return path, nil
})

func binary(tb testing.TB) string {
	tb.Helper()
	path, err := build()
	if err != nil {
		tb.Fatalf("building sallyport: %v", err)
	}
	return path
}

// samples are times of one kind. A median says more than a mean on a machine that does other things too.
type samples []time.Duration

func (s *samples) add(d time.Duration) { *s = append(*s, d) }

func (s samples) median() time.Duration {
	if len(s) == 0 {
		return 0
	}
	sorted := append(samples(nil), s...)
	sort.Slice(sorted, func(i, j int) bool { return sorted[i] < sorted[j] })
	mid := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[mid]
	}
	return (sorted[mid-1] + sorted[mid]) / 2
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// report gives the median of some times a name.
func (s samples) report(b *testing.B, unit string) {
	b.Helper()
	b.ReportMetric(ms(s.median()), unit)
}

// noTime takes away the time per operation where an operation holds work that is not measured.
func noTime(b *testing.B) { b.ReportMetric(0, "ns/op") }

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func write(tb testing.TB, path, text string, mode os.FileMode) string {
	tb.Helper()
	must(tb, os.MkdirAll(filepath.Dir(path), 0o700))
	must(tb, os.WriteFile(path, []byte(text), mode))
	return path
}
