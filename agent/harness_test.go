package agent_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	git "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"sallyport/agent"
	"sallyport/agent/agenttest"
	"sallyport/agent/asuser"
	"sallyport/agent/control"
	"sallyport/agent/housekeeping"
	"sallyport/agent/need"
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
	// heads is what the ref of a change's head is called in git.
	heads string
}

func newRepository(t *testing.T) *repository {
	t.Helper()
	dir := t.TempDir()
	r, err := git.PlainInitWithOptions(dir, &git.PlainInitOptions{InitOptions: git.InitOptions{DefaultBranch: "refs/heads/main"}})
	if err != nil {
		t.Fatal(err)
	}
	return &repository{t: t, dir: dir, git: r, when: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), heads: "refs/pull/%d/head"}
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

// house is an installation with the agent that runs on it, in this process; it can be stopped and started again.
type house struct {
	*agenttest.Installation
	t      *testing.T
	now    func() time.Time
	uptime func() store.Uptime
	room   func(string) (housekeeping.Room, error)
	agent  *agent.Agent
	stop   func()
}

func newHouse(t *testing.T, body string) *house {
	t.Helper()
	whole(t)
	return &house{Installation: agenttest.New(t, body), t: t, stop: func() {}}
}

func (h *house) start() *house {
	h.t.Helper()
	exe, err := os.Executable()
	if err != nil {
		h.t.Fatal(err)
	}
	running := h.Start(agent.Options{Version: "test", Executable: exe, Now: h.now, Uptime: h.uptime, Room: h.room})
	h.agent, h.stop = running.Agent, running.Stop
	return h
}

func (h *house) plan(stack string, applied bool) int {
	h.t.Helper()
	return h.Plan(control.StartRequest{Stack: stack, Applied: applied, Reason: "test"})
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
	cfg, err := h.Load()
	if err != nil {
		return err
	}
	_, err = agent.New(agent.Options{Config: cfg, Executable: "/bin/true", Log: slog.New(slog.NewTextHandler(h, nil))})
	return err
}
