package notify

import (
	"slices"
	"testing"

	"sallyport/store"
)

// TestLinesNameWhatChanges: the names of attributes stand behind the address, and never more than somebody reads.
func TestLinesNameWhatChanges(t *testing.T) {
	c := Card{ShowAddresses: true, Plan: &store.Plan{Changes: []store.Change{
		{Address: "a.x", Actions: []string{"update"}, Attributes: []string{"size", "tags"}, Protected: true},
		{Address: "a.y", Actions: []string{"update"}, Attributes: []string{"a", "b", "c", "d", "e", "f", "g", "h", "i\n\x1b[31mj"}},
		{Address: "a.z", Actions: []string{"create"}},
	}}}
	want := []string{
		"1. ~   update  a.x (protected) · size, tags", "2. ~   update  a.y · a, b, c, d, e, f, g, h and 1 more", "3. +   create  a.z",
	}
	if got := c.Lines(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	c.ShowAddresses = false
	if got := c.Lines(); got != nil {
		t.Errorf("where addresses are not shown: %q", got)
	}
}
