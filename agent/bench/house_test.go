package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"sallyport/agent"
	"sallyport/agent/config"
	"sallyport/agent/control"
	"sallyport/agent/datadir"
	"sallyport/agent/repo/gittest"
	"sallyport/agent/runner"
	"sallyport/notify/slack/slacktest"
	"sallyport/store"
)

const (
	ops  = "C0000OPS"
	jane = "U01JANE0"
)

// house is one agent in this process, with its data directory. Its runners are the real binary.
type house struct {
	tb     testing.TB
	dir    string
	client *control.Client
	stop   func()

	mu      sync.Mutex
	log     bytes.Buffer
	notices []notice
	told    chan struct{} // closed and replaced at each notice
}

// notice is something that the agent tells people, without Slack.
type notice struct {
	text string
	at   time.Time
}

// newHouse starts an agent. body is the configuration but for data_dir and socket.
func newHouse(tb testing.TB, body string) *house {
	tb.Helper()
	h := &house{tb: tb, dir: shortDir(tb), told: make(chan struct{})}
	configure(tb, h.dir, body)
	cfg, err := config.Load(filepath.Join(h.dir, "sallyport.hcl"), config.LoadOptions{Getenv: os.Getenv})
	must(tb, err)
	ready := make(chan struct{})
	a, err := agent.New(agent.Options{
		Config: cfg, Version: "bench", Executable: binary(tb), Log: slog.New(slog.NewTextHandler(h, nil)),
		Jitter: func() float64 { return 0 }, Ready: func() { close(ready) }, Notices: h.hear,
	})
	must(tb, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	h.client = control.NewClient(filepath.Join(h.dir, "s.sock"))
	h.stop = sync.OnceFunc(func() {
		h.client.Close()
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			tb.Error(err)
		}
	})
	tb.Cleanup(func() {
		h.stop()
		if tb.Failed() || os.Getenv("BENCHLOG") != "" {
			tb.Logf("the agent's log:\n%s", h.log.String())
		}
	})
	select {
	case <-ready:
	case <-time.After(patience):
		tb.Fatal("the agent does not get ready")
	}
	return h
}

// configure writes a configuration into a directory.
func configure(tb testing.TB, dir, body string) {
	tb.Helper()
	text := fmt.Sprintf("data_dir = %q\nsocket = %q\n%s", filepath.Join(dir, "data"), filepath.Join(dir, "s.sock"), body)
	write(tb, filepath.Join(dir, "sallyport.hcl"), text, 0o600)
}

// Write makes a house a log's writer.
func (h *house) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.log.Write(p)
}

func (h *house) hear(text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.notices = append(h.notices, notice{text, time.Now()})
	close(h.told)
	h.told = make(chan struct{})
}

// waitNotices waits for n notices from a time on that satisfy a condition and returns when the last of them came.
func (h *house) waitNotices(from time.Time, n int, like func(text string) bool) time.Time {
	h.tb.Helper()
	limit := time.After(patience)
	for {
		h.mu.Lock()
		notices, told := h.notices, h.told
		h.mu.Unlock()
		found := 0
		for _, x := range notices {
			if x.at.After(from) && like(x.text) {
				if found++; found == n {
					return x.at
				}
			}
		}
		select {
		case <-told:
		case <-limit:
			h.tb.Fatalf("only %d of %d notices came", found, n)
		}
	}
}

// until waits for a run, named by number or stack, to satisfy a condition.
func (h *house) until(ref, what string, want func(control.Run) bool) control.Run {
	h.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var last control.Run
	for {
		run, err := h.client.Run(ctx, ref)
		if err == nil {
			if last = run; want(run) {
				return run
			}
			if run.Status.Terminal() {
				h.tb.Fatalf("run %s is %s and not %s: %s", ref, run.Status, what, run.Error)
			}
			_, err = h.client.Wait(ctx, run.ID, *run.UpdatedAt, 5*time.Second)
		}
		if ctx.Err() != nil {
			h.tb.Fatalf("run %s never was %s; it is %s: %v", ref, what, last.Status, err)
		}
		if err != nil {
			h.pause(ctx)
		}
	}
}

// pause lets a moment pass before another look at something that has no event to wait for.
func (h *house) pause(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(10 * time.Millisecond):
	}
}

