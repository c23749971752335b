package exposition_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"sallyport/agent/archive"
	"sallyport/agent/control"
	"sallyport/agent/metrics/exposition"
	"sallyport/agent/need"
	"sallyport/agent/status"
	"sallyport/notify/golden"
	"sallyport/store"
)

func TestMain(m *testing.M) { os.Exit(need.Main(m)) }

// night is a store whose clock is moved by hand.
type night struct {
	t     *testing.T
	store *store.Store
	now   time.Time
}

const canary = "canary-secret"

func newNight(t *testing.T) *night {
	t.Helper()
	n := &night{t: t, now: at(1, 0)}
	s, err := store.Open(store.Options{Path: filepath.Join(t.TempDir(), "sallyport.db"), Now: func() time.Time { return n.now }})
	if err != nil {
		t.Fatal(err)
	}
	n.store = s
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

// at is a moment of one night.
func at(hour, minute int) time.Time { return time.Date(2026, 3, 1, hour, minute, 0, 0, time.UTC) }

// do changes the store at a moment.
func (n *night) do(at time.Time, change func(*store.Tx) error) {
	n.t.Helper()
	n.now = at
	if err := n.store.Update(change); err != nil {
		n.t.Fatal(err)
	}
}

func (n *night) make(at time.Time, r *store.Run) int {
	n.t.Helper()
	r.Repository, r.Commit, r.Author, r.Subject = "infra", strings.Repeat("a", 40), "Jane", canary
	n.do(at, func(tx *store.Tx) error { return tx.CreateRun(r) })
	return r.ID
}

func (n *night) move(at time.Time, id int, from, to store.Status, change func(*store.Run)) {
	n.t.Helper()
	n.do(at, func(tx *store.Tx) error {
		_, err := tx.Transition(id, store.Move{From: from, To: to, Text: canary}, func(r *store.Run) error {
			switch to {
			case store.Planned:
				r.Plan, r.PlannedAt = &store.Plan{Digest: "d", Add: 1}, at
			case store.Applying:
				r.Apply = &store.Apply{StartedAt: at}
			}
			if change != nil {
				change(r)
			}
			return nil
		})
		return err
	})
}

// process is what an agent with three stacks and two repositories knows of itself in the night.
func process() *status.Process {
	none := func(*store.Run) []string { return nil }
	stack := func(name string) status.Stack {
		return status.Stack{Name: name, Repository: "infra", Dir: name, DriftChecks: true, Approvals: 1, Counted: func(*store.Run) int { return 0 }, WaitsFor: none}
	}
	return &status.Process{
		Now: at(3, 10), Backups: "@daily", Stacks: []status.Stack{stack("ghe"), stack("net"), stack("new")},
		Repositories: []status.Repository{{Name: "infra", URL: "u", Branch: "main", PolledAt: at(3, 9)}, {Name: "apps", URL: "v", Branch: "main"}},
		Problems:     []control.Problem{{Source: "slack: reading", Error: canary}, {Source: "repository infra", Error: canary}},
	}
}

// rest is the part of the facts that is not in the store.
func rest() exposition.Process {
	return exposition.Process{
		Version: "1.2.3", LastPass: at(3, 9), Panics: 2, Leader: true, Pinged: at(3, 8), StoreSize: 65536,
		Room:      exposition.Room{Free: 1 << 30, Total: 4 << 30},
		Pools:     []exposition.Pool{{Name: "terraform", Used: 1, Limit: 2}, {Name: "packer", Limit: 2}},
		Polls:     []exposition.Polls{{Repository: "infra", Tried: 40, Failed: 3}, {Repository: "apps"}},
		Receivers: []string{exposition.ToSlack, exposition.ToSite, exposition.ToNotify("pager")},
		Problems:  []string{"slack: reading", "repository infra", "repository apps: stacks: names", "run #7", "metrics: textfile", "statement"},
	}
}

// scrape reads everything once, and leaves out what is of Go and of the process.
func (n *night) scrape(e *exposition.Exporter) string {
	n.t.Helper()
	var f exposition.Facts
	err := n.store.View(func(tx *store.Tx) (err error) {
		if f, err = exposition.Read(tx, process()); err != nil {
			return err
		}
		return e.Count(tx, f)
	})
	if err != nil {
		n.t.Fatal(err)
	}
	f.Process = rest()
	return written(n.t, e, f)
}

func written(t *testing.T, e *exposition.Exporter, f exposition.Facts) string {
	t.Helper()
	g, err := e.Gatherer(f)
	if err != nil {
		t.Fatal(err)
	}
	problems, err := testutil.GatherAndLint(g)
	if err != nil || len(problems) > 0 {
		t.Errorf("promlint says %v, %v", problems, err)
	}
	var all bytes.Buffer
	if err := exposition.Write(&all, g); err != nil {
		t.Fatal(err)
	}
	checked(t, all.Bytes())
	families := regexp.MustCompile(`(?m)^(# (HELP|TYPE) )?(go|process)_.*\n`).ReplaceAllString(all.String(), "")
	return regexp.MustCompile(`goversion="[^"]*"`).ReplaceAllString(families, `goversion="go"`)
}

// checked has promtool look at an exposition, where there is one.
func checked(t *testing.T, text []byte) {
	t.Helper()
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		return // TestPromtool says so; promlint, which is of the same people, has looked at it
	}
	cmd := exec.CommandContext(t.Context(), promtool, "check", "metrics")
	cmd.Stdin = bytes.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil || len(bytes.TrimSpace(out)) > 0 {
		t.Errorf("promtool says %v\n%s", err, out)
	}
}

