package agent_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/agent/control"
	"sallyport/agent/datadir"
	"sallyport/agent/hint"
	"sallyport/agent/peercred"
	"sallyport/agent/terraform/tftest"
	"sallyport/store"
)

func (h *house) exec(stdin string, args ...string) (stdout string, code int, err error) {
	var out, talk bytes.Buffer
	code, err = h.Client.Exec(context.Background(), control.ExecRequest{Stack: "box", Args: args},
		control.Streams{Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &talk})
	if code != 0 {
		h.t.Log(talk.String())
	}
	return out.String(), code, err
}

func TestExecRunsTerraformForAPerson(t *testing.T) {
	t.Parallel()
	s, b := workspace(t), tftest.NewBackend(t)
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one") + "output \"o\" { value = \"what\" }\n", "box/backend.tf": b.Block()})
	h := newHouse(t, box(r, "")+asking(s)).start()
	h.settle()
	if out, code, err := h.exec("", "state", "list"); out != "terraform_data.a\n" || code != 0 || err != nil {
		t.Errorf("state list: %q, %d, %v", out, code, err)
	}
	if out, _, err := h.exec("", "output", "-raw", "o"); out != "what" || err != nil {
		t.Errorf("output: %q, %v", out, err)
	}
	if out, code, err := h.exec("", "validate"); !strings.HasPrefix(out, "Success! The configuration is valid.") || strings.Contains(out, "\x1b") || code != 0 || err != nil {
		t.Errorf("validate: %q, %d, %v; a file or a pipe wants no colours", out, code, err)
	}
	if _, code, err := h.exec("", "state", "show", "terraform_data.none"); code != 1 || err != nil {
		t.Errorf("a failing command: %d, %v", code, err)
	}
	if out, code, err := h.exec("", "state", "mv", "terraform_data.a", "terraform_data.b"); code != 0 || err != nil {
		t.Errorf("state mv: %q, %d, %v", out, code, err)
	}
	said(t, s, "", `ran "terraform state mv terraform_data.a terraform_data.b" on box (exit code 0). The state of before is kept`)
	if list := h.copies(); len(list) != 2 || list[0].Run != 0 || list[0].Resources != 1 {
		t.Errorf("%+v", list)
	}
	// A pulled state goes back as it came.
	pulled, _, err := h.exec("", "state", "pull")
	if err != nil || !strings.Contains(pulled, `"name": "b"`) {
		t.Fatalf("%q, %v", pulled, err)
	}
	serial := h.copies()[0].Serial + 1
	next := strings.Replace(pulled, `"serial": `, `"serial": 9`, 1)
	if _, code, err := h.exec(next, "state", "push", "-"); code != 0 || err != nil {
		t.Errorf("state push: %d, %v", code, err)
	}
	if h.copies()[0].Serial != serial {
		t.Errorf("%+v, want serial %d", h.copies(), serial)
	}
	for words, args := range map[string][]string{
		"sallyport plan box, and approve": {"apply", "-auto-approve"}, "sallyport plan box --destroy": {"destroy"},
		"does not take -state": {"state", "list", "-state=/etc/passwd"}, "does not take -backup": {"state", "rm", "-backup", "/etc/x", "a.b"},
		"files of the agent's machine": {"state", "push", "/etc/passwd"}, "does not take -lock": {"state", "rm", "-lock=false", "a.b"},
		`run terraform "providers mirror"`: {"providers", "mirror", "/tmp/x"}, "run terraform console": {"console"}, "which command": {},
		`run terraform "-chdir=/ state"`: {"-chdir=/", "state", "list"},
	} {
		if _, _, err := h.exec("", args...); err == nil || !strings.Contains(err.Error()+" "+hint.Of(err), words) {
			t.Errorf("%q: %v, want %q", args, err, words)
		}
	}
	if st := h.stack(); st.Occupied != nil {
		t.Errorf("still occupied: %+v", st.Occupied)
	}
}

// stack is the one stack of a house as status has it.
func (h *house) stack() control.Stack {
	h.t.Helper()
	s, err := h.Client.Status(context.Background())
	if err != nil {
		h.t.Fatal(err)
	}
	return s.Stacks[0]
}

// While somebody is at it nothing of the stack moves; when their process dies it goes on by itself.
func TestExecHoldsTheStackAndLetsItGo(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, "")).start()
	h.settle()
	// state push reads its state from stdin to the end: it lasts until somebody closes that, or is gone.
	stdin, typing := io.Pipe()
	ctx, die := context.WithCancel(context.Background())
	defer die()
	ended := make(chan error, 1)
	go func() {
		_, err := h.Client.Exec(ctx, control.ExecRequest{Stack: "box", Args: []string{"state", "push", "-"}}, control.Streams{Stdin: stdin, Stdout: io.Discard, Stderr: io.Discard})
		ended <- err
	}()
	st := h.Eventually("occupied", func(s control.Status) bool { return s.Stacks[0].Occupied != nil }).Stacks[0]
	if !strings.HasPrefix(st.Occupied.By, "cli:") || st.Occupied.Reason != "terraform state push -" {
		t.Errorf("%+v", st.Occupied)
	}
	id := h.plan("box", false)
	run := h.heldBy(num(id), "its state is being worked on by cli:")
	if run.Status != store.Pending {
		t.Errorf("%+v", run)
	}
	_, _, err := h.exec("", "state", "list")
	refusedFor(t, err, "being worked on")
	_, err = h.restoreState("run-1")
	refusedFor(t, err, "being worked on")
	die()
	<-ended
	if err := typing.Close(); err != nil {
		t.Fatal(err)
	}
	h.Reaches(num(id), store.NoChanges)
	if st := h.stack(); st.Occupied != nil {
		t.Errorf("still occupied: %+v", st.Occupied)
	}
}