func (h *house) planned(ref string) control.Run {
	h.tb.Helper()
	return h.until(ref, "planned", func(r control.Run) bool { return r.Status == store.Planned })
}

func (h *house) decide(ref, words string) {
	h.tb.Helper()
	_, err := h.client.Decide(context.Background(), control.DecideRequest{Ref: ref, Words: words})
	must(h.tb, err)
}

// quiet waits until nothing is at work and everything was said, so that one operation does not disturb the next.
func (h *house) quiet() {
	h.tb.Helper()
	h.eventually("the agent comes to rest", func(s control.Status) bool {
		busy := s.Outbox > 0
		for _, st := range s.Stacks {
			busy = busy || st.Run != nil && !st.Run.Status.Terminal() && st.Run.Status != store.Planned
		}
		return !busy
	})
}

// eventually waits for a condition on the whole status.
func (h *house) eventually(what string, want func(control.Status) bool) control.Status {
	h.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		s, err := h.client.Status(ctx)
		if err == nil && want(s) {
			return s
		}
		if ctx.Err() != nil {
			h.tb.Fatalf("it never happened: %s; %+v, %v", what, s, err)
		}
		h.pause(ctx)
	}
}

// terraformStarted is when the runner of an applied run executed terraform.
func (h *house) terraformStarted(run int) time.Time {
	h.tb.Helper()
	h.until(fmt.Sprint(run), "applied", func(r control.Run) bool { return r.Status == store.Applied })
	result, err := runner.ReadResult(datadir.Run(filepath.Join(h.dir, "data"), run))
	must(h.tb, err)
	return result.StartedAt
}

// terraformTime stops the agent and reads what the plans of runs spent in terraform's processes.
func (h *house) terraformTime(runs []int) samples {
	h.tb.Helper()
	h.stop()
	s, err := store.Open(store.Options{Path: datadir.Store(filepath.Join(h.dir, "data")), ReadOnly: true})
	must(h.tb, err)
	defer func() { must(h.tb, s.Close()) }()
	var out samples
	must(h.tb, s.View(func(tx *store.Tx) error {
		for _, id := range runs {
			run, err := tx.Run(id)
			if err != nil {
				return err
			}
			out.add(time.Duration(run.Plan.PlanSeconds * float64(time.Second)))
		}
		return nil
	}))
	return out
}

// infra is a repository behind a git server, whose work is written down.
type infra struct {
	tb testing.TB
	*gittest.Repo
	git *remote
}

func newInfra(tb testing.TB) *infra {
	tb.Helper()
	r := gittest.NewRepo(tb, "", "infra")
	return &infra{tb: tb, Repo: r, git: newRemote(tb, gittest.NewHTTP(tb, r.Root(), gittest.HTTPOptions{Plain: true}).URL(r.Name))}
}

// push commits and returns when the agent saw it: it asks for more than a poll does as soon as a poll has told it.
func (r *infra) push(subject string, files map[string]string) (seen time.Time) {
	before := time.Now()
	r.Commit(subject, files)
	return r.git.wait(r.tb, before, "/info/refs").start
}

// config is the repository's block. The schedule is the shortest there is.
func (r *infra) config() string {
	return fmt.Sprintf("repository \"infra\" {\n  url = %q\n  branch = \"main\"\n  schedule = \"@every 1s\"\n}\n", r.git.URL)
}

// workspace is a Slack of its own whose work is written down too.
type workspace struct {
	*slacktest.Server
	api *remote
}

func newWorkspace(tb testing.TB) *workspace {
	tb.Helper()
	s, err := slacktest.New(slacktest.Options{
		Users:    []slacktest.User{{ID: jane, Name: "jane", Email: "jane@example.com"}},
		Channels: []slacktest.Channel{{ID: ops, Name: "ops", Member: true}},
	})
	must(tb, err)
	tb.Cleanup(s.Close)
	return &workspace{Server: s, api: newRemote(tb, s.URL())}
}

func (s *workspace) config() string {
	return fmt.Sprintf("slack {\n  token = %q\n  api_url = %q\n  channel = %q\n  approvers = [%q]\n  poll = \"100ms\"\n}\n", s.Token(), s.api.URL, ops, jane)
}

// resource is a terraform_data, the one resource that needs no provider.
func resource(name, input string) string {
	return fmt.Sprintf("resource \"terraform_data\" %q {\n  input = %q\n}\n", name, input)
}
