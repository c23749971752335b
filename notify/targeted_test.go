package notify_test

import (
	"path/filepath"
	"testing"

	"sallyport/notify"
	"sallyport/notify/golden"
	"sallyport/store"
)

// That a plan is of some addresses only stands on the card before all else, and on a lock screen without what comes from a repository.
func TestTargetedCard(t *testing.T) {
	asked := func(c *notify.Card) {
		c.Kind, c.RequestedBy, c.Options = store.KindManual, "slack:U01JANE", store.PlanOptions{Targets: []string{"a.b", "module.c"}}
		c.Warnings = []string{"resource targeting is in effect: this plan may not have all that commit 1a2b3c4d5e asks for"}
	}
	golden.Is(t, filepath.Join("testdata", "asked for some addresses.txt"), card(asked).Plain())
	for name, tt := range map[string]struct {
		with func(*notify.Card)
		want string
	}{
		"planned": {func(*notify.Card) {}, "PROD ghe #12: TARGETED: 2 to create, nothing destroyed. Reply approve or deny"},
		"applied": {func(c *notify.Card) { c.Status = store.Applied }, "PROD ghe #12: TARGETED: applied, its targets only: 2 created, nothing destroyed"},
		"nothing": {func(c *notify.Card) { c.Status = store.NoChanges }, "PROD ghe #12: TARGETED: no changes to its targets"},
	} {
		got := card(func(c *notify.Card) { asked(c); tt.with(c) }).Text()
		if got != tt.want {
			t.Errorf("%s: %s\nwant %s", name, got, tt.want)
		}
	}
	hidden := card(func(c *notify.Card) { asked(c); c.ShowAddresses = false })
	if got := hidden.Kinds(); len(got) != 1 || got[0] != "TARGETED, NOT THE WHOLE COMMIT, which will not count as applied: only 2 addresses" {
		t.Errorf("where addresses are not shown: %q", got)
	}
}
