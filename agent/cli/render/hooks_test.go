package render

import (
	"path/filepath"
	"strings"
	"testing"

	"sallyport/agent/control"
	"sallyport/notify/golden"
	"sallyport/store"
)

// What hooks say is where somebody decides: warnings before everything else, facts and notes below, and nothing of it acts on a
// terminal.
func TestHooksInColour(t *testing.T) {
	r := control.Run{
		ID: 12, Stack: "ghe", Kind: store.KindCommit, Status: store.Planned, Commit: "0123456789", CreatedAt: before(0), Plan: &control.Plan{Add: 1},
		HookNotes: []control.HookNote{
			{Hook: "after_plan", Command: "cost", Text: "12 USD a month\n\x1b[2Jcleared"},
			{Hook: "after_plan", Command: "check-policy", Warns: true, Text: "1\n2\n3\n4\n5"},
			{Hook: "after_plan", Command: "quiet", Warns: true},
			{Hook: "before_apply", Command: "snapshot", Facts: []control.HookFact{{Name: "snapshot", Value: "snap-1\x1b[2J"}}},
		},
	}
	text := Run(r, clock()) + "\n" + HookWarnings(r)
	r.Status = store.Expired
	golden.Is(t, filepath.Join("testdata", "hooks.ansi"), text+"\n"+Run(r, clock()))
	if got := HookWarnings(r); got != "" {
		t.Errorf("nobody can heed %q", got)
	}
	if strings.Contains(text, "[2J") {
		t.Error("it clears the screen")
	}
}
