package planjson

import (
	"strings"
	"testing"
)

// A plan that only refreshes writes what was found changed outside: two that write other things are not the same plan.
func TestFingerprintOfRefreshes(t *testing.T) {
	const still = `"resource_changes":[{"address":"a.x","mode":"managed","change":{"actions":["no-op"]}}]}`
	prints := map[string]string{}
	for name, text := range map[string]string{
		"an attribute":     `{"resource_drift":[{"address":"a.x","mode":"managed","change":{"actions":["update"],"before":{"s":1},"after":{"s":2}}}],` + still,
		"another value":    `{"resource_drift":[{"address":"a.x","mode":"managed","change":{"actions":["update"],"before":{"s":1},"after":{"s":3}}}],` + still,
		"one that is gone": `{"resource_drift":[{"address":"a.vol","mode":"managed","change":{"actions":["delete"],"before":{"s":1}}}],` + still,
		"nothing":          `{` + still,
	} {
		for range 2 { // the same again has the same
			p, err := Parse(strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			p.RefreshOnly = true
			is := p.Summary(nil, nil).Fingerprint
			if other, known := prints[is]; known && other != name {
				t.Errorf("%s and %s are the same", name, other)
			}
			prints[is] = name
		}
	}
	if len(prints) != 4 {
		t.Errorf("%d of 4 differ", len(prints))
	}
}
