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
		if c.Trigger != "" {
			was = append(was, c.Trigger)
		}
		c.Address, c.Previous, c.Type, c.Trigger = redact(c.Address), redact(c.Previous), redact(c.Type), redact(c.Trigger)
		if c.Address != was[0] || c.Previous != was[1] || c.Trigger != "" && c.Trigger != was[2] {
			c.Values = withNames(c.Values, was...)
		}
		for k, name := range c.Attributes { // of a map in the place of an object they are keys, which are values
			c.Attributes[k] = redact(name)
		}
		for k, address := range c.Follows {
			c.Follows[k] = redact(address)
		}
	}
	for i := range p.Checks {
		HideCheck(&p.Checks[i], redact)
	}
	for i := range p.Deferred {
		p.Deferred[i].Address = redact(p.Deferred[i].Address)
	}
	for i := range p.Outputs {
		o := &p.Outputs[i]
		if shown := redact(o.Name); shown != o.Name {
			o.Values = withNames(o.Values, o.Name)
			o.Name = shown
		}
	}
}

// maxProblem is how much is kept of what the configuration says of a check that does not hold, in characters, and maxProblems how
// often it may say something.
const (
	maxProblem  = 500
	maxProblems = 10
)

// HideCheck takes secrets out of what a check says, and cuts it: the configuration makes those texts.
func HideCheck(c *store.FailedCheck, redact func(string) string) {
	c.Address = redact(c.Address)
	c.Problems = c.Problems[:min(len(c.Problems), maxProblems)]
	for i, problem := range c.Problems {
		text := []rune(redact(problem))
		if len(text) > maxProblem {
			text = append(text[:maxProblem-1], '…')
		}
		c.Problems[i] = string(text)
	}
}

// withNames is a digest of values that also tells the names apart that they belong to.
func withNames(values string, names ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(append(names, values), "\x00")))
	return hex.EncodeToString(sum[:])
}
