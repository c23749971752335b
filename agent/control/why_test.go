package control

import "testing"

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
