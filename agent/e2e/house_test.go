package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sallyport/agent/agenttest"
	"sallyport/agent/patience"
)

// eventually looks at something again and again until it is so. look returns whether it is, and what it saw, which
// the failure shows. It is the only way in which these tests wait for what has no event of its own.
func eventually(t *testing.T, what string, look func() (ok bool, saw any)) {
	t.Helper()
	eventuallyWithin(t, patience.Limit(), what, look)
}

func eventuallyWithin(t *testing.T, limit time.Duration, what string, look func() (ok bool, saw any)) {
	t.Helper()
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	again := time.NewTicker(40 * time.Millisecond)
	defer again.Stop()
	for {
		ok, saw := look()
		if ok {
			return
		}
		select {
		case <-again.C:
		case <-deadline.C:
			t.Fatalf("it never happened within %s: %s; last seen: %+v", limit, what, saw)
		}
	}
}

// house is an installation with the program, whose agent is a process of its own, and its command line.
type house struct {
	*agenttest.Installation
	t   *testing.T
	env []string

	binary string   // the program
	faults []string // what is added to the environment of an agent that is started

	mu     sync.Mutex
	spoken bytes.Buffer // everything that the command line printed

	as    *syscall.SysProcAttr // how the agent is started; nil: as everything else
	agent *exec.Cmd
	ended chan error // the agent's end
}

// newHouse writes a configuration. body is everything but data_dir and socket.
func newHouse(t *testing.T, body string, env ...string) *house {
	t.Helper()
	whole(t)
	h := &house{Installation: agenttest.New(t, body), t: t, binary: binary, env: env}
	h.Configure(body)
	t.Cleanup(h.tearDown)
	return h
}

// tearDown ends everything of the house and removes it; it may be called again.
func (h *house) tearDown() {
	h.kill()
	killBelow(h.Dir)
	h.Remove()
}

// killBelow ends every process that works below a directory of ours: runners outlive their agent on purpose.
func killBelow(dir string) int {
	n := 0
	for _, pid := range pidsBelow(dir) {
		if syscall.Kill(pid, syscall.SIGKILL) == nil {
			n++
		}
	}
	return n
}

func write(t *testing.T, file, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

func (h *house) command(args ...string) *exec.Cmd {
	cmd := h.Command(h.binary, args...)
	cmd.Env = append(cmd.Env, h.env...)
	return cmd
}

// spoke is everything that the command line printed so far.
func (h *house) spoke() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.spoken.String()
}

// launch starts an agent without waiting for anything.
func (h *house) launch() {
	h.t.Helper()
	cmd := h.command("agent")
	cmd.Env = append(cmd.Env, h.faults...)
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = h, h, h.as
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	h.agent, h.ended = cmd, ended
}

// start starts an agent and waits until it answers.
func (h *house) start() *house {
	h.t.Helper()
	h.launch()
	look := h.glances(h.allStatus)
	eventually(h.t, "the agent answers", func() (bool, any) {
		select {
		case err := <-h.ended:
			h.ended <- err
			h.t.Fatalf("the agent ended at once: %v", err)
		default:
		}
		if !look.worth() {
			return false, nil
		}
		r := h.try("status", "--json")
		return r.code == 0 && strings.Contains(r.stdout, `"running": true`), r
	})
	return h
}

// end waits for the agent's end and returns its exit code, -1 if a signal ended it.
func (h *house) end() int {
	h.t.Helper()
	select {
	case <-h.ended:
	case <-time.After(patience.Limit()):
		h.t.Fatal("the agent does not end")
	}
	code := h.agent.ProcessState.ExitCode()
	h.agent = nil
	return code
}

// stop ends the agent as systemd does.
func (h *house) stop() {
	h.t.Helper()
	h.signal(syscall.SIGTERM)
	if code := h.end(); code != 0 {
		h.t.Errorf("the agent's exit code after SIGTERM is %d", code)
	}
}

// kill ends the agent as the kernel does; nothing if none runs.
func (h *house) kill() {
	h.t.Helper()
	if h.agent == nil {
		return
	}
	h.signal(syscall.SIGKILL)
	h.end()
}

func (h *house) signal(s syscall.Signal) {
	h.t.Helper()
	if err := h.agent.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		h.t.Fatal(err)
	}
}

