package renamed

import (
	"strings"
	"testing"

	"sallyport/store"
)

func TestWarning(t *testing.T) {
	gone := store.StackState{Name: "ghe-old", Repository: "infra", Dir: "ghe", AppliedCommit: "1", Resources: 3}
	for name, c := range map[string]struct {
		st    store.StackState
		other func(*store.StackState)
		there bool
		warns bool
	}{
		"a key was renamed":        {warns: true},
		"the other is there still": {there: true},
		"it was applied itself":    {st: store.StackState{AppliedCommit: "2"}},
		"it has a state":           {st: store.StackState{Resources: 1}},
		"another directory":        {other: func(o *store.StackState) { o.Dir = "wiki" }},
		"another repository":       {other: func(o *store.StackState) { o.Repository = "apps" }},
		"the other came to naught": {other: func(o *store.StackState) { o.Resources = 0 }},
		"never applied":            {other: func(o *store.StackState) { o.AppliedCommit = "" }},
		"itself":                   {other: func(o *store.StackState) { o.Name = "ghe-new" }},
	} {
		t.Run(name, func(t *testing.T) {
			other := gone
			if c.other != nil {
				c.other(&other)
			}
			c.st.Name, c.st.Repository = "ghe-new", "infra"
			got := Warning(&c.st, "ghe", []*store.StackState{&c.st, &other}, func(string) bool { return c.there })
			if c.warns != strings.HasSuffix(got, "sallyport state move ghe-old ghe-new") {
				t.Errorf("it says %q", got)
			}
		})
	}
}
