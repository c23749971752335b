package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"sallyport/agent/agenttest"
	"sallyport/agent/datadir"
	"sallyport/agent/repo/gittest"
	"sallyport/store"
)

const (
	manyStacks = 100
	manyRuns   = 10_000

	statusTarget = 25  // milliseconds
	readyTarget  = 300 // milliseconds
)

// past is what an agent has behind it.
type past struct {
	url  string
	head string
	runs int  // of each stack, all applied
	open bool // the newest of each stack waits for a decision
}

// hundredStacks is a repository of as many root modules.
func hundredStacks(tb testing.TB) *gittest.Repo {
	tb.Helper()
	r := gittest.NewRepo(tb, "", "infra")
	r.Commit("first", rootFiles(manyStacks, 0))
	return r
}

// write makes a data directory whose store holds that past, and a directory for each run that was applied, as they stay
// for the sake of their logs.
func (p past) write(tb testing.TB, dataDir string) {
	tb.Helper()
	must(tb, os.MkdirAll(filepath.Join(dataDir, "runs"), 0o700))
	s, err := store.Open(store.Options{Path: datadir.Store(dataDir)})
	must(tb, err)
	must(tb, s.Update(func(tx *store.Tx) error {
		return tx.PutRepository(&store.RepositoryState{Name: "infra", URL: p.url, Branch: "main", Head: p.head, PolledAt: time.Now()})
	}))
	for n := range p.runs {
		must(tb, s.Update(func(tx *store.Tx) error {
			for i := range manyStacks {
				if err := p.run(tx, dataDir, fmt.Sprintf("roots-r%03d", i), p.open && n == p.runs-1); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	must(tb, s.Close())
}

// run is one run, through all its states or, open, up to the plan.
func (p past) run(tx *store.Tx, dataDir, stack string, open bool) error {
	run := &store.Run{
		Stack: stack, Repository: "infra", Kind: store.KindCommit, Commit: p.head, Head: p.head, Author: "Jane Doe",
		AuthorEmail: "jane@example.com", Subject: "Give the node a larger volume", Reason: "changed: roots/" + stack + "/main.tf",
	}
	if err := tx.CreateRun(run); err != nil {
		return err
	}
	plan := &store.Plan{Digest: strings.Repeat("d", 64), Version: "1.11.4", Binary: "/usr/local/bin/terraform", Lineage: stack, PlanSeconds: 1.5}
	for n := range 10 {
		plan.Changes = append(plan.Changes, store.Change{Address: fmt.Sprintf("module.ghe.aws_instance.node[%d]", n), Actions: []string{"update"}, Class: store.ClassConfig})
	}
	plan.Change = len(plan.Changes)
	steps := []store.Status{store.Planning, store.Planned, store.Approved, store.Applying, store.Applied}
	if open {
		steps = steps[:2]
	}
	from := store.Pending
	for _, to := range steps {
		if _, err := tx.Transition(run.ID, store.Move{From: from, To: to, By: "slack:" + jane}, func(r *store.Run) error {
			r.Plan = plan
			if to == store.Planned {
				r.ExpiresAt = time.Now().Add(24 * time.Hour)
			}
			if to == store.Applying {
				r.Apply = &store.Apply{StartedAt: time.Now(), Total: plan.Change}
			}
			return nil
		}); err != nil {
			return err
		}
		from = to
	}
	if open {
		return nil
	}
	st, err := tx.Stack(stack)
	if err != nil {
		return err
	}
	st.Repository, st.Dir, st.Workspace = "infra", "roots/"+strings.TrimPrefix(stack, "roots-"), "default"
	st.AppliedCommit, st.AppliedAt, st.AppliedRun = p.head, time.Now(), run.ID
	if err := tx.PutStack(st); err != nil {
		return err
	}
	return os.Mkdir(datadir.Run(dataDir, run.ID), 0o700)
}

// tenThousand is an installation with 10,000 runs of 100 stacks, the newest of each waiting for a decision.
func tenThousand(b *testing.B) *daemon {
	b.Helper()
	r := hundredStacks(b)
	i := agenttest.New(b, "")
	url := "file://" + r.Bare
	past{url: url, head: r.Head(), runs: manyRuns / manyStacks, open: true}.write(b, i.Data())
	i.Configure(fmt.Sprintf("repository \"infra\" {\n  url = %q\n  branch = \"main\"\n}\nstacks \"roots/*\" {\n}\n", url))
	return newDaemon(b, i)
}

// reads is how often each command is called in one operation.
const reads = 7

// BenchmarkStatus is `sallyport status`, `runs` and `show` as processes, from their start to their end, with 10,000 runs stored:
// asking an agent that runs, and reading the data directory while none does. The opponent is `sallyport version`, the same
// process with nothing to do, turn by turn.
func BenchmarkStatus(b *testing.B) {
	calls := [][]string{{"status"}, {"runs"}, {"show", strconv.Itoa(manyRuns)}}
	rows := map[string]*row{}
	for _, how := range []string{"no-agent", "agent"} {
		for _, args := range calls {
			what := fmt.Sprintf("%s runs stored: %s, %s", commas(manyRuns), args[0], how)
			rows[how+args[0]] = begin(b, partHistory, what, "ms", atMost(statusTarget))
		}
	}
	d := tenThousand(b)
	binary(b)
	measure := func(b *testing.B, how string) {
		for _, args := range calls {
			b.Run(how+"/"+args[0], func(b *testing.B) { d.call(b, rows[how+args[0]], args) })
		}
	}
	measure(b, "no-agent")
	before := time.Now()
	d.start()
	d.rest(before)
	measure(b, "agent")
}

// call calls a command again and again.
func (d *daemon) call(b *testing.B, entry *row, args []string) {
	once := func(want string, args ...string) (took, cpu time.Duration) {
		cmd := d.command(args...)
		start := time.Now()
		out, err := cmd.Output()
		took = time.Since(start)
		if err != nil || !strings.Contains(string(out), want) {
			b.Fatalf("sallyport %v: %v\n%s", args, err, out)
		}
		return took, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	var wall, nothing, cpu samples
	for b.Loop() {
		for range reads {
			took, used := once("roots-r099", args...)
			wall.add(took)
			cpu.add(used)
			took, _ = once("sallyport", "version")
			nothing.add(took)
		}
	}
	entry.inTurns(wall, "sallyport version", nothing)
	against(b, ms(wall.median()), statusTarget, "ms")
	cpu.report(b, "cpu-ms") // of the process alone; the time that passes has the agent's and the machine's other work in it
	noTime(b)
}

// BenchmarkKillToReady is a crash: from SIGKILL until the agent, started again at once, says that it is ready, with 10,000
// runs stored of which 100 are open. answer-ms is until it has answered its first `status` besides.
func BenchmarkKillToReady(b *testing.B) {
	entry := begin(b, partHistory, commas(manyRuns)+" runs stored: SIGKILL to ready again", "ms", atMost(readyTarget))
	d := tenThousand(b)
	var ready, answered samples
	before := time.Now()
	d.start()
	for b.Loop() {
		d.rest(before)
		before = time.Now()
		d.kill()
		d.start()
		ready.add(time.Since(before))
		if _, err := d.Client.Status(b.Context()); err != nil {
			b.Fatal(err)
		}
		answered.add(time.Since(before))
	}
	entry.is(ms(ready.median()))
	against(b, ms(ready.median()), readyTarget, "ready-ms")
	answered.report(b, "answer-ms")
	noTime(b)
}
