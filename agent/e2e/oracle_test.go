package e2e

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// An oracle writes down what really ran: a program in the place of terraform that notes the start and the end of the real
// one in a file that the agent does not know, durably, before it goes on. What the agent says is held against it.
//
// The program is this test binary, for plan and apply; the rest is terraform's own. Killing it kills the real terraform with it,
// as if the two were one; provisioners that terraform started live on, as they do without it.
type oracle struct {
	t    *testing.T
	dir  string
	file string
}

// What the program is called as; the second one also asks terraform what each plan does, which is a start of it more.
const (
	oracleWord  = "oracle-terraform"
	showingWord = "oracle-terraform-shows"
)

// deed is one line of the oracle's file.
type deed struct {
	At      time.Time `json:"at"`
	Mark    string    `json:"mark"` // START or END
	Verb    string    `json:"verb"` // terraform's, or provision
	PID     int       `json:"pid"`  // of the program in terraform's place
	Args    []string  `json:"args,omitempty"`
	Dir     string    `json:"dir"`
	Run     int       `json:"run,omitempty"`   // of the directory in which it runs
	Stack   string    `json:"stack,omitempty"` // the last part of the directory
	Plan    string    `json:"plan,omitempty"`  // SHA-256: of what apply got at START, of what plan wrote at END
	Version string    `json:"version,omitempty"`
	// Actions are those of the plan that was written, as terraform itself shows it to an oracle that asks.
	Actions []string `json:"actions,omitempty"`
	Code    int      `json:"code"`
	Signal  string   `json:"signal,omitempty"`
}

// newOracle makes an oracle with an empty file.
func newOracle(t *testing.T) *oracle { return newOracleAs(t, oracleWord) }

// newShowingOracle makes one that also writes down what each plan does.
func newShowingOracle(t *testing.T) *oracle { return newOracleAs(t, showingWord) }

func newOracleAs(t *testing.T, word string) *oracle {
	t.Helper()
	dir := t.TempDir()
	o := &oracle{t: t, dir: dir, file: filepath.Join(dir, "oracle.jsonl")}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf("#!/bin/sh\ncase $1 in plan|apply) exec %s %s %s %[4]s \"$@\";; esac\nexec %[4]s \"$@\"\n", self, word, o.file, terraformPath(t))
	program(t, o.terraform(), []byte(script))
	return o
}

// terraform is the program to configure as terraform { binary }.
func (o *oracle) terraform() string { return filepath.Join(o.dir, "terraform") }

// block is that configuration.
func (o *oracle) block() string { return fmt.Sprintf("terraform {\n  binary = %q\n}\n", o.terraform()) }

// provision is a local-exec command that notes its start, says something (the shell puts in variables), lasts a while, and
// notes its end.
func (o *oracle) provision(stack, version string, lasts time.Duration, says string) string {
	self, err := os.Executable()
	if err != nil {
		o.t.Fatal(err)
	}
	return fmt.Sprintf("%s oracle-provision %s %s %s %s \"%s\"", self, o.file, stack, version, lasts, says)
}

// deeds are what was written down so far, in order.
func (o *oracle) deeds() []deed {
	f, err := os.Open(o.file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		o.t.Fatal(err)
	}
	defer f.Close()
	var out []deed
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var d deed
		if json.Unmarshal(lines.Bytes(), &d) == nil { // the last line may be in the making
			out = append(out, d)
		}
	}
	return out
}

// applies are the starts of `terraform apply`.
func (o *oracle) applies() []deed {
	var out []deed
	for _, d := range o.deeds() {
		if d.Verb == "apply" && d.Mark == "START" {
			out = append(out, d)
		}
	}
	return out
}

// oracleMain is this binary in another role; ok is false if it is just the tests.
func oracleMain() (code int, ok bool) {
	switch {
	case len(os.Args) > 4 && (os.Args[1] == oracleWord || os.Args[1] == showingWord):
		return playTerraform(os.Args[1], os.Args[2], os.Args[3], os.Args[4:]), true
	case len(os.Args) == 7 && os.Args[1] == "oracle-provision":
		return playProvisioner(os.Args[2], os.Args[3], os.Args[4], os.Args[5], os.Args[6]), true
	}
	return 0, false
}

// playTerraform runs the real terraform between two notes.
func playTerraform(word, file, terraform string, args []string) int {
	// The death signal below is sent when the thread ends that started the child: it must be this one, which lasts.
	runtime.LockOSThread()
	note := deed{Verb: args[0], PID: os.Getpid(), Args: args}
	note.Dir, _ = os.Getwd()
	note.Run, note.Stack = placeOf(note.Dir)
	note.Version = versionIn(note.Dir)
	if note.Verb == "apply" {
		note.Plan = sumOf(args[len(args)-1])
	}
	if err := writeDown(file, "START", note); err != nil {
		fmt.Fprintln(os.Stderr, "the oracle cannot write:", err)
		return 97
	}
	end := passOn(exec.Command(terraform, args...))
	note.Code, note.Signal = end.code, end.signal
	for _, arg := range args {
		if out, ok := strings.CutPrefix(arg, "-out="); ok && note.Verb == "plan" {
			note.Plan = sumOf(out)
			if word == showingWord {
				note.Actions = actionsOf(terraform, out)
			}
		}
	}
	if err := writeDown(file, "END", note); err != nil {
		fmt.Fprintln(os.Stderr, "the oracle cannot write:", err)
		return 97
	}
	if end.signal != "" {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL) // it ends as terraform did
	}
	return end.code
}