func (n *night) exporter() *exposition.Exporter {
	return exposition.New(exposition.Options{Store: n.store, Redact: func(s string) string { return strings.ReplaceAll(s, canary, "(redacted)") }})
}

// fill is a night in which much happens. What ended before the exporter began is in no counter.
func (n *night) fill(begin func()) {
	before := n.make(at(1, 0), &store.Run{Stack: "ghe", Kind: store.KindCommit})
	n.move(at(1, 1), before, store.Pending, store.Superseded, nil)
	begin()

	applied := n.make(at(2, 0), &store.Run{Stack: "net", Kind: store.KindCommit})
	n.move(at(2, 1), applied, store.Pending, store.Planning, nil)
	n.move(at(2, 2), applied, store.Planning, store.Planned, nil)
	n.move(at(2, 12), applied, store.Planned, store.Approved, func(r *store.Run) {
		r.Decisions = []store.Decision{{Verdict: store.Approve, By: "slack:U1", At: at(2, 12), Digest: "d"}, {Verdict: store.Approve, At: at(2, 15), Withdrawn: "edited"}}
	})
	n.move(at(2, 13), applied, store.Approved, store.Applying, nil)
	n.move(at(2, 14), applied, store.Applying, store.Applied, func(r *store.Run) { r.Apply.EndedAt = at(2, 14) })

	policy := n.make(at(2, 20), &store.Run{Stack: "net", Kind: store.KindDrift})
	n.move(at(2, 20), policy, store.Pending, store.Planning, nil)
	n.move(at(2, 21), policy, store.Planning, store.Planned, nil)
	n.move(at(2, 22), policy, store.Planned, store.Approved, func(r *store.Run) {
		r.Decisions = []store.Decision{{Verdict: store.Approve, By: store.PolicyPrefix + "recreate", At: at(2, 22), Digest: "d"}}
	})
	n.move(at(2, 23), policy, store.Approved, store.Applying, nil)
	n.move(at(2, 53), policy, store.Applying, store.Errored, nil)

	denied := n.make(at(2, 30), &store.Run{Stack: "ghe", Kind: store.KindManual})
	n.move(at(2, 30), denied, store.Pending, store.Planning, nil)
	n.move(at(2, 31), denied, store.Planning, store.Planned, nil)
	n.move(at(2, 41), denied, store.Planned, store.Discarded, nil)

	waits := n.make(at(2, 50), &store.Run{Stack: "ghe", Kind: store.KindCommit})
	n.move(at(2, 50), waits, store.Pending, store.Planning, nil)
	n.move(at(2, 51), waits, store.Planning, store.Planned, func(r *store.Run) { r.Held = "locked" })

	n.move(at(2, 52), n.make(at(2, 52), &store.Run{Stack: "gone", Kind: store.KindCommit}), store.Pending, store.Canceled, nil)
	n.state()
}

// state is what the records of that night say besides.
func (n *night) state() {
	n.do(at(3, 0), func(tx *store.Tx) error {
		ghe, err := tx.Stack("ghe")
		if err != nil {
			return err
		}
		ghe.Behind, ghe.Paused, ghe.CheckedAt, ghe.AppliedAt = -1, &store.Pause{By: "cli:jane", At: at(2, 0)}, at(2, 45), at(2, 40)
		ghe.Drift = &store.Drift{Schedule: "@hourly", CheckedAt: at(3, 0), Gone: 1, Outputs: 2, Since: at(1, 0), Error: canary}
		net, err := tx.Stack("net")
		if err != nil {
			return err
		}
		net.Look, net.AppliedAt, net.Error = &store.Look{Run: 3, Status: store.Errored, Cause: canary}, at(2, 14), canary
		return errors.Join(
			tx.PutStack(ghe), tx.PutStack(net),
			tx.PutRepository(&store.RepositoryState{Name: "infra", URL: "u", Branch: "main", Head: strings.Repeat("a", 40), Error: canary, ErrorAt: at(2, 0)}),
			tx.PutRepository(&store.RepositoryState{Name: "apps", URL: "v", Branch: "main", PolledAt: at(2, 0), HeldHead: strings.Repeat("b", 40)}),
			tx.PutAgent(&store.AgentState{ID: "a", Paused: &store.Pause{By: "cli:jane", Reason: canary}}),
			status.UnreviewedSetting.Put(tx, []int{1}),
			archive.SaveRecord(tx, archive.Record{Schedule: "@daily", At: at(0, 30), Bytes: 2048, Verified: true, Error: canary}),
			tx.Enqueue(store.Message{Kind: store.MessageNote, Key: "one", Text: canary}),
			tx.Enqueue(store.Message{Kind: store.MessageWord, Key: "two", Word: &store.Word{Receiver: "pager"}}),
			tx.Enqueue(store.Message{Kind: store.MessageStatus, Key: "three"}),
		)
	})
	n.do(at(3, 5), func(tx *store.Tx) error { return tx.Enqueue(store.Message{Kind: store.MessageCard, Key: "four"}) })
}