// result is what a call of the command line gave.
type result struct {
	stdout, stderr string
	code           int
}

// try runs a verb.
func (h *house) try(args ...string) result {
	h.t.Helper()
	cmd := h.command(args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		h.t.Fatal(err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.spoken.Write(stdout.Bytes())
	h.spoken.Write(stderr.Bytes())
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// must runs a verb that has to succeed and returns what it printed.
func (h *house) must(args ...string) string {
	h.t.Helper()
	r := h.try(args...)
	if r.code != 0 {
		h.t.Fatalf("sallyport %s: exit code %d\n%s%s", strings.Join(args, " "), r.code, r.stdout, r.stderr)
	}
	return r.stdout
}

// refused runs a verb that has to fail with a code, as all failures are told, and checks parts of what it says.
func (h *house) refused(code int, args []string, says ...string) result {
	h.t.Helper()
	r := h.try(args...)
	if r.code != code {
		h.t.Errorf("sallyport %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), r.code, code, r.stdout, r.stderr)
	}
	if !strings.Contains(r.stderr, "sallyport: error: ") {
		h.t.Errorf("sallyport %s: no error line:\n%s", strings.Join(args, " "), r.stderr)
	}
	for _, part := range says {
		if !strings.Contains(r.stderr, part) {
			h.t.Errorf("sallyport %s: %q is not in\n%s", strings.Join(args, " "), part, r.stderr)
		}
	}
	return r
}

func decode[T any](t *testing.T, text string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("reading %q: %v", text, err)
	}
	return v
}

func (h *house) status() status {
	h.t.Helper()
	return decode[status](h.t, h.must("status", "--json"))
}

// stack is the only stack, or the one of that name, in the status.
func (h *house) stack(name string) stack {
	h.t.Helper()
	for _, s := range h.status().Stacks {
		if s.Name == name {
			return s
		}
	}
	h.t.Fatalf("there is no stack %s in status", name)
	return stack{}
}

func (h *house) show(ref string) run {
	h.t.Helper()
	return decode[run](h.t, h.must("show", ref, "--json"))
}

// number is the run that a stack's name stands for now: decisions name their run.
func (h *house) number(stack string) string {
	h.t.Helper()
	return fmt.Sprint(h.show(stack).ID)
}

func (h *house) runs() []run {
	h.t.Helper()
	return decode[[]run](h.t, h.must("runs", "--json"))
}

// until waits for a run to be as wanted. ref is a number, or a stack with one open run.
func (h *house) until(ref, what string, want func(run) bool) run {
	h.t.Helper()
	var found run
	look := h.glances(func(ctx context.Context) (any, error) { return h.Client.Run(ctx, ref) })
	eventually(h.t, "run "+ref+" is "+what, func() (bool, any) {
		if !look.worth() {
			return false, found
		}
		r := h.try("show", ref, "--json")
		if r.code != 0 {
			return false, r.stderr
		}
		found = decode[run](h.t, r.stdout)
		return want(found), r.stdout
	})
	return found
}

// reaches waits for a status.
func (h *house) reaches(ref, status string) run {
	h.t.Helper()
	return h.until(ref, status, func(r run) bool { return r.Status == status })
}

// sees waits for the whole status to be as wanted.
func (h *house) sees(what string, want func(status) bool) status {
	h.t.Helper()
	return h.seesWithin(patience.Limit(), what, want)
}

func (h *house) seesWithin(limit time.Duration, what string, want func(status) bool) status {
	h.t.Helper()
	var found status
	look := h.glances(h.allStatus)
	eventuallyWithin(h.t, limit, what, func() (bool, any) {
		if !look.worth() {
			return false, found
		}
		r := h.try("status", "--json")
		if r.code != 0 {
			return false, r.stderr
		}
		found = decode[status](h.t, r.stdout)
		return want(found), r.stdout
	})
	return found
}

// appears waits for a file.
func (h *house) appears(file string) {
	h.t.Helper()
	eventually(h.t, file+" is there", func() (bool, any) { return exists(file), nil })
}

// written waits for the first whole line of a file. A shell makes the file before it writes to it.
func (h *house) written(file string) {
	h.t.Helper()
	eventually(h.t, file+" is written", func() (bool, any) {
		text, err := os.ReadFile(file)
		return strings.HasSuffix(string(text), "\n"), err
	})
}
