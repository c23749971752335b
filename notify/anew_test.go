package notify_test

import (
	"fmt"
	"strings"
	"testing"

	"sallyport/notify"
	"sallyport/store"
)

// A comment on a pull request says of each protected object that is made again what will be in it.
func TestReturns(t *testing.T) {
	back := func(before store.Before, c store.Change, sources ...string) store.Change {
		c.Protected, c.Before, c.Sources = true, before, sources
		return c
	}
	p := plan(
		back("", change("a.replaced", "delete", "create")),
		back("", classed(change("a.vanished", "create"), store.ClassRecreate), "snapshot_id"),
		back(store.BeforeThere, change("a.lost", "create")),
		back(store.BeforeUnknown, change("a.doubt", "create"), "clone", "source"),
		back("", change("a.new", "create")), change("a.free", "delete", "create"),
	)
	want := []string{
		"a.replaced is protected and comes back EMPTY: the configuration names nothing that the data would come from",
		"a.vanished is protected and comes back, and the configuration names snapshot_id",
		"a.lost was there before, and the state has lost it; it is protected and comes back EMPTY: the configuration names nothing that the data would come from",
		"a.doubt may have been there before: sallyport cannot tell; it is protected and comes back, and the configuration names clone, source",
	}
	if got := notify.Returns(p); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s", strings.Join(got, "\n"))
	}
	if got := notify.EmptyAgain(p); got != "2 protected resources come back EMPTY: the configuration names nothing that the data would come from" {
		t.Errorf("%s", got)
	}
	var many []store.Change
	for i := range 7 {
		many = append(many, back("", change(fmt.Sprintf("a.b[%d]", i), "delete", "create")))
	}
	if got := notify.Returns(plan(many...)); len(got) != 6 || got[5] != "and more protected resources come back" {
		t.Errorf("%q", got)
	}
	if notify.Returns(nil) != nil || notify.EmptyAgain(nil) != "" {
		t.Error("without a plan something comes back")
	}
}
