package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"sallyport/agent/agenttest"
	"sallyport/agent/asuser/asusertest"
	"sallyport/agent/control"
	"sallyport/agent/repo/gittest"
	"sallyport/agent/terraform/tftest"
	"sallyport/store"
)

// runsOfOperation are the plans of one operation: /proc counts in hundredths of a second.
const runsOfOperation = 10

// BenchmarkRunProcessor is what one plan costs the processor, terraform's own processes left out, with repositories of 100 and of 3,000
// files, with the isolation of runs (users of their own, which takes root) and without. What the agent's children use counts, such as
// what they need before they become terraform.
//
//	cpu-ms/run    of the agent and of its children
//	agent-ms/run  of the agent alone
func BenchmarkRunProcessor(b *testing.B) {
	for _, c := range []struct {
		files int
		most  float64
	}{{100, 40}, {3000, 200}} {
		for _, isolated := range []bool{true, false} {
			name, what := fmt.Sprintf("%d-files", c.files), fmt.Sprintf("%d files", c.files)
			if isolated {
				name, what = name+"-isolated", what+", users of their own"
			}
			b.Run(name, func(b *testing.B) {
				of := begin(b, partCheckout, what, "ms", atMost(c.most))
				user := ""
				if isolated {
					user = asusertest.Pool(b, 2)
				}
				of.is(runProcessor(b, c.files, user))
			})
		}
	}
}

func runProcessor(b *testing.B, files int, user string) float64 {
	timer := newTimer(b)
	r := gittest.NewRepo(b, "", "infra")
	r.Commit("first", manyFiles(files))
	i := agenttest.New(b, "")
	settings := fmt.Sprintf("  binary = %q\n", timer.program)
	if user != "" {
		settings += fmt.Sprintf("  user = %q\n", user)
	}
	must(b, os.Chmod(i.Dir, 0o711))
	i.Configure(fmt.Sprintf("repository \"infra\" {\n  url = \"file://%s\"\n  branch = \"main\"\n  schedule = \"@every 30s\"\n}\nterraform {\n%s}\nstack \"box\" {\n  dir = \"box\"\n}\n", r.Bare, settings))
	d := newDaemon(b, i)
	d.start()
	d.Reaches("box", store.Planned)
	d.planAgain(b)
	before, beforeAll, inTerraform, calls := d.used(timer)
	runs := 0
	for b.Loop() {
		for range runsOfOperation {
			d.planAgain(b)
			runs++
		}
	}
	after, afterAll, inTerraformThen, callsThen := d.used(timer)
	all := afterAll - beforeAll - (inTerraformThen - inTerraform) - time.Duration(callsThen-calls)*timer.own
	b.ReportMetric(ms(after-before)/float64(runs), "agent-ms/run")
	b.ReportMetric(float64(callsThen-calls)/float64(runs), "terraforms/run")
	disk(b)
	noTime(b)
	figure := ms(all) / float64(runs)
	b.ReportMetric(figure, "cpu-ms/run")
	return figure
}

// planAgain denies what waits and plans once more.
func (d *daemon) planAgain(b *testing.B) {
	d.MustDecide("box", "deny")
	started, err := d.Client.Start(b.Context(), control.StartRequest{Stack: "box", Reason: "to be measured"})
	must(b, err)
	d.Reaches(fmt.Sprint(started.Run), store.Planned)
}

// manyFiles are a root module and pages that nobody plans, each about 4 KB.
func manyFiles(n int) map[string]string {
	files := map[string]string{"box/main.tf": resource("a", "0")}
	for i := range n - 1 {
		files[fmt.Sprintf("docs/%02d/%03d.md", i/50, i)] = strings.Repeat(fmt.Sprintf("line %d of a page that nobody plans\n", i), 100)
	}
	return files
}

// used is the processor time of the agent alone and with all children that have ended, and what terraform used of it in how many calls.
func (d *daemon) used(t *timer) (agent, all, terraform time.Duration, calls int) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", d.cmd.Process.Pid))
	must(d.tb, err)
	fields := strings.Fields(string(text)[strings.LastIndex(string(text), ")")+1:])
	ticks := func(field int) time.Duration {
		n, err := strconv.Atoi(fields[field])
		must(d.tb, err)
		return time.Duration(n) * time.Second / 100
	}
	const user, system, childrensUser, childrensSystem = 11, 12, 13, 14 // behind the name
	agent = ticks(user) + ticks(system)
	terraform, calls = t.read(d.tb)
	return agent, agent + ticks(childrensUser) + ticks(childrensSystem), terraform, calls
}

// timer is a program that runs terraform and writes down what processor time that used.
type timer struct {
	program, log string
	own          time.Duration // of the program itself, per call
}

const timerSource = `package main

import ("fmt"; "os"; "os/signal"; "syscall")

func main() {
	signal.Ignore(os.Interrupt, syscall.SIGTERM) // terraform gets its own
	var used syscall.Rusage
	var status syscall.WaitStatus
	pid, err := syscall.ForkExec(%q, append([]string{"terraform"}, os.Args[1:]...), &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{0, 1, 2}})
	if err == nil {
		_, err = syscall.Wait4(pid, &status, 0, &used)
	}
	log, logErr := os.OpenFile(%q, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil || logErr != nil {
		fmt.Fprintln(os.Stderr, err, logErr)
		os.Exit(1)
	}
	fmt.Fprintln(log, used.Utime.Nano()+used.Stime.Nano())
	os.Exit(status.ExitStatus())
}
`

func newTimer(b *testing.B) *timer {
	dir, err := os.MkdirTemp("", "sallyport-bench-timer-") // not the benchmark's own, which others cannot enter
	must(b, err)
	b.Cleanup(func() { must(b, os.RemoveAll(dir)) })
	must(b, os.Chmod(dir, 0o755))
	t := &timer{program: filepath.Join(dir, "terraform"), log: filepath.Join(dir, "used")}
	write(b, t.log, "", 0o666)
	must(b, os.Chmod(t.log, 0o666))
	source := write(b, filepath.Join(dir, "main.go"), fmt.Sprintf(timerSource, tftest.Terraform(b), t.log), 0o600)
	cmd := exec.Command("go", "build", "-o", t.program, source)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		b.Fatalf("building the timer: %v\n%s", err, out)
	}
	const tries = 5
	var total time.Duration
	for range tries {
		before, _ := t.read(b)
		cmd := exec.Command(t.program, "version")
		must(b, cmd.Run())
		after, _ := t.read(b)
		used, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
		if !ok {
			b.Fatal("no usage")
		}
		total += time.Duration(used.Utime.Nano()+used.Stime.Nano()) - (after - before)
	}
	t.own = total / tries
	return t
}

func (t *timer) read(tb testing.TB) (used time.Duration, calls int) {
	text, err := os.ReadFile(t.log)
	must(tb, err)
	for _, line := range strings.Fields(string(text)) {
		n, err := strconv.ParseInt(line, 10, 64)
		must(tb, err)
		used += time.Duration(n)
		calls++
	}
	return used, calls
}
