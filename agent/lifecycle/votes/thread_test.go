package votes_test

import (
	"testing"

	"sallyport/agent/lifecycle/votes"
	"sallyport/notify/slack"
	"sallyport/store"
)

// An approval in a thread stands for as long as its message is there as it was counted.
func TestGoneFrom(t *testing.T) {
	thread := []slack.Message{{TS: "1.1"}, {TS: "1.2", Edited: true}}
	for name, c := range map[string]struct {
		of   store.Decision
		want string
	}{
		"it is there":      {store.Decision{Verdict: store.Approve, TS: "1.1"}, ""},
		"it was edited":    {store.Decision{Verdict: store.Approve, TS: "1.2"}, "the message was edited after it was counted"},
		"it was deleted":   {store.Decision{Verdict: store.Approve, TS: "1.3"}, "the message was deleted"},
		"given in a shell": {store.Decision{Verdict: store.Approve}, ""},
		"by a button":      {store.Decision{Verdict: store.Approve, By: "slack:U1", Text: "button"}, ""},
		"a deny has ended": {store.Decision{Verdict: store.Deny, TS: "1.3"}, ""},
	} {
		if got := votes.GoneFrom(thread, c.of); got != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// In a thread that a run has taken over, what was typed before people were told of its plan was about the plan before.
func TestAbout(t *testing.T) {
	renewed := func(since string) *store.Run { return &store.Run{Card: &store.Card{Renewed: true, Since: since}} }
	for name, c := range map[string]struct {
		run  *store.Run
		ts   string
		want bool
	}{
		"a thread of its own":        {&store.Run{Card: &store.Card{}}, "1.1", true},
		"no message yet":             {&store.Run{}, "1.1", true},
		"in a shell":                 {renewed("2.0"), "", true},
		"before people were told":    {renewed("2.0"), "1.9", false},
		"the very message that told": {renewed("2.0"), "2.0", false},
		"after it":                   {renewed("2.0"), "2.1", true},
		"nobody was told yet":        {renewed(""), "9.9", false},
	} {
		if got := votes.About(c.run, c.ts); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
