package e2e

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"sallyport/agent/need"
	"sallyport/notify/slack/slacktest"
)

// The agent is killed in the middle of a plan. The next one plans the same run, and people are asked once.
func TestAgentIsKilledWhilePlanning(t *testing.T) {
	t.Parallel()
	i, s, gate := newInfra(t), newWorkspace(t), t.TempDir()
	i.Commit("Add the box", map[string]string{"box/main.tf": thing("node", "one")})
	slow := wrapper(t, `case " $* " in *" plan "*) echo plan >> `+gate+`/ran; until [ -e `+gate+`/go ]; do sleep 0.05; done;; esac`)
	h := newHouse(t, i.box()+asking(s)+"terraform {\n  binary = \""+slow+"\"\n}\n", slackEnv).start()
	h.written(filepath.Join(gate, "ran"))
	if r := h.show("1"); r.Status != "planning" || r.Plan != nil {
		t.Errorf("while it plans: %+v", r)
	}
	h.kill()
	if r := h.show("1"); r.Status != "planning" {
		t.Errorf("after the kill: %+v", r)
	}
	open(t, gate)
	h.start()
	h.reaches("1", "planned")
	m := card(t, s, 1)
	s.Reply(jane, ops, m.TS, "approve")
	h.reaches("1", "applied")
	if n := len(h.runs()); n != 1 {
		t.Errorf("%d runs of one commit", n)
	}
	if n := cards(s); n != 1 {
		t.Errorf("people were asked %d times", n)
	}
	if n := times(t, filepath.Join(gate, "ran")); n != 2 {
		t.Errorf("terraform plan was started %d times, want once before and once after the kill", n)
	}
}

// applying is a house whose run 1 is in the middle of its apply: terraform has made the node and runs a provisioner that
// waits for the gate.
func applying(t *testing.T) (s *slacktest.Server, h *house, m slacktest.Message, gate string) {
	t.Helper()
	gate = t.TempDir()
	return applyingWith(t, gate, gated(gate, "depends_on = [terraform_data.node]")+thing("node", "one"))
}

func applyingWith(t *testing.T, gate, files string) (s *slacktest.Server, h *house, m slacktest.Message, _ string) {
	t.Helper()
	i := newInfra(t)
	s = newWorkspace(t)
	i.Commit("Add the box", map[string]string{"box/main.tf": files})
	h = newHouse(t, i.box(`mention = ["`+jane+`"]`)+asking(s), slackEnv).start()
	m = card(t, s, 1)
	s.Reply(jane, ops, m.TS, "approve")
	h.written(filepath.Join(gate, "ran"))
	return s, h, m, gate
}

// The agent is killed in the middle of an apply. The apply goes on without it, and the next agent tells its end.
func TestAgentIsKilledWhileApplying(t *testing.T) {
	t.Parallel()
	need.LongUnlessRaced(t, "it starts whole programs")
	s, h, m, gate := applying(t)
	h.kill()
	if len(pidsBelow(h.Data("runs", "1"))) == 0 {
		t.Fatal("the apply died with the agent")
	}
	h.start()
	h.reaches("1", "applying")
	h.refused(1, []string{"plan", "box"}, "#1")
	h.refused(1, []string{"deny", "1"}, "cancel")
	open(t, gate)
	h.reaches("1", "applied")
	replied(t, s, m.TS, "is applied")
	ranOnce(t, gate)
}

// The same, but the apply ends while no agent looks.
func TestApplyEndsWhileTheAgentIsDown(t *testing.T) {
	t.Parallel()
	s, h, m, gate := applying(t)
	h.kill()
	open(t, gate)
	eventually(t, "the apply ended", func() (bool, any) {
		pids := pidsBelow(h.Data("runs", "1"))
		return len(pids) == 0, pids
	})
	h.start()
	h.reaches("1", "applied")
	replied(t, s, m.TS, "is applied")
	ranOnce(t, gate)
}

// A stop or an upgrade leaves a running apply alone.
func TestStopLeavesTheApplyAlone(t *testing.T) {
	t.Parallel()
	s, h, m, gate := applying(t)
	h.stop()
	if len(pidsBelow(h.Data("runs", "1"))) == 0 {
		t.Fatal("the apply was stopped with the agent")
	}
	h.start()
	open(t, gate)
	h.reaches("1", "applied")
	replied(t, s, m.TS, "is applied")
	ranOnce(t, gate)
}

func ranOnce(t *testing.T, gate string) {
	t.Helper()
	if n := times(t, filepath.Join(gate, "ran")); n != 1 {
		t.Errorf("the provisioner ran %d times", n)
	}
}

