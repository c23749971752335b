package bench

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"sallyport/agent"
	"sallyport/agent/active"
	"sallyport/agent/agenttest"
	"sallyport/agent/engine"
	"sallyport/agent/journal"
	"sallyport/agent/repo"
	"sallyport/agent/repo/gittest"
	"sallyport/agent/stack"
	"sallyport/agent/terraform"
	tools "sallyport/agent/terraform/binary"
	"sallyport/agent/terraform/environ"
	"sallyport/store"
)

// work counts what an agent in this process does.
type work struct {
	commits  atomic.Int64 // to the store
	polls    atomic.Int64
	files    atomic.Int64 // and directories, read out of commits
	mirror   atomic.Int64 // other questions to the mirror, of which each reads objects
	checkout atomic.Int64 // commits taken out for a run
	plans    atomic.Int64

	mu    sync.Mutex
	trees map[string]string // where commits lie that all runs share; nil: each run gets its own, as the agent does it
}

// counts are the figures of a work, or the difference of two.
type counts struct{ commits, polls, files, mirror, checkouts, plans int64 }

func (w *work) now() counts {
	return counts{w.commits.Load(), w.polls.Load(), w.files.Load(), w.mirror.Load(), w.checkout.Load(), w.plans.Load()}
}

func (c counts) less(o counts) counts {
	return counts{c.commits - o.commits, c.polls - o.polls, c.files - o.files, c.mirror - o.mirror, c.checkouts - o.checkouts, c.plans - o.plans}
}

// stubbed is a house whose work is counted and whose terraform is a function here that costs next to nothing. Git, the store and
// everything of the agent's are real.
type stubbed struct {
	*house
	work *work
	repo *gittest.Repo
}

// newStubbed starts an agent that has the roots of a repository as its stacks.
func newStubbed(tb testing.TB, r *gittest.Repo, schedule string, w *work) *stubbed {
	tb.Helper()
	body := fmt.Sprintf("repository \"infra\" {\n  url = \"file://%s\"\n  branch = \"main\"\n  schedule = %q\n}\nstacks \"roots/*\" {\n}\n", r.Bare, schedule)
	i := agenttest.New(tb, body)
	h := &house{Installation: i, tb: tb}
	exe, err := os.Executable()
	must(tb, err)
	h.stop = i.Start(agent.Options{Version: "bench", Executable: exe, Jitter: func() float64 { return 0 }, Outside: agent.Outside{
		Outside:   active.Outside{Mirror: w.open, Tool: stubTool(write(tb, i.Path("terraform"), "nothing", 0o700))},
		Terraform: stubTerraform{w},
		Records:   func(s *store.Store) journal.Store { return countedStore{s, w} },
	}}).Stop
	return &stubbed{house: h, work: w, repo: r}
}

type countedStore struct {
	*store.Store
	work *work
}

func (s countedStore) Update(f func(*store.Tx) error) error {
	s.work.commits.Add(1)
	return s.Store.Update(f)
}

func (w *work) open(o repo.Options) (active.Mirror, error) {
	m, err := active.OpenMirror(o)
	if err != nil {
		return nil, err
	}
	return countedMirror{m, w}, nil
}

// countedMirror counts what is asked most.
type countedMirror struct {
	active.Mirror
	work *work
}

func (m countedMirror) Poll(ctx context.Context) (repo.Tip, error) {
	m.work.polls.Add(1)
	return m.Mirror.Poll(ctx)
}

func (m countedMirror) Fetch(ctx context.Context, commit string) error {
	m.work.mirror.Add(1)
	return m.Mirror.Fetch(ctx, commit)
}

func (m countedMirror) Commit(hash string) (repo.Commit, error) {
	m.work.mirror.Add(1)
	return m.Mirror.Commit(hash)
}

func (m countedMirror) Descends(ctx context.Context, older, newer string) (repo.Ancestry, error) {
	m.work.mirror.Add(1)
	return m.Mirror.Descends(ctx, older, newer)
}

func (m countedMirror) Between(ctx context.Context, older, newer string, limit int) ([]repo.Commit, bool, error) {
	m.work.mirror.Add(1)
	return m.Mirror.Between(ctx, older, newer, limit)
}

func (m countedMirror) Changed(ctx context.Context, a, b string) ([]string, error) {
	m.work.mirror.Add(1)
	return m.Mirror.Changed(ctx, a, b)
}

