package store_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/store"
)

// What a hook says when it runs again stands in the place of what it said before, and what others said stays.
func TestHear(t *testing.T) {
	before := store.HookNote{Hook: "after_plan", Command: "cost", Text: "cheap", Facts: []store.HookFact{{Name: "cost", Value: "1"}, {Name: "who", Value: "plan"}}}
	snapshot := store.HookNote{Hook: "before_apply", Command: "snapshot", Facts: []store.HookFact{{Name: "snapshot", Value: "snap-1"}, {Name: "who", Value: "apply"}}}
	again := store.HookNote{Hook: "before_apply", Command: "snapshot", Facts: []store.HookFact{{Name: "snapshot", Value: "snap-2"}}}
	var r store.Run
	if r.Hear(nil, "after_plan"); r.HookNotes != nil || len(r.Facts()) != 0 {
		t.Errorf("nobody said %+v", r.HookNotes)
	}
	r.Hear([]store.HookNote{before}, "before_plan", "after_plan")
	r.Hear([]store.HookNote{snapshot}, "before_apply")
	copied := r
	if diff := cmp.Diff(map[string]string{"cost": "1", "snapshot": "snap-1", "who": "apply"}, r.Facts()); diff != "" {
		t.Error(diff)
	}
	r.Hear([]store.HookNote{again}, "before_apply")
	if diff := cmp.Diff([]store.HookNote{before, again}, r.HookNotes); diff != "" {
		t.Error(diff)
	}
	r.Hear(nil, "before_apply")
	if diff := cmp.Diff([]store.HookNote{before}, r.HookNotes); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]store.HookNote{before, snapshot}, copied.HookNotes); diff != "" {
		t.Errorf("a copy of the run changed with it: %s", diff)
	}
}
