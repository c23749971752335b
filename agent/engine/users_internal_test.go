package engine

import (
	"testing"

	"sallyport/agent/locks"
)

// A state lock of one of the numbered users is ours; what only looks alike is not.
func TestNumberOf(t *testing.T) {
	t.Parallel()
	for owner, want := range map[string]bool{
		"sallyport-tf2@node": true, "sallyport-tf12@node": true, "sallyport-tf@node": false, "sallyport-tf2@other": false,
		"sallyport-tfx@node": false, "sallyport-tf2": false, "joe2@node": false, "": false,
	} {
		if got := locks.NumberOf(owner, "sallyport-tf@node"); got != want {
			t.Errorf("%q: %t", owner, got)
		}
	}
}
