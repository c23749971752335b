package e2e

import (
	"os"
	"strings"
	"testing"
)

// What runs while a plan is made starts a process in a session of its own, in the root directory, with an empty environment and
// no parent, and that one says approve until it is heard. It stays what it is: nothing that may decide.
func TestPlanTimeCodeApprovesNothing(t *testing.T) {
	t.Parallel()
	i := newInfra(t)
	i.Commit("Add the box", map[string]string{"box/main.tf": thing("node", "one")})
	h := newHouse(t, "")
	said, stop := h.path("said"), h.path("stop")
	loop := write(t, h.path("loop"), "#!/bin/sh\ncd /\nuntil [ -e "+stop+" ]; do "+h.binary+" --socket "+h.path("s.sock")+" approve 1 >> "+said+" 2>&1; sleep 0.1; done\n")
	script := wrapper(t, "[ \"$1\" != plan ] || (setsid env -i PATH=\"$PATH\" sh "+loop+" < /dev/null > /dev/null 2>&1 &)")
	t.Cleanup(func() { write(t, stop, "") })
	h.configure(i.box() + "terraform {\n  binary = \"" + script + "\"\n}\n")
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
