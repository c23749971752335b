package e2e

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"sallyport/agent/need"
)

// asLater makes the program with faults play a version whose store has the next schema.
const asLater = "SALLYPORT_FAULT_SCHEMA=4"

// goBack are the commands with which the hint of an older version leads back to the store of before.
var goBack = regexp.MustCompile(`mv \S+ \S+ && mv \S+sallyport\.db\.schema-3 \S+sallyport\.db`)

// A version with another schema takes over a run that waits, one that is approved and one that is being applied, and the version before
// does so again with the store as it was, as its own hint says. Whatever was applied meanwhile is not applied again. A death in the middle of bringing the
// store forward leaves what the version before can use.
func TestUpAndBack(t *testing.T) {
	t.Parallel()
	need.Long(t, "it starts agents of two versions")
	later, err := faulty()
	if err != nil {
		t.Fatal(err)
	}
	i, s, o, gate := newInfra(t), newWorkspace(t), newOracle(t), t.TempDir()
	i.Commit("Add all", map[string]string{
		"box/main.tf": gated(gate), "held/main.tf": thing("node", "held"), "waits/main.tf": thing("node", "waits"),
	})
	h := newHouse(t, i.block()+stackBlock("box")+stackBlock("held")+stackBlock("waits")+asking(s)+o.block(), slackEnv)
	h.binary = h.Path("sallyport")
	before := func() {
		install(t, binary, h.binary)
		h.faults = nil
	}
	after := func(faults string) {
		install(t, later, h.binary)
		h.faults = []string{faults}
	}
	before()
	h.start()
	number := map[string]string{}
	for _, stack := range []string{"box", "held", "waits"} {
		h.reaches(stack, "planned")
		number[stack] = h.number(stack)
	}
	h.must("pause", "held")
	h.must("approve", number["held"])
	h.reaches(number["held"], "approved")
	h.must("approve", number["box"])
	h.written(filepath.Join(gate, "ran"))
	same := func() {
		t.Helper()
		for stack, status := range map[string]string{"box": "applying", "held": "approved", "waits": "planned"} {
			if r := h.show(number[stack]); r.Status != status {
				t.Errorf("%s is %s, not %s", stack, r.Status, status)
			}
		}
	}

	// The later version dies while it brings the store forward: what there was is whole, and so is the copy.
	h.stop()
	after(asLater + ":die")
	h.launch()
	if code := h.end(); code != -1 {
		t.Fatalf("it did not die: exit code %d", code)
	}
	if kept := h.Data("sallyport.db.schema-3"); !exists(kept) {
		t.Errorf("there is no %s", kept)
	}
	before()
	h.start()
	same()
	h.kill()

	// It takes over whatever is under way.
	after(asLater)
	h.start()
	same()
	open(t, gate)
	h.reaches(number["box"], "applied")
	h.must("approve", number["waits"])
	h.must("resume", "held")
	h.reaches(number["waits"], "applied")
	h.reaches(number["held"], "applied")
	h.must("runs", "--verify")
	if n := len(o.applies()); n != 3 {
		t.Fatalf("%d applies were started, not 3", n)
	}

	// The version before refuses its store, and says how to go back.
	h.stop()
	before()
	h.launch()
	if code := h.end(); code == 0 || !has(h.Logged(), "the store has schema 4, this version knows up to 3", "install the newer version again") {
		t.Errorf("exit code %d of the version before:\n%s", code, h.Logged())
	}
	commands := goBack.FindString(h.Logged())
	if out, err := exec.CommandContext(t.Context(), "sh", "-c", commands).CombinedOutput(); commands == "" || err != nil || !exists(h.Data("sallyport.db.newer")) {
		t.Fatalf("%q: %v\n%s", commands, err, out)
	}

	// Its store knows nothing of what the later version did, but each apply has its own record beside its run. People are told of the rest, and
	// nothing is applied a second time.
	h.start()
	h.sees("it knows that it went back", func(st status) bool { return st.Agent.Paused && st.problem("history") != nil })
	h.must("resume")
	h.must("resume", "held")
	for _, run := range number {
		h.reaches(run, "applied")
	}
	h.must("runs", "--verify")
	if n := len(o.applies()); n != 3 {
		t.Errorf("%d applies were started, not 3", n)
	}
}
