package agent_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	git "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"sallyport/agent"
	"sallyport/agent/asuser"
	"sallyport/agent/config"
	"sallyport/agent/control"
	"sallyport/agent/housekeeping"
	"sallyport/agent/need"
	"sallyport/agent/patience"
	"sallyport/agent/repo"
	"sallyport/agent/rescue"
	"sallyport/agent/runner"
	"sallyport/agent/terraform/tftest"
	"sallyport/store"
)

// The test binary is also the runner and the check of the store, as the real binary is.
func TestMain(m *testing.M) {
	if asuser.Asked(os.Environ()) {
		need.Exit(asuser.Main(os.Environ(), os.Args[1:]))
	}
	if len(os.Args) > 1 && os.Args[1] == runner.Verb {
		need.Exit(runner.Main(os.Args[2:]))
	}
	if len(os.Args) > 1 && os.Args[1] == repo.Verb {
		need.Exit(repo.Main(os.Args[2:]))
	}
	if len(os.Args) > 1 && os.Args[1] == rescue.Verb {
		need.Exit(rescue.Main(os.Args[2:], os.Stderr))
	}
	// Whatever the caller's terraform is told about mirrors is none of these tests' business. For all of them at once, since
	// tests that set the environment cannot run beside others.
	if err := os.Setenv("TF_CLI_CONFIG_FILE", ""); err != nil {
		panic(err)
	}
	os.Exit(need.Main(m, need.Terraform, tftest.Lean, need.AtOnce(6)))
}

// repository is an infrastructure repository on disk that tests commit to.
type repository struct {
	t    *testing.T
	dir  string
	git  *git.Repository
	when time.Time
	sign git.Signer // of the commits; nil: they are not signed
}

