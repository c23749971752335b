package api

import (
	"os"
	"testing"

	"sallyport/agent/peercred"
)

// A backend of somebody's own runs what they like with the stack's credentials: who may only look and decide has none.
func TestABackendOfOnesOwnTakesRoot(t *testing.T) {
	for uid, ok := range map[int]bool{0: true, os.Geteuid(): true, os.Geteuid() + 1000: false, -1: false} {
		if err := anyBackend(peercred.Caller{UID: uid}); (err == nil) != ok {
			t.Errorf("user %d: %v", uid, err)
		}
	}
}
