package runner_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"sallyport/agent/need"
	"sallyport/agent/patience"
	"sallyport/agent/runner"
	"sallyport/agent/terraform/tftest"
)

// agentVerb makes the test binary a stand-in for the agent: it starts the runner of the options on its standard input,
// says so, and stays until it is killed.
const agentVerb = "agent-for-test"

// canary stands for a credential: it may reach terraform and must not be on the disk.
const canary = "canary-7d41c0ffee"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case runner.Verb:
			need.Exit(runner.Main(os.Args[2:]))
		case agentVerb:
			need.Exit(agent())
		}
	}
	os.Setenv("SALLYPORT_TEST_POISON", "must not reach terraform")
	os.Exit(need.Main(m, need.Terraform, tftest.Lean))
}

func agent() int {
	var o runner.Options
	if err := json.NewDecoder(os.Stdin).Decode(&o); err != nil {
		fmt.Println(err)
		return 1
	}
	h, err := runner.Start(context.Background(), o)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("started", h.PID)
	select {}
}

// A run is a planned run in a directory of its own, with gates that the configuration can wait at.
type run struct {
	t     *testing.T
	root  string // everything is below
	dir   string // the run's directory
	src   string // the root module in the run's checkout
	state string // the state file
	opts  runner.Options
}

// newRun plans a configuration with real terraform. In it, @STATE, @ROOT and @SRC stand for paths; `@GATE` for a
// command that makes ROOT/reached and waits until [run.open].
func newRun(t *testing.T, config string) *run {
	t.Helper()
	return newRunIn(t, tempDir(t), config)
}

func newRunIn(t *testing.T, root, config string) *run {
	t.Helper()
	binary, err := exec.LookPath("terraform")
	must(t, err)
	r := &run{t: t, root: root, dir: filepath.Join(root, "runs", "12")}
	r.src = filepath.Join(r.dir, "source", "ghe")
	r.state = filepath.Join(root, "ghe.tfstate")
	for _, dir := range []string{r.src, filepath.Join(root, "home")} {
		must(t, os.MkdirAll(dir, 0o700))
	}
	must(t, syscall.Mkfifo(filepath.Join(root, "gate"), 0o600))
	t.Cleanup(r.drain)
	write(t, filepath.Join(root, "terraform.rc"), "")
	config = strings.NewReplacer("@STATE", r.state, "@ROOT", root, "@SRC", r.src,
		"@GATE", "touch "+root+"/reached && exec cat "+root+"/gate").Replace(config)
	if !strings.Contains(config, "backend") {
		config = fmt.Sprintf("terraform {\n  backend \"local\" {\n    path = %q\n  }\n}\n", r.state) + config
	}
	write(t, filepath.Join(r.src, "main.tf"), config)
	plan := filepath.Join(r.dir, "plan.tfplan")
	r.opts = runner.Options{Executable: executable(t), RunDir: r.dir, Job: runner.Job{
		Run: 12, Stack: "ghe", Terraform: binary, Dir: r.src, PlanFile: plan, LockTimeout: 5 * time.Second,
		Env: []string{
			"PATH=" + os.Getenv("PATH"), "HOME=" + filepath.Join(root, "home"), "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1",
			"TF_CLI_CONFIG_FILE=" + filepath.Join(root, "terraform.rc"), "CLOUD_SECRET=" + canary,
		},
	}}
	return r
}

// plan makes the plan, with the given environment added.
func (r *run) plan() *run {
	r.t.Helper()
	r.terraform("init", "-no-color", "-input=false")
	r.terraform("plan", "-no-color", "-input=false", "-out="+r.opts.Job.PlanFile)
	must(r.t, os.Chmod(r.opts.Job.PlanFile, 0o600))
	r.opts.Job.Digest = digest(r.t, r.opts.Job.PlanFile)
	return r
}

func (r *run) terraform(args ...string) string {
	r.t.Helper()
	cmd := exec.CommandContext(r.t.Context(), r.opts.Job.Terraform, args...)
	cmd.Dir, cmd.Env = r.src, r.opts.Job.Env
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("terraform %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (r *run) start() int {
	r.t.Helper()
	h, err := runner.Start(r.t.Context(), r.opts)
	must(r.t, err)
	return h.PID
}

// reached waits until the apply waits at its gate.
func (r *run) reached() {
	r.t.Helper()
	eventually(r.t, "the apply reaches its gate", func() bool { return has(filepath.Join(r.root, "reached")) })
}

// open lets one process through the gate.
func (r *run) open() {
	r.t.Helper()
	// Opening a fifo for writing waits for a reader, which is there or on its way.
	f, err := os.OpenFile(filepath.Join(r.root, "gate"), os.O_WRONLY, 0)
	must(r.t, err)
	must(r.t, f.Close())
}

// drain lets go of whatever a failed test left at the gate.
func (r *run) drain() {
	if f, err := os.OpenFile(filepath.Join(r.root, "gate"), os.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil {
		f.Close()
	}
}

// follow looks on until the apply is over.
func (r *run) follow() runner.State {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience.Limit())
	defer cancel()
	s, err := runner.FollowWith(ctx, quick(), r.dir, nil)
	if err != nil {
		r.t.Fatalf("following: %v\n%s", err, r.log())
	}
	return s
}

func (r *run) attach() runner.State {
	r.t.Helper()
	s, err := runner.Attach(r.dir)
	must(r.t, err)
	return s
}

// log is everything that helps to understand a failed test.
func (r *run) log() string {
	var b strings.Builder
	for _, name := range []string{"runner.log", "apply.jsonl", "apply.err", "result.json"} {
		raw, _ := os.ReadFile(filepath.Join(r.dir, name))
		fmt.Fprintf(&b, "--- %s\n%s", name, raw)
	}
	return b.String()
}

// terraformPID finds the one child of the runner.
func (r *run) terraformPID(runnerPID int) int {
	r.t.Helper()
	pids, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", runnerPID))
	must(r.t, err)
	for _, path := range pids {
		raw, err := os.ReadFile(path)
		must(r.t, err)
		if fields := strings.Fields(string(raw)); len(fields) == 1 {
			pid, err := strconv.Atoi(fields[0])
			must(r.t, err)
			return pid
		}
	}
	r.t.Fatalf("runner %d has no child", runnerPID)
	return 0
}

// stateText is the state that terraform has saved.
func (r *run) stateText() string {
	r.t.Helper()
	raw, err := os.ReadFile(r.state)
	must(r.t, err)
	return string(raw)
}

func quick() runner.FollowOptions { return runner.FollowOptions{Interval: 5 * time.Millisecond} }

// eventually waits for a condition that another process brings about.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(patience.Limit())
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("did not happen: %s", what)
		case <-tick.C:
		}
	}
}

// tempDir is like t.TempDir with a path short enough for unix sockets below it, and does not mind an orphan that
// writes to it while it is removed.
func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "run")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func executable(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	must(t, err)
	return path
}

func digest(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	must(t, err)
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

func write(t *testing.T, path, text string) {
	t.Helper()
	must(t, os.WriteFile(path, []byte(text), 0o600))
}

func has(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
