package notify_test

import (
	"path/filepath"
	"testing"

	"sallyport/notify"
	"sallyport/notify/golden"
	"sallyport/store"
)

// hooks are what hooks can say, in every way.
func hooks() []store.HookNote {
	return []store.HookNote{
		{Hook: "after_plan", Command: "cost", Text: "+12.00 USD a month\nwarning: not the card's own\n\n<!channel> 3\n4\n5\n6\n7\n8\n9\n10"},
		{Hook: "after_plan", Command: "check-policy", Warns: true, Text: "port 22 is open to everybody\nsee https://example.com/policy"},
		{Hook: "after_plan", Command: "quiet", Warns: true},
		{Hook: "before_apply", Command: "snapshot", Facts: []store.HookFact{{Name: "snapshot", Value: "snap-1"}, {Name: "held", Value: "paused by jane"}}},
	}
}

// A card begins with what hooks warn of, as long as somebody can heed it, and has the rest at its end, marked as not its own.
func TestHooksOnTheCard(t *testing.T) {
	for name, c := range map[string]struct {
		with func(*notify.Card)
		text string
	}{
		"hooks": {nil, "PROD ghe #12: 2 to create, nothing destroyed; 2 hooks warn. Reply approve or deny"},
		"hooks, ended": {func(c *notify.Card) { c.Status = store.Expired },
			"PROD ghe #12: expired: nobody decided in time"},
		"hooks, hidden": {func(c *notify.Card) { c.ShowAddresses = false },
			"PROD ghe #12: 2 to create, nothing destroyed; 2 hooks warn. Reply approve or deny"},
	} {
		t.Run(name, func(t *testing.T) {
			card := card(c.with)
			card.Hooks = hooks()
			golden.Is(t, filepath.Join("testdata", name+".txt"), card.Plain())
			if got := card.Text(); got != c.text {
				t.Errorf("the lock screen says %q, want %q", got, c.text)
			}
		})
	}
}
