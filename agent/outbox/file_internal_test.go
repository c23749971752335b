package outbox

import (
	"testing"

	"sallyport/store"
)

// A run's message leads to the plan that it shows, and says that it is in its thread only where it is.
func TestWholePlan(t *testing.T) {
	t.Parallel()
	file := store.PlanFile{Digest: "d1", Thread: "1.1", Permalink: "https://home.slack.com/files/U/F1/plan.txt"}
	card := &store.Card{Channel: "C1", TS: "1.1"}
	for name, c := range map[string]struct {
		run    store.Run
		link   string
		thread bool
	}{
		"not there yet":        {run: store.Run{Plan: &store.Plan{Digest: "d1"}, Card: card}},
		"there":                {run: store.Run{Plan: &store.Plan{Digest: "d1"}, Card: card, PlanFile: &file}, link: file.Permalink, thread: true},
		"made again, the same": {run: store.Run{Plan: &store.Plan{Digest: "d2", ApprovedDigest: "d1"}, Card: card, PlanFile: &file}, link: file.Permalink, thread: true},
		"of an earlier plan":   {run: store.Run{Plan: &store.Plan{Digest: "d2"}, Card: card, PlanFile: &file}},
		"the message is gone":  {run: store.Run{Plan: &store.Plan{Digest: "d1"}, PlanFile: &file}, link: file.Permalink},
		"there is another one": {run: store.Run{Plan: &store.Plan{Digest: "d1"}, Card: &store.Card{TS: "2.2"}, PlanFile: &file}, link: file.Permalink},
		"without an address":   {run: store.Run{Plan: &store.Plan{Digest: "d1"}, Card: card, PlanFile: &store.PlanFile{Digest: "d1", Thread: "1.1"}}, thread: true},
	} {
		t.Run(name, func(t *testing.T) {
			if link, thread := wholePlan(&c.run); link != c.link || thread != c.thread {
				t.Errorf("%q, in the thread: %v; want %q, %v", link, thread, c.link, c.thread)
			}
		})
	}
}