func (m countedMirror) TouchedBy(ctx context.Context, commit string) ([]string, error) {
	m.work.mirror.Add(1)
	return m.Mirror.TouchedBy(ctx, commit)
}

func (m countedMirror) Materialise(ctx context.Context, commit, dir string, o repo.MaterialiseOptions) error {
	m.work.checkout.Add(1)
	if m.work.trees == nil {
		return m.Mirror.Materialise(ctx, commit, dir, o)
	}
	m.work.mu.Lock()
	defer m.work.mu.Unlock()
	at := m.work.trees[commit]
	if at == "" {
		at = filepath.Join(m.work.trees[""], commit)
		t, err := m.Mirror.Tree(commit)
		if err == nil {
			err = export(t, ".", at)
		}
		if err != nil {
			return err
		}
		m.work.trees[commit] = at
	}
	return errors.Join(os.MkdirAll(dir, 0o700), os.Symlink(filepath.Join(at, "roots"), filepath.Join(dir, "roots")))
}

// export writes a directory of a commit.
func export(t stack.Tree, from, to string) error {
	list, err := t.ReadDir(from)
	if err != nil {
		return err
	}
	err = os.MkdirAll(to, 0o700)
	for _, e := range list {
		at, into := path.Join(from, e.Name()), filepath.Join(to, e.Name())
		if e.IsDir() {
			err = errors.Join(err, export(t, at, into))
			continue
		}
		text, readErr := t.ReadFile(at)
		err = errors.Join(err, readErr, os.WriteFile(into, text, 0o600))
	}
	return err
}

func (m countedMirror) Tree(commit string) (stack.Tree, error) {
	t, err := m.Mirror.Tree(commit)
	if err != nil {
		return nil, err
	}
	return countedTree{t, m.work}, nil
}

type countedTree struct {
	stack.Tree
	work *work
}

func (t countedTree) ReadFile(path string) ([]byte, error) {
	t.work.files.Add(1)
	return t.Tree.ReadFile(path)
}

func (t countedTree) ReadDir(path string) ([]fs.DirEntry, error) {
	t.work.files.Add(1)
	return t.Tree.ReadDir(path)
}

// stubTool finds a small file in the place of terraform.
func stubTool(at string) func(context.Context, tools.Options) (tools.Tool, error) {
	return func(context.Context, tools.Options) (tools.Tool, error) {
		return tools.Tool{Path: at, Version: "1.11.4"}.Looked()
	}
}

func digest(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }

// stubTerraform plans one object for every root, from the text of its main.tf.
type stubTerraform struct{ work *work }

var _ engine.Terraform = stubTerraform{}

func (s stubTerraform) Plan(_ context.Context, o terraform.PlanOptions) (*terraform.PlanResult, error) {
	s.work.plans.Add(1)
	text, err := os.ReadFile(filepath.Join(o.WorkDir, "main.tf"))
	if err != nil {
		return nil, err
	}
	var raw bytes.Buffer
	z := zip.NewWriter(&raw)
	f, err := z.Create("tfplan")
	if err == nil {
		_, err = f.Write(text)
	}
	if err = errors.Join(err, z.Close()); err != nil {
		return nil, err
	}
	file := filepath.Join(o.OutDir, "plan.tfplan")
	paths := environ.Options{Home: o.Home, TempDir: filepath.Join(o.OutDir, "tmp"), DataDir: o.DataDir, CLIConfigFile: filepath.Join(o.OutDir, "cli.tfrc")}
	if err := errors.Join(os.WriteFile(file, raw.Bytes(), 0o600), paths.Save(o.OutDir)); err != nil {
		return nil, err
	}
	return &terraform.PlanResult{PlanFile: file, Text: "one object\n", Plan: store.Plan{
		Digest: digest(raw.String()), Fingerprint: digest(string(text)), Configuration: digest("c" + string(text)), Add: 1, Outputs: []store.Output{},
		Changes:  []store.Change{{Address: "terraform_data.a", Actions: []string{"create"}, Class: store.ClassConfig, Type: "terraform_data", Values: digest("v" + string(text))}},
		NewState: true, Version: o.Tool.Version, Binary: o.Tool.Path, BinaryDigest: o.Tool.Digest, Lineage: o.Stack, PlanSeconds: 0.001,
	}}, nil
}

func (stubTerraform) Unlock(context.Context, terraform.PlanOptions, string) error {
	return errors.New("nothing is locked here")
}

func (stubTerraform) PushState(context.Context, terraform.PlanOptions, string) error {
	return errors.New("no state is kept here")
}
