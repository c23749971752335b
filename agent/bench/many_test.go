package bench

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sallyport/agent/agenttest"
	"sallyport/agent/control"
	"sallyport/agent/repo/gittest"
	"sallyport/store"
)

var firstStacks = sizeFlag("bench.first", 500, 20, "stacks that BenchmarkFirstPlans has planned for the first time")

var firstPatience = flag.Duration("bench.patience", 20*time.Minute, "how long BenchmarkFirstPlans waits")

const firstTarget = 20 // seconds

// BenchmarkFirstPlans is an agent that meets a repository of 500 stacks: from its start until all of them were planned once and
// that was told. Terraform is replaced by a script that answers at once, so that what is measured is all the agent's.
//
//	wall-s   until everything was told
//	cpu-s    the agent's own, that of what it has started not included
//	peak-MB  the most memory that it ever had; rss-MB what it has at the end
//
// With -bench.inside the agent runs in this process, for -cpuprofile.
func BenchmarkFirstPlans(b *testing.B) {
	stacks := firstStacks.get()
	what := fmt.Sprintf("%s stacks planned for the first time", commas(stacks))
	wall := begin(b, partManyPlans, what, "s", atMost(firstTarget))
	cpu := begin(b, partManyPlans, what+", the agent's CPU", "s", goal{})
	for b.Loop() {
		benchmarkFirstPlans(b, stacks, wall, cpu)
	}
	noTime(b)
}

var firstRest = flag.Duration("bench.rest", 0, "how long BenchmarkFirstPlans lets the agent rest afterwards, and measures it; it takes some minutes until Go has given memory back")

var inside = flag.Bool("bench.inside", false, "run the agent of BenchmarkFirstPlans in this process, for profiles")

func benchmarkFirstPlans(b *testing.B, stacks int, wall, cpu *row) {
	r := gittest.NewRepo(b, "", "infra")
	files := rootFiles(stacks, 0)
	for name := range files { // the script keeps no states
		files[name] += "terraform {\n  backend \"http\" {}\n}\n"
	}
	r.Commit("first", files)
	s := newWorkspace(b)
	body := strings.Replace(s.config(), "  poll = \"100ms\"\n", "", 1) + fmt.Sprintf("terraform {\n  binary = %q\n}\nrepository \"infra\" {\n  url = %q\n  branch = \"main\"\n}\nstacks \"roots/*\" {\n}\n",
		costsNothing(b), "file://"+r.Bare)
	if *inside {
		before, began := ownTime(b), time.Now()
		h := newHouse(b, body)
		h.told(stacks)
		wall.is(time.Since(began).Seconds())
		cpu.is((ownTime(b) - before).Seconds())
		b.ReportMetric(cpu.figure, "cpu-s")
		return
	}
	i := agenttest.New(b, "")
	i.Configure(body)
	d := newDaemon(b, i)
	binary(b)
	began := time.Now()
	d.start()
	h := &house{Installation: i, tb: b}
	h.told(stacks)
	against(b, wall.is(time.Since(began).Seconds()).figure, firstTarget, "wall-s")
	b.ReportMetric(cpu.is(d.processorTime().Seconds()).figure, "cpu-s")
	b.ReportMetric(d.memory("VmHWM"), "peak-MB")
	b.ReportMetric(d.memory("VmRSS"), "rss-MB")
	if *firstRest > 0 {
		used, start := d.processorTime(), time.Now()
		<-time.After(*firstRest)
		b.ReportMetric(100*float64(d.processorTime()-used)/float64(time.Since(start)), "idle-cpu-%")
		b.ReportMetric(d.memory("VmRSS"), "idle-rss-MB")
		b.ReportMetric(d.memory("RssAnon"), "idle-anon-MB")
	}
	d.kill()
}

// told waits, without asking much of the agent, until so many stacks wait for a decision and everything was said.
func (h *house) told(n int) {
	h.tb.Helper()
	limit := time.After(*firstPatience)
	look := time.NewTicker(3 * time.Second)
	defer look.Stop()
	for {
		s, err := h.Client.Status(h.tb.Context())
		if err == nil && s.Outbox == 0 && plannedOf(s) == n {
			return
		}
		select {
		case <-look.C:
		case <-limit:
			h.tb.Fatalf("%d of %d stacks were planned, %d messages not sent, error %v", plannedOf(s), n, s.Outbox, err)
		}
	}
}

func plannedOf(s control.Status) (n int) {
	for _, st := range s.Stacks {
		if st.Run != nil && st.Run.Status == store.Planned {
			n++
		}
	}
	return n
}

// costsNothing is a terraform that answers every question at once, with what the real one said to a root module of one resource.
func costsNothing(tb testing.TB) string {
	tb.Helper()
	dir := tb.TempDir()
	real, err := exec.LookPath("terraform")
	must(tb, err)
	write(tb, filepath.Join(dir, "main.tf"), resource("a", "0-0"), 0o600)
	record := func(file string, args ...string) {
		cmd := exec.Command(real, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "CHECKPOINT_DISABLE=1", "TF_CLI_CONFIG_FILE="+os.DevNull)
		out, err := cmd.Output()
		must(tb, err)
		write(tb, filepath.Join(dir, file), string(out), 0o600)
	}
	record("version.json", "version", "-json")
	record("version.txt", "version")
	record("init.json", "init", "-json")
	record("plan.json", "plan", "-json", "-out=plan.tfplan")
	record("show.json", "show", "-json", "plan.tfplan")
	record("show.txt", "show", "-no-color", "plan.tfplan")
	state, err := json.Marshal(map[string]any{"version": 3, "backend": map[string]any{"type": "http", "config": map[string]any{}}})
	must(tb, err)
	return write(tb, filepath.Join(dir, "terraform"), fmt.Sprintf(script, dir, state), 0o700)
}

// script execs its last program, so that it costs one process or two.
const script = `#!/bin/sh
at=%s
case "$1 $2" in
"version -json") exec cat $at/version.json ;;
version*) exec cat $at/version.txt ;;
init*) printf '%%s' '%s' > "$TF_DATA_DIR/terraform.tfstate"; exec cat $at/init.json ;;
plan*)
	for arg; do case $arg in -out=*) cp $at/plan.tfplan "${arg#-out=}" ;; esac; done
	cat $at/plan.json
	exit 2 ;;
"show -json") exec cat $at/show.json ;;
show*) exec cat $at/show.txt ;;
esac
echo "terraform $* was not expected" >&2
exit 1
`

// ownTime is the processor time of this process.
func ownTime(tb testing.TB) time.Duration {
	tb.Helper()
	var used syscall.Rusage
	must(tb, syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