type ending struct {
	code   int
	signal string
}

// passOn runs a program with this one's files and signals.
func passOn(cmd *exec.Cmd) ending {
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	// A group of its own: a signal to the group of this program would come twice.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	asked := make(chan os.Signal, 8)
	signal.Notify(asked, syscall.SIGINT, syscall.SIGTERM)
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "the oracle cannot start terraform:", err)
		return ending{code: 98}
	}
	go func() {
		for s := range asked {
			_ = cmd.Process.Signal(s)
		}
	}()
	err := cmd.Wait()
	if ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return ending{-1, ws.Signal().String()}
	}
	if err != nil && cmd.ProcessState.ExitCode() == 0 {
		return ending{code: 98}
	}
	return ending{code: cmd.ProcessState.ExitCode()}
}

// playProvisioner is what a resource of the tests does when it is made.
func playProvisioner(file, stack, version, lasts, says string) int {
	note := deed{Verb: "provision", PID: os.Getpid(), Stack: stack, Version: version}
	if err := writeDown(file, "START", note); err != nil {
		return 97
	}
	fmt.Println(says)
	if d, err := time.ParseDuration(lasts); err == nil {
		<-time.After(d)
	}
	if err := writeDown(file, "END", note); err != nil {
		return 97
	}
	return 0
}

// writeDown appends one note and waits until the disk has it.
func writeDown(file, mark string, d deed) error {
	d.Mark, d.At = mark, time.Now()
	line, err := json.Marshal(d)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(append(line, '\n')); err != nil {
		return err
	}
	return f.Sync()
}

// placeOf reads the run and the stack from a path like .../runs/12/src/box.
func placeOf(dir string) (run int, stack string) {
	parts := strings.Split(dir, "/")
	for i, p := range parts {
		if p == "runs" && i+1 < len(parts) {
			run, _ = strconv.Atoi(parts[i+1])
		}
	}
	return run, filepath.Base(dir)
}

// versionIn is what a line like "# version 7" of the configuration says.
func versionIn(dir string) string {
	text, err := os.ReadFile(filepath.Join(dir, "main.tf"))
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if version, ok := strings.CutPrefix(line, "# version "); ok {
			return strings.TrimSpace(version)
		}
	}
	return ""
}

// sumOf is the SHA-256 of a file, empty if it cannot be read.
func sumOf(file string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return ""
	}
	return hex.EncodeToString(h.Sum(nil))
}

// actionsOf asks terraform what a plan does: "delete terraform_data.a", one for each action.
func actionsOf(terraform, file string) []string {
	text, err := exec.Command(terraform, "show", "-json", file).Output()
	if err != nil {
		return nil
	}
	var plan struct {
		Changes []struct {
			Address string `json:"address"`
			Change  struct {
				Actions []string `json:"actions"`
			} `json:"change"`
		} `json:"resource_changes"`
	}
	if json.Unmarshal(text, &plan) != nil {
		return nil
	}
	var out []string
	for _, c := range plan.Changes {
		for _, action := range c.Change.Actions {
			if action != "no-op" && action != "read" {
				out = append(out, action+" "+c.Address)
			}
		}
	}
	return out
}

// TestOracle makes sure that the oracle itself sees what runs: everything else relies on it.
func TestOracle(t *testing.T) {
	t.Parallel()
	i, o := newInfra(t), newShowingOracle(t)
	i.Commit("Add the box", map[string]string{"box/main.tf": "# version 7\n" + fmt.Sprintf(`
resource "terraform_data" "a" {
  provisioner "local-exec" {
    command = %q
  }
}
`, o.provision("box", "7", 0, "hello"))})
	h := newHouse(t, i.box()+o.block()).start()
	h.reaches("1", "planned")
	digest := h.show("1").Plan.Digest
	h.must("approve", "1")
	h.reaches("1", "applied")
	var seen []string
	for _, d := range o.deeds() {
		if d.Verb == "provision" || d.Run == 1 && d.Stack == "box" && d.Version == "7" && (d.Plan == digest || d.Verb == "plan" && d.Mark == "START") {
			seen = append(seen, fmt.Sprintf("%s %s %d %v", d.Verb, d.Mark, d.Code, d.Actions))
		}
	}
	want := []string{
		"plan START 0 []", "plan END 2 [create terraform_data.a]", "apply START 0 []", "provision START 0 []", "provision END 0 []", "apply END 0 []",
	}
	if !slices.Equal(seen, want) {
		t.Errorf("it saw %q, want %q; all: %+v", seen, want, o.deeds())
	}
}
