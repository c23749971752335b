package control

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sallyport/agent/datadir/datadirtest"
	"sallyport/store"
)

// landscape is what a configuration says: monitoring comes after ghe and dns, these by way of a firewall after network.
func landscape(stack string) *Configured {
	ups, known := map[string][]string{
		"network": nil, "firewall": {"network"}, "ghe": {"firewall"}, "dns": {"firewall"}, "monitoring": {"ghe", "dns", "network"}, "alone": nil,
	}[stack]
	if !known {
		return nil
	}
	return &Configured{Label: strings.ToUpper(stack[:1]), DependsOn: ups}
}

func TestAround(t *testing.T) {
	_, s := datadirtest.New(t)
	const commit, other = "0123456789abcdef0123456789abcdef01234567", "fedcba9876543210fedcba9876543210fedcba98"
	run := func(stack, commit string, pull int, way ...store.Status) int {
		kind := store.KindCommit
		if pull != 0 {
			kind = store.KindPullRequest
		}
		return datadirtest.Run(t, s, store.Run{Stack: stack, Repository: "infra", Kind: kind, Commit: commit, PullRequest: pull}, way...)
	}
	network := run("network", commit, 0, store.Planning, store.NoChanges)
	first := run("ghe", commit, 0, store.Planning, store.Planned, store.Discarded)
	ghe := run("ghe", commit, 0, store.Planning, store.Planned)
	dns := run("dns", commit, 0, store.Planning)
	monitoring := run("monitoring", commit, 0)
	run("alone", other, 0)
	preview := run("ghe", commit, 7, store.Planning, store.Previewed)
	renamed := run("former", commit, 0)
	datadirtest.Update(t, s, func(tx *store.Tx) error {
		return tx.AddEvent(store.Event{Type: "decision", Run: ghe, Stack: "ghe", By: "cli:jane", Text: "approve d"})
	})

	look := func(id int, configured func(string) *Configured) (a Around, drawn string) {
		t.Helper()
		err := s.View(func(tx *store.Tx) error {
			r, err := tx.Run(id)
			if err != nil {
				return err
			}
			a, err = AroundOf(tx, r, configured)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range a.Stacks {
			drawn += fmt.Sprintf("%s#%d %s <%s\n", n.Stack, n.Run, n.Status, strings.Join(n.After, ","))
		}
		return a, drawn
	}
	a, drawn := look(ghe, landscape)
	want := fmt.Sprintf("dns#%d planning <network\nformer#%d pending <\nghe#%d planned <network\nmonitoring#%d pending <dns,ghe,network\nnetwork#%d no_changes <\n",
		dns, renamed, ghe, monitoring, network)
	if drawn != want || a.Label != "G" || !a.Ordered || a.More != 0 {
		t.Errorf("around #%d are (label %q)\n%swant\n%s", ghe, a.Label, drawn, want)
	}
	var events []string
	for _, e := range a.Events {
		events = append(events, e.Event+" "+e.Outcome)
	}
	if got := strings.Join(events, ", "); got != "transition pending, transition planning, transition planned, decision approve" {
		t.Errorf("its history is %s", got)
	}
	// An older run of a stack stands for itself; without a configuration nothing is ordered.
	if _, drawn := look(first, nil); !strings.Contains(drawn, fmt.Sprintf("ghe#%d discarded <\nmonitoring#%d pending <\n", first, monitoring)) {
		t.Errorf("around #%d are\n%s", first, drawn)
	}
	if a, _ := look(first, nil); a.Ordered || a.Label != "" {
		t.Errorf("without a configuration it is ordered=%v, %q", a.Ordered, a.Label)
	}
	if _, drawn := look(preview, landscape); drawn != fmt.Sprintf("ghe#%d previewed <\n", preview) {
		t.Errorf("around the preview are\n%s", drawn)
	}
}

// TestAroundIsBounded: of a commit that touches more stacks than anybody looks at some are left out, but never the run's own.
func TestAroundIsBounded(t *testing.T) {
	_, s := datadirtest.New(t)
	last := 0
	datadirtest.Update(t, s, func(tx *store.Tx) error {
		var err error
		for i := range maxNeighbours + 20 {
			r := &store.Run{Stack: fmt.Sprintf("s%03d", i), Repository: "infra", Kind: store.KindCommit, Commit: "c"}
			err = errors.Join(err, tx.CreateRun(r))
			last = r.ID
		}
		return err
	})
	chain := func(stack string) *Configured {
		n := 0
		if _, err := fmt.Sscanf(stack, "s%d", &n); err != nil || n == 0 {
			return &Configured{}
		}
		return &Configured{DependsOn: []string{fmt.Sprintf("s%03d", n-1)}}
	}
	err := s.View(func(tx *store.Tx) error {
		r, err := tx.Run(last)
		if err != nil {
			return err
		}
		a, err := AroundOf(tx, r, chain)
		if err != nil {
			return err
		}
		if len(a.Stacks) != maxNeighbours || a.More != 20 {
			t.Errorf("%d stacks and %d more", len(a.Stacks), a.More)
		}
		there := map[string]bool{}
		for _, n := range a.Stacks {
			there[n.Stack] = true
		}
		if !there[r.Stack] {
			t.Errorf("the run's own stack %s is left out", r.Stack)
		}
		for _, n := range a.Stacks {
			if i := slices.IndexFunc(n.After, func(name string) bool { return !there[name] }); i >= 0 {
				t.Errorf("%s comes after %s, which is left out", n.Stack, n.After[i])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
