package planjson

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"sallyport/store"
)

// Hide takes secrets out of the names in a plan, which go to people: a key of for_each is a value, and nothing keeps anybody from
// naming a resource or an output after one. Objects that are told apart by nothing else then have one address. The name that was
// hidden goes into the digest of their values instead, so that a plan that does the same to another of them is another plan.
func Hide(p *store.Plan, redact func(string) string) {
	for i := range p.Changes {
		c := &p.Changes[i]
		was := []string{c.Address, c.Previous}
		c.Address, c.Previous, c.Type = redact(c.Address), redact(c.Previous), redact(c.Type)
		if c.Address != was[0] || c.Previous != was[1] {
			c.Values = withNames(c.Values, was...)
		}
		for k, address := range c.Follows {
			c.Follows[k] = redact(address)
		}
	}
	for i := range p.Outputs {
		o := &p.Outputs[i]
		if shown := redact(o.Name); shown != o.Name {
			o.Values = withNames(o.Values, o.Name)
			o.Name = shown
		}
	}
}

// withNames is a digest of values that also tells the names apart that they belong to.
func withNames(values string, names ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(append(names, values), "\x00")))
	return hex.EncodeToString(sum[:])
}
