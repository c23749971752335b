package e2e

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"sallyport/agent/proc"
)

// What runs while a plan is made starts a process in a session of its own, in the root directory, with an empty environment and
// no parent, and that one says approve until it is heard. It stays what it is: nothing that may decide.
func TestPlanTimeCodeApprovesNothing(t *testing.T) {
	t.Parallel()
	i := newInfra(t)
	i.Commit("Add the box", map[string]string{"box/main.tf": thing("node", "one")})
	h := newHouse(t, "")
	said := h.Path("said")
	// It ends with the directory that it lies in, and makes no file there: nothing else of this test's knows of it.
	loop := h.Path("loop")
	write(t, loop, "#!/bin/sh\ncd /\nexec >>"+said+" 2>&1\nwhile [ -e "+loop+" ]; do "+h.binary+" --socket "+h.Path("s.sock")+" approve 1; sleep 0.1; done\n")
	// Not in plan itself, with which everything that it started ends.
	script := wrapper(t, "[ \"$1\" != show ] || (setsid env -i PATH=\"$PATH\" sh "+loop+" < /dev/null > /dev/null 2>&1 &)")
	h.Configure(i.box() + "terraform {\n  binary = \"" + script + "\"\n}\n")
	h.start()
	h.reaches("1", "planned")
	refusals := func() int {
		text, _ := os.ReadFile(said)
		return strings.Count(string(text), "what runs inside a plan or an apply cannot decide anything")
	}
	before := refusals()
	eventually(t, "it is refused when there is something to decide", func() (bool, any) {
		text, _ := os.ReadFile(said)
		return refusals() > before+1 || strings.Contains(string(text), "is approved"), string(text)
	})
	if r := h.show("1"); r.Status != "planned" || len(r.Decisions) != 0 {
		t.Errorf("plan-time code approved its run: %s, %+v\n%s", r.Status, r.Decisions, read(t, said))
	}
	h.must("approve", "1")
	h.reaches("1", "applied")
}

// What a plan starts and leaves behind is ended with it without a second user too, however it hides.
func TestPlanLeavesNothingRunning(t *testing.T) {
	t.Parallel()
	i := newInfra(t)
	i.Commit("Add the box", map[string]string{"box/main.tf": thing("node", "one")})
	h := newHouse(t, "")
	pids, wait := h.Path("pids"), h.Path("wait")
	write(t, wait, "")
	hidden := "env -i PATH=\"$PATH\" setsid sh -c 'trap \"\" HUP TERM INT; echo $$ >>" + pids + "; exec sleep 3600' </dev/null >/dev/null 2>&1 &"
	script := wrapper(t, "if [ \"$1\" = plan ]; then ("+hidden+"); until [ -s "+pids+" ]; do sleep 0.02; done; while [ -e "+wait+" ]; do sleep 0.02; done; fi")
	h.Configure(i.box() + "terraform {\n  binary = \"" + script + "\"\n}\n")
	left := func() (out []int) {
		for _, word := range strings.Fields(read(t, pids)) {
			pid, err := strconv.Atoi(word)
			if err != nil {
				t.Fatal(err)
			}
			found, err := proc.List(func(p proc.Process) bool { return p.PID == pid && p.Name == "sleep" })
			if err != nil {
				t.Fatal(err)
			}
			if len(found) > 0 {
				out = append(out, pid)
			}
		}
		return out
	}
	h.start()
	h.written(pids)
	if err := os.Remove(wait); err != nil {
		t.Fatal(err)
	}
	h.reaches("1", "planned")
	if pids := left(); len(pids) > 0 {
		t.Errorf("processes outlive their plan: %v", pids)
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}
