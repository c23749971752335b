package order

import (
	"testing"

	"sallyport/agent/control"
)

// Whoever pauses a stack of which something failed is told of that: letting it go on later says that somebody has looked.
func TestLookedAt(t *testing.T) {
	t.Parallel()
	s := control.Status{Stacks: []control.Stack{{Name: "well"}, {Name: "app", Look: &control.Look{Run: 30}}}}
	for stack, want := range map[string]int{"app": 30, "well": 0, "none": 0} {
		if got := lookedAt(s, stack); got != want {
			t.Errorf("of %s it is #%d, not #%d", stack, got, want)
		}
	}
}