func TestExecNeedsTheRightToApprove(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, "cli_approvals = false\n"+box(r, "")+asking(workspace(t))).start()
	h.Reaches("1", store.Planned)
	_, _, err := h.exec("", "state", "list")
	refusedFor(t, err, "cli_approvals is off")
	_, err = h.restoreState("1")
	refusedFor(t, err, "cli_approvals is off")
	_, err = h.Client.States(t.Context(), "box")
	refusedFor(t, err, "cli_approvals is off")
	refusedFor(t, h.Client.Backup(t.Context(), control.BackupRequest{}, io.Discard), "cli_approvals is off")
}

// Nobody has approved the files of a stack that was never applied: they get the secrets of applies when somebody names the commit.
func TestExecOfWhatWasNeverAppliedNamesTheCommit(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	commit := r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, `apply_env = { KEY = "apply" }`)).start()
	h.Reaches("1", store.Planned)
	const state = `{"version": 4, "terraform_version": "1.11.4", "serial": 1, "lineage": "l", "outputs": {}, "resources": []}`
	_, _, err := h.exec(state, "state", "push", "-")
	refusedFor(t, err, "nobody has approved the files")
	if want := "sallyport exec --commit " + commit + " box -- ..."; !strings.Contains(hint.Of(err), want) {
		t.Errorf("hint %q, want %q", hint.Of(err), want)
	}
	push := func(at string) (int, error) {
		return h.Client.Exec(t.Context(), control.ExecRequest{Stack: "box", Args: []string{"state", "push", "-"}, Commit: at},
			control.Streams{Stdin: strings.NewReader(state), Stdout: io.Discard, Stderr: io.Discard})
	}
	_, err = push(strings.Repeat("0", 40))
	refusedFor(t, err, "not at")
	if code, err := push(commit); code != 0 || err != nil {
		t.Errorf("%d, %v", code, err)
	}
}

// The socket's group may look and decide; a state in clear, with what secrets it holds, is for root and the agent's own user.
func TestStatesInClearTakeRoot(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, "")).start()
	h.Reaches("1", store.Planned)
	desk := h.agent.CommandLine()
	member := peercred.Caller{UID: os.Geteuid() + 1000, User: "member", PID: os.Getpid()}
	run := func(c peercred.Caller, args ...string) error {
		_, err := desk.Exec(t.Context(), control.ExecRequest{Stack: "box", Args: args, By: c}, control.Streams{Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: io.Discard})
		return err
	}
	for _, args := range [][]string{
		{"state", "pull"}, {"state", "show", "terraform_data.a"}, {"state", "identities", "-json"}, {"state", "-x"}, {"state"}, {"show"}, {"show", "-json"}, {"output", "-json"},
		{"output"}, {"later"},
	} {
		if err := run(member, args...); err == nil || !strings.Contains(err.Error(), "takes root") {
			t.Errorf("%q: %v", args, err)
		}
	}
	refusedFor(t, desk.Backup(t.Context(), control.BackupRequest{By: member}, io.Discard), "takes root")
	for _, c := range []peercred.Caller{{UID: 0, User: "root", PID: os.Getpid()}, {UID: os.Geteuid(), User: "agent", PID: os.Getpid()}} {
		if err := desk.Backup(t.Context(), control.BackupRequest{By: c}, io.Discard); err != nil {
			t.Errorf("%s: %v", c.User, err)
		}
	}
	if err := run(member, "version"); err != nil {
		t.Errorf("what shows no state: %v", err)
	}
}

// An agent that dies in the middle takes the command with it: the next one lets the stack go on, and says so.
func TestWhatADeadAgentWasAtIsLetGo(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, "")).start()
	h.settle()
	h.stop()
	st, err := store.Open(store.Options{Path: datadir.Store(filepath.Join(h.Dir, "data"))})
	if err != nil {
		t.Fatal(err)
	}
	err = st.Update(func(tx *store.Tx) error {
		s, err := tx.Stack("box")
		if err != nil {
			return err
		}
		s.Occupied = &store.Pause{By: "cli:jane", At: s.AppliedAt, Reason: "terraform state mv a b"}
		return tx.PutStack(s)
	})
	if err := errors.Join(err, st.Close()); err != nil {
		t.Fatal(err)
	}
	h.start()
	id := h.plan("box", false)
	h.Reaches(num(id), store.NoChanges)
	h.Eventually("told", func(s control.Status) bool { return s.Outbox == 0 })
	if told := strings.Join(h.Told(), "\n"); !strings.Contains(told, "jane was at work on the state of box (terraform state mv a b) when the agent stopped") {
		t.Errorf("told: %s", told)
	}
}
