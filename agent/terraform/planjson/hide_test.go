package planjson

import (
	"slices"
	"testing"

	"sallyport/notify/redact"
	"sallyport/store"
)

// Whatever names an object or an output is redacted. Plans that differ in nothing else stay different plans.
func TestHideNames(t *testing.T) {
	r := redact.New(redact.NewSecret("s3cret-one"), redact.NewSecret("s3cret-two"))
	plan := func(key string) store.Plan {
		return store.Plan{
			Changes: []store.Change{
				{Address: `a.b["` + key + `"]`, Previous: `a.c["` + key + `"]`, Type: "a", Actions: []string{"delete"}},
				{Address: "a.d", Values: "v", Follows: []string{`a.b["` + key + `"]`}},
			},
			Outputs: []store.Output{{Name: key, Values: "v"}, {Name: "plain", Values: "v"}},
		}
	}
	one, two := plan("s3cret-one"), plan("s3cret-two")
	Hide(&one, r.Text)
	Hide(&two, r.Text)
	const hidden = `a.b["(redacted)"]`
	if c := one.Changes[0]; c.Address != hidden || c.Previous != `a.c["(redacted)"]` || c.Type != "a" {
		t.Errorf("the change is %+v", c)
	}
	if c := one.Changes[1]; c.Address != "a.d" || c.Values != "v" || !slices.Equal(c.Follows, []string{hidden}) {
		t.Errorf("the change is %+v", c)
	}
	if o := one.Outputs; o[0].Name != "(redacted)" || o[1].Name != "plain" || o[1].Values != "v" {
		t.Errorf("the outputs are %+v", o)
	}
	if one.Changes[0].Values == two.Changes[0].Values || one.Outputs[0].Values == two.Outputs[0].Values {
		t.Error("what is destroyed at one key looks like what is destroyed at the other")
	}
}
