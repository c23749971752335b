package bench

import (
	"fmt"
	"strings"
	"testing"
)

var rootResources = sizeFlag("bench.resources", 500, 50, "resources of the one root of BenchmarkOneRoot")

// BenchmarkOneRoot is a commit that changes one root of many resources, on an agent that has nothing else to do: from the moment
// when a poll has told the agent of it until the card is on its way to Slack. Bare terraform takes the same steps for the same root, in turn.
func BenchmarkOneRoot(b *testing.B) {
	entry := begin(b, partOneRoot, fmt.Sprintf("one root of %s resources, commit seen to card sent", commas(rootResources.get())), "ms", atMostTimes(0.85))
	r, s := newInfra(b), newWorkspace(b)
	text := func(turn int) string {
		var all strings.Builder
		for n := range rootResources.get() {
			all.WriteString(resource(fmt.Sprintf("r%03d", n), fmt.Sprintf("%d-%d", n, turn)))
		}
		return all.String()
	}
	files := hundred()
	files["box/main.tf"] = text(0)
	r.Commit("first", files)
	h := newHouse(b, r.config()+s.config()+"stack \"box\" {\n  dir = \"box\"\n}\n")
	h.planned("box")
	alone := newBare(b)
	var own, bareTime samples
	n := 0
	for b.Loop() {
		for range turns.get() {
			h.MustDecide("box", "deny")
			h.quiet()
			n++
			bareTime.add(alone.plan([]string{text(n)}, 1))
			seen := r.push("next", map[string]string{"box/main.tf": text(n)})
			said := s.api.wait(b, seen, "chat.postMessage").start
			card(b, s, h.planned("box").ID)
			own.add(said.Sub(seen) - r.git.busy(seen, said, "/info/refs", "/git-upload-pack"))
		}
	}
	entry.inTurns(own, "terraform", bareTime)
	disk(b)
	noTime(b)
}
