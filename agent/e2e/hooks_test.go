package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/agent/need"
)

// An agent that is killed while a hook runs: the three that come before something run again and nothing goes on without them;
// after_apply is told and not repeated. The apply starts once in each.
func TestAgentIsKilledInAHook(t *testing.T) {
	t.Parallel()
	need.Long(t, "it kills and starts an agent for each hook")
	for name, want := range map[string]int{"before_plan": 2, "after_plan": 2, "before_apply": 2, "after_apply": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i, s, o, gate := newInfra(t), newWorkspace(t), newOracle(t), t.TempDir()
			i.Commit("Add the box", map[string]string{"box/main.tf": thing("box", "one")})
			script := fmt.Sprintf("echo ran >> %[1]s/ran; echo \"sallyport: run=$(grep -c ran %[1]s/ran)\"; echo it waits; until [ -e %[1]s/go ]; do sleep 0.05; done", gate)
			h := newHouse(t, i.box(fmt.Sprintf("hooks {\n    %s = [\"/bin/sh\", \"-c\", %q]\n  }", name, script))+asking(s)+o.block(), slackEnv).start()
			decide := func() {
				h.reaches("1", "planned")
				h.must("approve", "1")
			}
			ran, planning := filepath.Join(gate, "ran"), strings.HasSuffix(name, "_plan")
			if !planning {
				decide()
			}
			h.written(ran)
			h.kill()
			if name == "before_apply" && len(o.applies()) > 0 {
				t.Error("it was applied before its hook had ended")
			}
			h.start()
			if want > 1 {
				eventually(t, "the hook runs again", func() (bool, any) { return times(t, ran) == want, times(t, ran) })
			}
			open(t, gate)
			if planning {
				decide()
			}
			r := h.reaches("1", "applied")
			// What the hook said that came to its end is there once, and nothing of the one that was killed.
			if said := r.HookNotes; want > 1 && (len(said) != 1 || said[0].Hook != name || said[0].Text != "it waits" || r.Facts["run"] != "2") || want == 1 && len(said) != 0 {
				t.Errorf("the hooks said %+v, facts %v", said, r.Facts)
			}
			if want == 1 {
				replied(t, s, card(t, s, 1).TS, "nobody saw its end, and it is not run a second time")
			}
			if n := times(t, ran); n != want {
				t.Errorf("the hook ran %d times, want %d", n, want)
			}
			if n := len(o.applies()); n != 1 {
				t.Errorf("%d applies were started", n)
			}
		})
	}
}
