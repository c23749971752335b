package trials

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/agent/control"
	"sallyport/agent/need"
	"sallyport/store"
)

func TestMain(m *testing.M) { os.Exit(need.Main(m)) }

func change(address, values string, actions ...string) store.Change {
	return store.Change{Address: address, Actions: actions, Class: store.ClassConfig, Values: values}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	plan := func(fingerprint string, changes ...store.Change) *store.Plan {
		return &store.Plan{Fingerprint: fingerprint, Changes: changes, Empty: len(changes) == 0}
	}
	with := func(p *store.Plan, change func(*store.Plan)) *store.Plan { change(p); return p }
	for name, c := range map[string]struct {
		was, now *store.Plan
		want     []string // differences; nil: the same plan
		note     string
	}{
		"no changes": {plan("0"), plan("0"), nil, ""},
		"the same":   {plan("1", change("a.b", "v", "create")), plan("1", change("a.b", "v", "create")), nil, ""},
		"only the new one does something": {plan("0"), plan("1", change("a.b", "v", "update")),
			[]string{"old has no changes, new has changes", "a.b: nothing with old, update with new"}, ""},
		"only the old one does something": {plan("1", change("a.b", "v", "update")), plan("0"),
			[]string{"old has changes, new has no changes", "a.b: update with old, nothing with new"}, ""},
		"another action": {plan("1", change("a.b", "v", "update")), plan("2", change("a.b", "v", "delete", "create")),
			[]string{"a.b: update with old, delete/create with new"}, ""},
		"other values": {plan("1", store.Change{Address: "a.b", Actions: []string{"update"}, Values: "v", Attributes: []string{"tags"}}),
			plan("2", store.Change{Address: "a.b", Actions: []string{"update"}, Values: "w", Attributes: []string{"tags", "ami"}}),
			[]string{"a.b: update with both, and other values among ami, tags"}, ""},
		"an output": {with(plan("1", change("a.b", "v", "create")), func(p *store.Plan) { p.Outputs = []store.Output{{Name: "ip", Actions: []string{"create"}}} }),
			plan("2", change("a.b", "v", "create")), []string{"output ip: not the same"}, ""},
		"something is left to another plan": {plan("1", change("a.b", "v", "create")),
			with(plan("1", change("a.b", "v", "create")), func(p *store.Plan) { p.Deferred = []store.Deferred{{Address: "a.c"}} }),
			[]string{"they leave other changes to another plan: 0 with old, 1 with new"}, ""},
		"nobody can tell in what": {plan("1", change("a.b", "v", "create")), plan("2", change("a.b", "v", "create")),
			[]string{"the same addresses and actions; what they do with values is written in another way, so that nobody can say that it is the same"}, ""},
		"without a fingerprint nothing is the same": {plan("", change("a.b", "v", "create")), plan("", change("a.b", "v", "create")),
			[]string{"the same addresses and actions; what they do with values is written in another way, so that nobody can say that it is the same"}, ""},
		"imports at once": {plan("1", change("a.b", "v", "update")), plan("2", store.Change{Address: "a.b", Actions: []string{"update"}, Values: "v", Importing: true}),
			[]string{"a.b: update with old, import, update with new"}, ""},
		"moves": {plan("1", store.Change{Address: "a.b", Actions: []string{"no-op"}, Previous: "a.a"}), plan("0"),
			[]string{"old has changes, new has no changes", "a.b: no-op moved from a.a with old, nothing with new"}, ""},
		"other providers": {with(plan("0"), func(p *store.Plan) { p.LockDigest = "x" }), with(plan("0"), func(p *store.Plan) { p.LockDigest = "y" }), nil,
			"the two use different providers, or different checksums of them: compare the lock files"},
	} {
		got := pair{was: c.was, now: c.now, configured: "old", tool: "new"}.result()
		outcome := control.TrialOther
		if c.want == nil {
			outcome, c.want = control.TrialSame, []string{}
		}
		if got.Outcome != outcome || got.Text != c.note {
			t.Errorf("%s: %s, %q", name, got.Outcome, got.Text)
		}
		if diff := cmp.Diff(c.want, got.Differences); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestManyDifferencesAreCut(t *testing.T) {
	t.Parallel()
	now := &store.Plan{Fingerprint: "1"}
	for n := range 50 {
		now.Changes = append(now.Changes, change(fmt.Sprintf("a.b[%02d]", n), "v", "create"))
	}
	got := pair{was: &store.Plan{Fingerprint: "0"}, now: now, configured: "old", tool: "new"}.differences()
	if len(got) != maxDifferences+1 || !strings.HasPrefix(got[maxDifferences], "and 30 more") {
		t.Errorf("%d: %v", len(got), got)
	}
}

func TestPlansOfTwoStatesAreNotCompared(t *testing.T) {
	t.Parallel()
	one := store.Plan{Lineage: "l", Serial: 3}
	for name, c := range map[string]struct {
		other store.Plan
		moved bool
	}{
		"the same":         {store.Plan{Lineage: "l", Serial: 3}, false},
		"a later one":      {store.Plan{Lineage: "l", Serial: 4}, true},
		"another one":      {store.Plan{Lineage: "m", Serial: 3}, true},
		"it is gone since": {store.Plan{Lineage: "l", Serial: 3, NewState: true}, true},
	} {
		if got := (pair{was: &one, now: &c.other}).moved(); got != c.moved {
			t.Errorf("%s: %v", name, got)
		}
	}
}