// What is exported is this, and every family of the list is in it: whoever changes a name breaks somebody's alert.
func TestGolden(t *testing.T) {
	n := newNight(t)
	var e *exposition.Exporter
	n.fill(func() { e = n.exporter() })
	got := n.scrape(e)
	if again := n.scrape(e); again != got {
		t.Errorf("the same store gives other figures: %s", cmp.Diff(got, again))
	}
	golden.Is(t, "testdata/night.prom", got)
	if strings.Contains(got, canary) {
		t.Error("a text of somebody's is in it")
	}
	for _, name := range exposition.Names() {
		if !strings.Contains(got, "# HELP "+name+" ") {
			t.Errorf("%s is in the list and not exported", name)
		}
	}
	for _, family := range regexp.MustCompile(`(?m)^# HELP (\S+) `).FindAllStringSubmatch(got, -1) {
		if !strings.Contains("\n"+strings.Join(exposition.Names(), "\n")+"\n", "\n"+family[1]+"\n") {
			t.Errorf("%s is exported and not in the list", family[1])
		}
	}
}

// promtool is of the same mind as promlint; where it is missing that is counted.
func TestPromtool(t *testing.T) {
	need.Program(t, "promtool")
	n := newNight(t)
	n.fill(func() {})
	n.scrape(n.exporter()) // which has promtool look
}

// Without a store there still is what the process knows, and the lack of the rest is a figure.
func TestNoStore(t *testing.T) {
	got := written(t, newNight(t).exporter(), exposition.Facts{Process: rest()})
	if !strings.Contains(got, "\nsallyport_store_readable 0\n") || !strings.Contains(got, "sallyport_build_info{") || strings.Contains(got, "sallyport_paused") {
		t.Errorf("it says\n%s", got)
	}
}

// Long names are cut to ones that stay apart, secrets are taken out of names, and what is one name after that harms nobody else.
func TestLabels(t *testing.T) {
	long := strings.Repeat("accounts-production-", 8)
	f := exposition.Facts{Status: &control.Status{}, Process: rest()}
	for _, name := range []string{long + "a", long + "b", "x" + canary, "xcanary-secret", "plain", "\xff"} {
		f.Status.Stacks = append(f.Status.Stacks, control.Stack{Name: name})
	}
	got := written(t, newNight(t).exporter(), f)
	labels := regexp.MustCompile(`sallyport_stack_paused\{stack="([^"]*)"\}`).FindAllStringSubmatch(got, -1)
	if len(labels) != 5 {
		t.Fatalf("the stacks are %v", labels)
	}
	for _, l := range labels {
		if len(l[1]) > 64 || strings.Contains(l[1], canary) {
			t.Errorf("a label is %q", l[1])
		}
	}
}

// The history is read on from where it was read, whoever ended what: a run that ends between two scrapes counts once, one that is
// forgotten meanwhile holds nothing up, and a stack that left the configuration leaves the counters too.
func TestTally(t *testing.T) {
	n := newNight(t)
	e := n.exporter()
	count := func() float64 {
		t.Helper()
		got := n.scrape(e)
		value := regexp.MustCompile(`(?m)^sallyport_runs_total\{kind="commit",stack="ghe",status="errored"\} (\d+)$`).FindStringSubmatch(got)
		if value == nil {
			t.Fatalf("there is no such counter:\n%s", got)
		}
		return map[string]float64{"0": 0, "1": 1, "2": 2}[value[1]]
	}
	if c := count(); c != 0 {
		t.Errorf("before anything there are %v", c)
	}
	for i := 1; i <= 2; i++ {
		id := n.make(at(2, i), &store.Run{Stack: "ghe", Kind: store.KindCommit})
		n.move(at(2, i), id, store.Pending, store.Errored, nil)
		if c := count(); c != float64(i) {
			t.Errorf("after %d there are %v", i, c)
		}
		if c := count(); c != float64(i) {
			t.Errorf("nothing happened, and there are %v", c)
		}
	}
	registry := prometheus.NewRegistry()
	tally := exposition.NewTally(n.store, func(s string) string { return s })
	tally.Register(registry)
	for stacks, want := range map[string]int{"a": 6, "a b": 12, "b": 6, "": 0} {
		if err := n.store.View(func(tx *store.Tx) error { return tally.Read(tx, strings.Fields(stacks)) }); err != nil {
			t.Fatal(err)
		}
		if got, err := testutil.GatherAndCount(registry, "sallyport_runs_total"); err != nil || got != want {
			t.Errorf("with the stacks %q there are %d counters, %v", stacks, got, err)
		}
	}
}
