package agent_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/agent/control"
	"sallyport/agent/terraform/diag"
	"sallyport/agent/terraform/tftest"
	"sallyport/store"
)

// interrupted makes a house whose run 1 was killed in the middle of its apply while the agent was down. The agent is not
// started again yet.
func interrupted(t *testing.T, files map[string]string, more, rest string) *house {
	t.Helper()
	gate := t.TempDir()
	r := newRepository(t)
	all := map[string]string{"box/main.tf": slow(gate)}
	for name, text := range files {
		all[name] = text
	}
	r.commit("Add", all)
	h := newHouse(t, box(r, more)+rest).start()
	h.Reaches("1", store.Planned)
	h.MustDecide("1", "approve")
	h.waitFor(filepath.Join(gate, "started"))
	h.stop()
	killApply(t, filepath.Join(h.Dir, "data", "runs", "1"))
	if err := os.WriteFile(filepath.Join(gate, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return h
}

// heldBy waits for a pending run that says what holds it.
func (h *house) heldBy(ref, part string) control.Run {
	h.t.Helper()
	return h.Until(ref, "held by "+part, func(r control.Run) bool {
		return r.Status == store.Pending && strings.Contains(r.Held, part)
	})
}

func (h *house) unlock(id string) error {
	_, err := h.Client.Unlock(context.Background(), control.UnlockRequest{Stack: "box", LockID: id})
	return err
}

func (h *house) pushState(ref string) error {
	_, err := h.Client.PushState(context.Background(), control.PushStateRequest{Ref: ref})
	return err
}

// refusedFor checks that something was refused, with these words in the error and its hint.
func refusedFor(t *testing.T, err error, parts ...string) {
	t.Helper()
	var e *control.Error
	if !errors.As(err, &e) {
		t.Errorf("it was not refused: %v", err)
		return
	}
	for _, part := range parts {
		if !strings.Contains(e.Message+"\n"+e.Hint, part) {
			t.Errorf("no %q in %q, hint %q", part, e.Message, e.Hint)
		}
	}
}

func TestALeftStateLockHoldsTheStackUntilSomebodyUnlocksIt(t *testing.T) {
	t.Parallel()
	s, b := workspace(t), tftest.NewBackend(t)
	h := interrupted(t, map[string]string{"box/backend.tf": b.Block()}, `mention = ["U01JANE0"]`, asking(s))
	id := b.LockID()
	if id == "" {
		t.Fatal("the killed apply left no lock")
	}
	h.start()
	h.Reaches("1", store.Interrupted)
	waiting := h.heldBy("2", id)
	if waiting.Kind != store.KindRecovery || !strings.Contains(waiting.Hint, "sallyport unlock box "+id) {
		t.Errorf("the recovery run: kind %s, hint %q", waiting.Kind, waiting.Hint)
	}
	card := said(t, s, "", "box #1")
	loud := said(t, s, card.TS, "unlock box "+id)
	if !loud.Broadcast || !strings.Contains(fmt.Sprint(loud.Active()), jane) {
		t.Errorf("it rings no phone: broadcast %v, mentions %q", loud.Broadcast, loud.Active())
	}
	stack := h.Eventually("the lock is in status", func(s control.Status) bool { return s.Stacks[0].LeftLock != nil }).Stacks[0]
	if l := stack.LeftLock; l.ID != id || l.Run != 1 || !l.Dead || l.Holder != store.HolderUnknown || l.Who != "" {
		t.Errorf("the lock: %+v", l)
	}
	if l := h.Reaches("1", store.Interrupted).Apply.LeftLock; l == nil || l.ID != id {
		t.Errorf("run 1 does not show its lock: %+v", l)
	}

	refusedFor(t, h.unlock("c46f-1"), "not c46f-1", "sallyport unlock box "+id)
	refusedFor(t, h.unlock("-force"), "not the id")
	// A person's run is held as well, and looks at once.
	h.plan("box", false)
	h.Reaches("2", store.Superseded)
	h.heldBy("3", id)

	bot := "<@" + s.BotUserID() + "> "
	said(t, s, s.Say(eve, ops, bot+"unlock box "+id), "not one of the approvers")
	if b.LockID() != id {
		t.Fatal("the lock was opened by somebody who may not")
	}
	asked := s.Say(jane, ops, bot+"unlock box "+id)
	said(t, s, asked, "is unlocked")
	run := h.Reaches("3", store.Planned)
	if !strings.Contains(strings.Join(run.Warnings, " "), "terraform_data.slow") {
		t.Errorf("what may be half-made is not on the card: %q", run.Warnings)
	}
	said(t, s, card.TS, "@jane unlocked")
	gone := h.Reaches("1", store.Interrupted).Apply.LeftLock
	if gone == nil || gone.GoneBy != "slack:"+jane || h.Eventually("status", func(control.Status) bool { return true }).Stacks[0].LeftLock != nil {
		t.Errorf("after unlocking: %+v", gone)
	}
	told := 0
	for _, m := range s.Thread(ops, card.TS) {
		if strings.Contains(m.Text, id) && m.Broadcast {
			told++
		}
	}
	if told != 1 {
		t.Errorf("the lock was told loudly %d times", told)
	}
	refusedFor(t, h.unlock(id), "not locked now")
}

// A lock that goes away by itself needs no command, and looking for it does not use up the tries of the run.
func TestALeftStateLockThatGoesAwayNeedsNoCommand(t *testing.T) {
	t.Parallel()
	b := tftest.NewBackend(t)
	h := interrupted(t, map[string]string{"box/backend.tf": b.Block()}, "", "")
	var skip atomic.Int64
	h.now = func() time.Time { return time.Now().Add(time.Duration(skip.Load())) }
	h.start()
	h.heldBy("2", b.LockID())
	for look := range 7 { // more than the tries of a transient error
		before := h.lockOf("box")
		skip.Add(int64(11 * time.Minute))
		if err := h.agent.Reload(context.Background()); err != nil { // any event wakes the loop
			t.Fatal(err)
		}
		h.Eventually("another look", func(s control.Status) bool {
			r := s.Stacks[0].Run
			return r.Status == store.Pending && r.UpdatedAt.After(*before.UpdatedAt)
		})
		if run := h.heldBy("2", b.LockID()); run.Error != "" {
			t.Fatalf("look %d: %s", look, run.Error)
		}
	}
	b.Lock("")
	skip.Add(int64(11 * time.Minute))
	if err := h.agent.Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
	h.Reaches("2", store.Planned)
	if gone := h.Reaches("1", store.Interrupted).Apply.LeftLock; gone == nil || gone.GoneAt == nil || gone.GoneBy != "" {
		t.Errorf("the lock of run 1: %+v", gone)
	}
}

// lockOf is the newest run of a stack.
func (h *house) lockOf(stack string) control.Run {
	h.t.Helper()
	s := h.Eventually("the stack has a run", func(s control.Status) bool { return s.Stacks[0].Name == stack && s.Stacks[0].Run != nil })
	return *s.Stacks[0].Run
}

// Without anything of ours that may have left it, a lock that is held is somebody at work, and passes.
func TestAHeldStateLockIsOrdinaryOtherwise(t *testing.T) {
	t.Parallel()
	b := tftest.NewBackend(t)
	b.Lock("c46f-1")
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one"), "box/backend.tf": b.Block()})
	h := newHouse(t, box(r, `lock_timeout = "1s"`)).start()
	run := h.Until("1", "tried again", func(r control.Run) bool { return strings.Contains(r.Held, "tried again") })
	if run.Status != store.Planning || !strings.Contains(run.Hint, "sallyport unlock box c46f-1") {
		t.Errorf("%s, hint %q", run.Status, run.Hint)
	}
	if l := h.lockOf("box"); l.Status != store.Planning {
		t.Errorf("it is %s", l.Status)
	}
	b.Lock("")
	h.Reaches("1", store.Planned)
}

// Without a backend the agent keeps the state, whose lock ends with the process: nothing is left, and nothing waits.
func TestALocalStateLeavesNoLock(t *testing.T) {
	t.Parallel()
	h := interrupted(t, nil, "", "").start()
	h.Reaches("1", store.Interrupted)
	run := h.Reaches("2", store.Planned)
	if !strings.Contains(strings.Join(run.Warnings, " "), "terraform_data.slow") {
		t.Errorf("warnings %q", run.Warnings)
	}
	refusedFor(t, h.unlock("c46f-1"), "not locked now")
	refusedFor(t, h.pushState("1"), "left no state")
}

// errored makes a house whose run 1 could not save its state.
func errored(t *testing.T, b *tftest.Backend, rest string) *house {
	t.Helper()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one"), "box/backend.tf": b.Block()})
	h := newHouse(t, box(r, "")+rest).start()
	h.Reaches("1", store.Planned)
	b.RefuseState(true)
	h.MustDecide("1", "approve")
	run := h.Reaches("1", store.Errored)
	if !strings.Contains(run.Hint, "sallyport state push 1") || run.Apply.LeftState == "" {
		t.Fatalf("the hint is %q, the left state %q", run.Hint, run.Apply.LeftState)
	}
	b.RefuseState(false)
	return h
}

func TestALeftStateIsPushed(t *testing.T) {
	t.Parallel()
	s, b := workspace(t), tftest.NewBackend(t)
	h := errored(t, b, asking(s))
	h.plan("box", false)
	waiting := h.heldBy("2", "could not save its state")
	if !strings.Contains(waiting.Hint, "sallyport state push 1") {
		t.Errorf("hint %q", waiting.Hint)
	}
	refusedFor(t, h.pushState("2"), "not for one of #2")
	refusedFor(t, h.pushState("9"), "no run #9")
	bot := "<@" + s.BotUserID() + "> "
	said(t, s, s.Say(eve, ops, bot+"state push 1"), "not one of the approvers")
	said(t, s, s.Say(jane, ops, bot+"state push"), "Which run? `state push box`")
	b.Lock("c46f-1")
	said(t, s, s.Say(jane, ops, bot+"state push #1"), "unlock box c46f-1")
	said(t, s, s.Say(jane, ops, bot+"unlock box c46f-1"), "is unlocked")
	said(t, s, s.Say(jane, ops, bot+"state push box"), "is pushed")
	h.Reaches("2", store.NoChanges)
	refusedFor(t, h.pushState("#1"), "pushed already")
	dir := filepath.Join(h.Dir, "data", "runs", "1")
	if _, err := os.Stat(filepath.Join(dir, "pushed.tfstate")); err != nil {
		t.Error(err)
	}
	if by := h.Reaches("1", store.Errored).Apply.PushedBy; by != "slack:"+jane {
		t.Errorf("pushed by %q", by)
	}
	h.Eventually("the directory of repairs is empty", func(control.Status) bool { return h.nothingIn("scratch") })
}

// The state at the backend was changed by somebody in the meantime: terraform refuses, and nothing is forced.
func TestALeftStateThatCameTooLateIsRefused(t *testing.T) {
	t.Parallel()
	b := tftest.NewBackend(t)
	h := errored(t, b, "")
	dir := t.TempDir()
	tftest.Write(t, dir, map[string]string{"main.tf": data("other", "x"), "backend.tf": b.Block()})
	env := tftest.Environment(t, "")
	tftest.Run(t, dir, env, "init")
	tftest.Run(t, dir, env, "apply", "-auto-approve")
	theirs := b.State()
	refusedFor(t, h.pushState("box"), "cannot import state with lineage", "move it away", "sallyport plan box")
	if b.State() != theirs {
		t.Error("the state was overwritten")
	}
	h.plan("box", false)
	h.heldBy("2", "could not save its state")
	// A person who moves the file away by hand is believed.
	if err := os.Rename(filepath.Join(h.Dir, "data", "runs", "1", "errored.tfstate"), filepath.Join(dir, "kept.tfstate")); err != nil {
		t.Fatal(err)
	}
	h.Reaches("2", store.Planned)
}

func TestRepairsNeedPermissionAndARest(t *testing.T) {
	t.Parallel()
	s, gate := workspace(t), t.TempDir()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": slow(gate)})
	h := newHouse(t, box(r, "")+asking(s)).start()
	refusedFor(t, h.unlock(""), "not the id")
	_, err := h.Client.Unlock(context.Background(), control.UnlockRequest{Stack: "none", LockID: "c46f-1"})
	refusedFor(t, err, `no stack "none"`, "box")
	h.Reaches("1", store.Planned)
	h.MustDecide("1", "approve")
	h.waitFor(filepath.Join(gate, "started"))
	refusedFor(t, h.unlock("c46f-1"), "#1 of stack box is applying", "cancel 1")
	refusedFor(t, h.pushState("1"), "is applying")
	if err := os.WriteFile(filepath.Join(gate, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	h.Reaches("1", store.Applied)
	h.Body += "cli_approvals = false\n"
	if err := h.agent.Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
	refusedFor(t, h.unlock("c46f-1"), "cli_approvals is off")
	refusedFor(t, h.pushState("1"), "cli_approvals is off")
}

// A command that outlives terraform may still be changing things: the next plan waits for its end, and for nothing else.
func TestWhatAnApplyLeftRunningHoldsTheNextPlan(t *testing.T) {
	t.Parallel()
	gate := t.TempDir()
	r := newRepository(t)
	orphan := fmt.Sprintf("resource \"terraform_data\" \"a\" {\n  provisioner \"local-exec\" {\n"+
		"    command = \"(until [ -e %s/go ]; do sleep 0.05; done) >/dev/null 2>&1 &\"\n  }\n}\n", gate)
	r.commit("Add", map[string]string{"box/main.tf": orphan})
	h := newHouse(t, box(r, "")).start()
	t.Cleanup(func() { _ = os.WriteFile(filepath.Join(gate, "go"), nil, 0o600) })
	h.Reaches("1", store.Planned)
	h.MustDecide("1", "approve")
	h.Reaches("1", store.Applied)
	h.plan("box", false)
	held := h.heldBy("2", "#1 started still runs")
	if !strings.Contains(held.Held, "process ") {
		t.Errorf("it does not say which process: %q", held.Held)
	}
	refusedFor(t, h.unlock("c46f-1"), "still runs")
	h.stop()
	h.start()
	h.heldBy("2", "#1 started still runs")
	if err := os.WriteFile(filepath.Join(gate, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	h.Reaches("2", store.NoChanges)
}

// Backends that say who holds a lock let the agent prove that it is its own, down to the second of the apply.
func TestALockThatSaysWhoseItIs(t *testing.T) {
	t.Parallel()
	block, _ := tftest.S3Backend(t)
	h := interrupted(t, map[string]string{"box/backend.tf": block}, "", "").start()
	held := h.heldBy("2", "left behind by the apply of #1")
	l := h.Eventually("the lock is in status", func(s control.Status) bool { return s.Stacks[0].LeftLock != nil }).Stacks[0].LeftLock
	if l.Holder != store.HolderOurs || !l.Dead || l.Who == "" || l.CreatedAt == nil || l.Run != 1 {
		t.Fatalf("the lock: %+v", l)
	}
	if held.Hint != "sallyport unlock box "+l.ID {
		t.Errorf("hint %q", held.Hint)
	}
	if err := h.unlock(l.ID); err != nil {
		t.Fatal(err)
	}
	h.Reaches("2", store.Planned)
}

// Somebody else works on the state after an apply of ours was interrupted: that lock is not to be opened.
func TestALockOfSomebodyElseIsTheirs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, who, created string }{
		{"another person", "joe@laptop", time.Now().UTC().Format(time.RFC3339Nano)},
		{"our user by hand, at another time", diag.LockOwner(""), "2026-01-02T03:04:05Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			block, lock := tftest.S3Backend(t)
			h := interrupted(t, map[string]string{"box/backend.tf": block}, "", "")
			theirs := fmt.Sprintf(`{"ID":"11604235-b2c3","Operation":"OperationTypeApply","Who":%q,"Created":%q}`, c.who, c.created)
			changeObject(t, http.MethodDelete, lock, "") // the server keeps the checksum of an object that is replaced
			changeObject(t, http.MethodPut, lock, theirs)
			h.start()
			held := h.heldBy("2", "is not of this agent: "+c.who)
			if !strings.HasPrefix(held.Hint, "ask "+c.who) {
				t.Errorf("hint %q", held.Hint)
			}
			h.Eventually("the lock is in status as somebody else's", func(s control.Status) bool {
				return s.Stacks[0].LeftLock != nil && s.Stacks[0].LeftLock.Holder == store.HolderOther
			})
		})
	}
}

// changeObject changes an object of the S3 server.
func changeObject(t *testing.T, method, url, text string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if _ = answer.Body.Close(); answer.StatusCode >= http.StatusMultipleChoices {
		t.Fatalf("%s %s: %s", method, url, answer.Status)
	}
}
