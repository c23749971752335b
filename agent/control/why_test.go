package control

import (
	"testing"

	"sallyport/store"
)

// Why a run waits is told once, whatever the reason begins with.
func TestWaiting(t *testing.T) {
	for held, want := range map[string]string{
		"waits for net, which was not planned yet": "it waits for net, which was not planned yet",
		"frozen until Monday":                      "it waits: frozen until Monday",
		"approved; frozen until Monday":            "it waits: approved; frozen until Monday",
	} {
		if got := waiting(held); got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}

// Nobody has asked for a run that takes over from one that somebody had asked for.
func TestMadeBy(t *testing.T) {
	for want, run := range map[string]store.Run{
		"#21 (manual, planned) at 0123456789: cli:root asked for it: a disk": {ID: 21, Kind: store.KindManual, RequestedBy: "cli:root", Reason: "a disk"},
		"#22 (recovery, planned) at 0123456789: nobody saw the end of #21":   {ID: 22, Kind: store.KindRecovery, RequestedBy: "cli:root", Reason: "nobody saw the end of #21"},
	} {
		run.Status, run.Commit = store.Planned, "0123456789abcdef"
		if got := madeBy(&run, ""); got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}

// A run that is open says what is left to do of an apply that had begun. Where nothing had begun it only plans anew.
func TestLookHint(t *testing.T) {
	next := &store.Run{ID: 26, Status: store.Pending}
	for want, look := range map[string]*store.Look{
		"sallyport show 26, which shows what is left to do": {Run: 25, Status: store.Errored, Planned: true, Began: true},
		"sallyport show 26, which is planned anew":          {Run: 25, Status: store.Errored},
	} {
		if got := lookOf(&store.StackState{Name: "slow", Look: look}, next); got.Hint != want {
			t.Errorf("%q, not %q", got.Hint, want)
		}
	}
}