// Everything of the apply is killed: nobody saw its end. That is told loudly, nothing is repeated by itself, and a new
// plan shows people what is left to do.
func TestApplyIsKilled(t *testing.T) {
	t.Parallel()
	s, h, m, gate := applying(t)
	killApply(t, h.Data("runs", "1"))
	r := h.reaches("1", "interrupted")
	if !strings.Contains(r.Error, "terraform_data.gated") {
		t.Errorf("it does not say what was started and not completed: %q", r.Error)
	}
	toldLoudly(t, s, m.TS)
	next := h.reaches("2", "planned")
	if next.Kind != "recovery" || next.Commit != r.Commit || next.Plan.Add != 1 {
		t.Errorf("the recovery run: %+v", next)
	}
	ranOnce(t, gate)
	open(t, gate)
	s.Reply(jane, ops, card(t, s, 2).TS, "approve")
	h.reaches("2", "applied")
	if n := times(t, filepath.Join(gate, "ran")); n != 2 {
		t.Errorf("the provisioner ran %d times, want once more after a person approved that", n)
	}
}

// The same, but terraform has written the half-made resource down, so that the new plan is empty: it looks healthy and is
// not. The run stays with people until one says that he looked.
func TestApplyIsKilledAndThePlanIsEmpty(t *testing.T) {
	t.Parallel()
	gate := t.TempDir()
	late := `resource "terraform_data" "late" {
  provisioner "local-exec" {
    command = "until [ -e ` + gate + `/ran ]; do sleep 0.05; done"
  }
}
`
	s, h, m, _ := applyingWith(t, gate, gated(gate)+late)
	eventually(t, "the other resource is done", func() (bool, any) {
		log := h.try("show", "1", "--log").stdout
		return strings.Contains(log, "terraform_data.late: Creation complete"), log
	})
	killApply(t, h.Data("runs", "1"))
	h.reaches("1", "interrupted")
	toldLoudly(t, s, m.TS)
	next := h.reaches("2", "planned")
	if next.Kind != "recovery" || len(next.Plan.Changes) != 0 {
		t.Errorf("the recovery run: %+v", next)
	}
	m = card(t, s, 2)
	if text := all(m); !has(text, "terraform_data.gated", "approve") {
		t.Errorf("the recovery run does not say what to look at:\n%s", text)
	}
	s.Reply(jane, ops, m.TS, "approve")
	h.reaches("2", "no_changes")
	ranOnce(t, gate)
}

// The runner alone is killed, then terraform: the agent was down all the while.
func TestRunnerAndTerraformAreKilledWhileTheAgentIsDown(t *testing.T) {
	t.Parallel()
	s, h, m, gate := applying(t)
	h.kill()
	killProgram(t, h.Data("runs", "1"), "apply-run")
	h.start()
	if r := h.show("1"); r.Status != "applying" {
		t.Errorf("terraform still runs, and the run is %s", r.Status)
	}
	killApply(t, h.Data("runs", "1"))
	h.reaches("1", "interrupted")
	toldLoudly(t, s, m.TS)
	h.until("2", "a recovery", func(r run) bool { return r.Kind == "recovery" })
	ranOnce(t, gate)
}

// toldLoudly waits for the news that rings a phone: a reply also sent to the channel, with the mention.
func toldLoudly(t *testing.T, s *slacktest.Server, thread string) {
	t.Helper()
	m := replied(t, s, thread, "interrupted")
	if !m.Broadcast || !strings.Contains(strings.Join(m.Active(), " "), jane) {
		t.Errorf("it rings no phone: sent to the channel: %v, mentions: %q", m.Broadcast, m.Active())
	}
}

// Cancel is one SIGINT: terraform ends by itself, and what it did is told.
func TestCancelWhileApplying(t *testing.T) {
	t.Parallel()
	s, h, m, gate := applying(t)
	h.must("cancel", "1")
	r := h.reaches("1", "canceled")
	if !strings.Contains(r.Error, "canceled by cli:") {
		t.Errorf("the error is %q", r.Error)
	}
	replied(t, s, m.TS, "was canceled")
	ranOnce(t, gate)
	if n := len(h.runs()); n != 1 {
		t.Errorf("%d runs: a canceled one is not asked again", n)
	}
}

// Every agent that is killed leaves a store that the next one opens, whatever it was doing.
func TestAgentIsKilledAgainAndAgain(t *testing.T) {
	t.Parallel()
	need.Long(t, "it starts many agents")
	i, s := newInfra(t), newWorkspace(t)
	i.Commit("Add the box", map[string]string{"box/main.tf": thing("node", "one")})
	h := newHouse(t, i.box()+asking(s), slackEnv)
	for range 5 {
		h.launch()
		eventually(t, "a sign of life", func() (bool, any) { return h.try("status", "--json").code == 0, h.Logged() })
		h.signal(syscall.SIGKILL)
		h.end()
	}
	h.start()
	s.Reply(jane, ops, card(t, s, 1).TS, "approve")
	h.reaches("1", "applied")
	if n := cards(s); n != 1 {
		t.Errorf("people were asked %d times", n)
	}
}
