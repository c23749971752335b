package planjson

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"sallyport/store"
)

// A card says what an update or a replacement changes: names, those of sensitive attributes too, and never a value.
func TestAttributes(t *testing.T) {
	change := func(name, actions, more string) string {
		return fmt.Sprintf(`{"address":"a.%s","mode":"managed","type":"a","name":%q,"change":{"actions":[%s],`+
			`"before":{"size":"small","password":"hunter2","same":1,"id":"i"},"after":{"size":"large","password":"hunter3","same":1},`+
			`"after_unknown":{"id":true},"before_sensitive":{"password":true},"after_sensitive":{"password":true}%s}}`, name, name, actions, more)
	}
	var all []string
	for i := range 20 {
		all = append(all, change(fmt.Sprintf("u%02d", i), `"update"`, ""))
	}
	for name, tt := range map[string]struct {
		changes []string
		want    [][]string
	}{
		"an update":     {[]string{change("x", `"update"`, "")}, [][]string{{"id", "password", "size"}}},
		"a replacement": {[]string{change("x", `"delete","create"`, `,"replace_paths":[["size"]]`)}, [][]string{{"password", "size"}}},
		"what is new":   {[]string{change("x", `"create"`, "")}, [][]string{nil}},
		"what goes":     {[]string{change("x", `"delete"`, "")}, [][]string{nil}},
		"many":          {all, slices.Concat(slices.Repeat([][]string{{"id", "password", "size"}}, 15), slices.Repeat([][]string{nil}, 5))},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Parse(strings.NewReader(`{"resource_changes":[` + strings.Join(tt.changes, ",") + `]}`))
			if err != nil {
				t.Fatal(err)
			}
			out := p.Summary(nil, nil)
			var got [][]string
			for _, c := range out.Changes {
				got = append(got, c.Attributes)
			}
			if fmt.Sprint(got) != fmt.Sprint(tt.want) || strings.Contains(fmt.Sprintf("%+v", out), "hunter") {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	hidden := store.Plan{Changes: []store.Change{{Attributes: []string{"size", "hunter2"}}}}
	Hide(&hidden, func(s string) string { return strings.ReplaceAll(s, "hunter2", "***") })
	if got := hidden.Changes[0].Attributes; !slices.Equal(got, []string{"size", "***"}) {
		t.Errorf("hidden: %q", got)
	}
}
