package bench

import (
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"

	"sallyport/agent/control"
	"sallyport/store"
)

// parallel is how many terraforms the agent runs at a time if nobody says otherwise.
const parallel = 2

// moreRoots is the largest of the three.
var moreRoots = sizeFlag("bench.roots", 200, 20, "roots in the largest commit of BenchmarkRoots")

// BenchmarkRoots is one commit that changes many root modules at once: from the moment when a poll has told the agent of it
// until the last of their plans was told to people. Bare terraform does the same steps for the same roots, as many
// at a time, in turn with the agent; for the largest commit there is one turn.
//
//	agent-ms  the agent's; the git server's time for the fetch is subtracted
//	bare-ms   bare terraform's
func BenchmarkRoots(b *testing.B) {
	numbers := []int{10, 30, moreRoots.get()}
	if testing.Short() {
		numbers = []int{10, moreRoots.get()}
	}
	for _, n := range numbers {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			entry := begin(b, partRoots, fmt.Sprintf("%d roots of one commit, %d at a time", n, parallel), "ms", atMostTimes(1))
			rounds := turns.get()
			if n > 30 {
				rounds = 1
			}
			benchmarkRoots(b, entry, n, rounds)
		})
	}
}

func benchmarkRoots(b *testing.B, entry *row, roots, rounds int) {
	r := newInfra(b)
	files := hundred()
	maps.Copy(files, rootFiles(roots, 0))
	r.Commit("first", files)
	h := newHouse(b, r.config()+"stacks \"roots/*\" {\n}\n")
	h.allPlanned(roots)
	alone := newBare(b)
	var third *atlantis
	var beside *row
	if binary := os.Getenv(atlantisEnv); binary != "" && roots <= 30 {
		beside = begin(b, partRoots, fmt.Sprintf("%d roots of one commit, %d at a time, and of a pull request at Atlantis", roots, parallel), "ms", atMostTimes(1))
		first := rootFiles(roots, 0)
		first["atlantis.yaml"] = atlantisFile(roots)
		third = newAtlantis(b, binary, parallel, first)
	}
	var own, bareTime, theirs samples
	n := 0
	for b.Loop() {
		for range rounds {
			h.denyAll()
			n++
			files := rootFiles(roots, n)
			var texts []string
			for _, text := range files {
				texts = append(texts, text)
			}
			bareTime.add(alone.plan(texts, parallel))
			seen := r.push("next", files)
			last := h.waitNotices(seen, roots, func(text string) bool { return strings.Contains(text, "1 to create") })
			own.add(last.Sub(seen) - r.git.busy(seen, last, "/info/refs", "/git-upload-pack"))
			h.allPlanned(roots)
			if third != nil {
				theirs.add(third.plan(files))
			}
		}
	}
	if third != nil {
		beside.inTurns(own, "atlantis", theirs)
	}
	entry.inTurns(own, "terraform", bareTime)
	own.report(b, "agent-ms")
	bareTime.report(b, "bare-ms")
	disk(b)
	noTime(b)
}

// atlantisFile tells Atlantis of the roots, and that it may plan several at a time.
func atlantisFile(roots int) string {
	text := "version: 3\nparallel_plan: true\nprojects:\n"
	for n := range roots {
		text += fmt.Sprintf("- dir: roots/r%03d\n", n)
	}
	return text
}

// rootFiles are so many root modules of one resource; turn makes each commit different.
func rootFiles(roots, turn int) map[string]string {
	files := map[string]string{}
	for n := range roots {
		files[fmt.Sprintf("roots/r%03d/main.tf", n)] = resource("a", fmt.Sprintf("%d-%d", n, turn))
	}
	return files
}

// allPlanned waits until so many stacks wait for a decision and everything was said.
func (h *house) allPlanned(n int) {
	h.tb.Helper()
	h.Eventually("all stacks are planned", func(s control.Status) bool {
		planned := 0
		for _, st := range s.Stacks {
			if st.Run != nil && st.Run.Status == store.Planned {
				planned++
			}
		}
		return planned == n && s.Outbox == 0
	})
}

// denyAll ends every run, so that the next commit supersedes none.
func (h *house) denyAll() {
	h.tb.Helper()
	s, err := h.Client.Status(h.tb.Context())
	must(h.tb, err)
	for _, st := range s.Stacks {
		h.MustDecide(fmt.Sprint(st.Run.ID), "deny")
	}
	h.quiet()
}