func newRepository(t *testing.T) *repository {
	t.Helper()
	dir := t.TempDir()
	r, err := git.PlainInitWithOptions(dir, &git.PlainInitOptions{InitOptions: git.InitOptions{DefaultBranch: "refs/heads/main"}})
	if err != nil {
		t.Fatal(err)
	}
	return &repository{t: t, dir: dir, git: r, when: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
}

// commit writes files (an empty text removes one) and commits them.
func (r *repository) commit(subject string, files map[string]string) string {
	r.t.Helper()
	tree, err := r.git.Worktree()
	if err != nil {
		r.t.Fatal(err)
	}
	for name, text := range files {
		path := filepath.Join(r.dir, name)
		if text == "" {
			if _, err := tree.Remove(name); err != nil {
				r.t.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			r.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			r.t.Fatal(err)
		}
		if _, err := tree.Add(name); err != nil {
			r.t.Fatal(err)
		}
	}
	r.when = r.when.Add(time.Minute)
	hash, err := tree.Commit(subject, &git.CommitOptions{
		AllowEmptyCommits: true, Signer: r.sign, Author: &object.Signature{Name: "Jane", Email: "jane@example.com", When: r.when},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return hash.String()
}

// reset points the branch somewhere else, as a force-push does.
func (r *repository) reset(commit string) {
	r.t.Helper()
	tree, err := r.git.Worktree()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := tree.Reset(&git.ResetOptions{Commit: plumbing.NewHash(commit), Mode: git.HardReset}); err != nil {
		r.t.Fatal(err)
	}
}

// house is one agent with its data directory; it can be stopped and started again.
type house struct {
	t      *testing.T
	dir    string
	config string // HCL beside data_dir and socket
	client *control.Client
	now    func() time.Time
	uptime func() store.Uptime
	room   func(string) (housekeeping.Room, error)
	agent  *agent.Agent
	stop   func()

	mu      sync.Mutex
	notices []string
	log     *strings.Builder
}

func newHouse(t *testing.T, body string) *house {
	t.Helper()
	whole(t)
	dir, err := os.MkdirTemp("", "sp") // short: a socket's path has a limit
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, dir: dir, config: body, log: &strings.Builder{}, stop: func() {}}
	h.client = control.NewClient(filepath.Join(dir, "s.sock"))
	t.Cleanup(func() {
		h.stop()
		h.client.Close()
		if t.Failed() {
			h.mu.Lock()
			t.Logf("the agent's log:\n%s", h.log.String())
			h.mu.Unlock()
		}
		removeAll(t, dir)
	})
	return h
}

// removeAll removes a data directory. A test may end while a runner is at work, which outlives its agent and writes its
// result into the directory that is being removed; so this is tried until nobody writes there any more.
func removeAll(t *testing.T, dir string) {
	t.Helper()
	deadline := time.After(patience.Limit())
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		err := os.RemoveAll(dir)
		if err == nil {
			return
		}
		select {
		case <-again.C:
		case <-deadline:
			t.Errorf("removing the data directory: %v", err)
			return
		}
	}
}

// Write makes a house a log's writer.
func (h *house) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.log.Write(p)
}

func (h *house) load() (*config.Config, error) {
	file := filepath.Join(h.dir, "sallyport.hcl")
	text := fmt.Sprintf("data_dir = %q\nsocket = %q\n%s", filepath.Join(h.dir, "data"), filepath.Join(h.dir, "s.sock"), h.config)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	return config.Load(file, config.LoadOptions{Getenv: os.Getenv})
}

func (h *house) start() *house {
	h.t.Helper()
	cfg, err := h.load()
	if err != nil {
		h.t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		h.t.Fatal(err)
	}
	ready := make(chan struct{})
	a, err := agent.New(agent.Options{
		Config: cfg, Reload: h.load, Version: "test", Executable: exe, Now: h.now, Uptime: h.uptime, Room: h.room,
		Log:     slog.New(slog.NewTextHandler(h, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Ready:   func() { close(ready) },
		Notices: func(text string) { h.mu.Lock(); h.notices = append(h.notices, text); h.mu.Unlock() },
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.agent = a
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	h.stop = func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			h.t.Error(err)
		}
		h.stop = func() {}
	}
	select {
	case <-ready:
	case err := <-done:
		h.stop = func() {} // or the clean-up waits for this end for ever
		h.t.Fatal("the agent ended at once: ", err)
	case <-time.After(patience.Limit()):
		h.t.Fatal("the agent does not get ready")
	}
	return h
}

// until waits for a run to satisfy want, which the agent's long poll answers as soon as the run changes.
func (h *house) until(ref string, what string, want func(control.Run) bool) control.Run {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience.Limit())
	defer cancel()
	var last control.Run
	for {
		run, err := h.client.Run(ctx, ref)
		if err == nil {
			if last = run; want(run) {
				return run
			}
			ref = fmt.Sprint(run.ID)
			_, err = h.client.Wait(ctx, run.ID, *run.UpdatedAt, 5*time.Second)
		} else if ctx.Err() == nil {
			h.tick(ctx)
			continue
		}
		if ctx.Err() != nil {
			h.t.Fatalf("run %s never was %s; it is %s (held %q, error %q): %v", ref, what, last.Status, last.Held, last.Error, err)
		}
	}
}

func (h *house) status(ref string, s store.Status) control.Run {
	h.t.Helper()
	return h.until(ref, string(s), func(r control.Run) bool { return r.Status == s })
}

// tick lets a moment pass between two looks at something that has no event to wait for.
func (h *house) tick(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(20 * time.Millisecond):
	}
}

// eventually waits for a condition on the whole status.
func (h *house) eventually(what string, want func(control.Status) bool) control.Status {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience.Limit())
	defer cancel()
	for {
		s, err := h.client.Status(ctx)
		if err == nil && want(s) {
			return s
		}
		if ctx.Err() != nil {
			h.t.Fatalf("it never happened: %s; status %+v, error %v", what, s, err)
		}
		h.tick(ctx)
	}
}

func (h *house) decide(ref, words string) error {
	_, err := h.client.Decide(context.Background(), control.DecideRequest{Ref: ref, Words: words})
	return err
}

func (h *house) mustDecide(ref, words string) {
	h.t.Helper()
	if err := h.decide(ref, words); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) plan(stack string, applied bool) int {
	h.t.Helper()
	r, err := h.client.Start(context.Background(), control.StartRequest{Stack: stack, Applied: applied, Reason: "test"})
	if err != nil {
		h.t.Fatal(err)
	}
	return r.Run
}

// box is the configuration of one stack "box" of a repository on disk.
func box(r *repository, more string) string {
	return fmt.Sprintf(`
repository "infra" {
  url      = "file://%s"
  branch   = "main"
  schedule = "@every 1s"
}
stack "box" {
  dir = "box"
  %s
}
`, r.dir, more)
}

// data is a terraform_data resource.
func data(name, input string) string {
	return fmt.Sprintf("resource \"terraform_data\" %q {\n  input = %q\n}\n", name, input)
}

// second tries to start another agent on the same data directory.
func (h *house) second() error {
	cfg, err := h.load()
	if err != nil {
		return err
	}
	_, err = agent.New(agent.Options{Config: cfg, Executable: "/bin/true", Log: slog.New(slog.NewTextHandler(h, nil))})
	return err
}
