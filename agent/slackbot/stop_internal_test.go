package slackbot

import (
	"testing"

	"sallyport/store"
)

// One word stops a run in its own thread, and no other run; who says it in more words is told that word.
func TestCancels(t *testing.T) {
	t.Parallel()
	run := &store.Run{ID: 7, Stack: "box"}
	for said, want := range map[string]struct{ cancels, wants bool }{
		"cancel": {true, true}, " Cancel.": {true, true}, "`cancel`": {true, true}, "cancel 7": {true, true}, "cancel #7": {true, true}, "cancel box!": {true, true},
		"cancel 8": {false, true}, "cancel it": {false, true}, "stop": {false, true}, "abort!": {false, true}, "stop the apply, now": {false, true},
		"stop by at my desk after lunch": {}, "canceled": {}, "do not cancel": {}, "": {}, "cancel 7 and then the other one please": {},
	} {
		if got := cancels(run, said); got != want.cancels {
			t.Errorf("%q cancels: %v", said, got)
		}
		if got := wantsStop(said); got != want.wants {
			t.Errorf("%q wants it to stop: %v", said, got)
		}
	}
}
