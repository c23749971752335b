package planjson

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"

	"sallyport/store"
)

// Summary makes of a plan what people decide on and the store keeps. Digest, versions and the state are for the caller to fill
// in. Protect and replaceable are patterns of addresses, see [Matches]. A plan that only refreshes has no changes of
// resources: what it writes into the state is the drift itself.
func (p *Plan) Summary(protect, replaceable []string) store.Plan {
	out := store.Plan{Changes: []store.Change{}, Outputs: []store.Output{}}
	vanished, drifted := p.driftByAddress()
	for _, rc := range p.written() {
		c, ok := rc.change()
		if p.RefreshOnly {
			c.Actions = refreshed(rc.Change.Actions)
		}
		if !ok {
			continue
		}
		c.Type = rc.Type
		switch key := rc.key(); {
		case p.RefreshOnly:
			c.Class = store.ClassDrift
		case vanished[key] && slices.Contains(c.Actions, "create"):
			c.Class = store.ClassRecreate
		case drifted[key] || vanished[key]:
			c.Class = store.ClassDrift
		default:
			c.Class = store.ClassConfig
		}
		c.Protected = matchesAny(protect, rc.Address) || rc.PreviousAddress != "" && matchesAny(protect, rc.PreviousAddress)
		if c.Protected && slices.Contains(c.Actions, "create") {
			c.Sources = p.namedSources(rc)
		}
		c.Replaceable = matchesAny(replaceable, rc.Address)
		for _, a := range c.Actions {
			switch a {
			case "create":
				out.Add++
			case "update":
				out.Change++
			case "delete":
				out.Destroy++
			}
		}
		out.Changes = append(out.Changes, c)
	}
	p.follow(out.Changes)
	for _, i := range p.invocations {
		c := i.change()
		c.Protected = matchesAny(protect, i.Address)
		out.Changes = append(out.Changes, c)
	}
	for _, u := range p.unknown {
		out.Changes = append(out.Changes, u.change())
	}
	out.Checks, out.Deferred = p.checks, p.deferred
	slices.SortStableFunc(out.Changes, func(a, b store.Change) int { return rank(a) - rank(b) })
	nameFew(out.Changes)
	for _, name := range sortedKeys(p.outputs) {
		if o := p.outputs[name]; !o.Actions.NoOp() && len(o.Actions) > 0 {
			out.Outputs = append(out.Outputs, store.Output{
				Name: name, Actions: words(o.Actions),
				Later:  len(o.diff.Later) > 0 && len(o.diff.Known) == 0,
				Values: hex.EncodeToString(o.diff.digest[:]),
			})
		}
	}
	out.Fingerprint = p.fingerprint()
	return out
}

// written are the changes that an apply makes. Of a plan that only refreshes they are what was found changed outside.
func (p *Plan) written() []resourceChange {
	if p.RefreshOnly {
		return p.drift
	}
	return p.resources
}

// matchesAny reports whether any of the patterns matches an address.
func matchesAny(patterns []string, address string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return Matches(pattern, address) })
}

// refreshed are the actions on an object of a plan that only refreshes: the object itself stays as it is. One that has
// vanished is forgotten, which is a loss when its address is protected.
func refreshed(actions tfjson.Actions) []string {
	if actions.Delete() {
		return []string{"forget"}
	}
	return []string{"refresh"}
}

// driftByAddress sorts what terraform found changed outside into objects that are gone and others. A recreated
// object's drift is under the address that it had before a move.
func (p *Plan) driftByAddress() (vanished, drifted map[string]bool) {
	vanished, drifted = make(map[string]bool), make(map[string]bool)
	for _, d := range p.drift {
		switch {
		case d.Change.Actions.Delete():
			vanished[d.key()] = true
		case !d.Change.Actions.NoOp():
			drifted[d.key()] = true
		}
	}
	return vanished, drifted
}

const (
	maxNamed      = 15 // changes of which it is said what they change: of more nobody reads it
	maxAttributes = 12 // that are named of one
)

// attributes are the names of those that an update or a replacement changes. Of what is made or goes away all do.
func (rc resourceChange) attributes() []string {
	if !rc.Change.Actions.Update() && !rc.Change.Actions.Replace() {
		return nil
	}
	names := slices.Concat(rc.diff.Known, rc.diff.Later)
	if !rc.Change.Actions.Update() { // an object that is made anew has much that only the apply will know
		names = slices.Clone(rc.diff.Known)
		for _, name := range rc.diff.Forces {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	names = slices.DeleteFunc(names, func(name string) bool { return name == whole })
	slices.Sort(names)
	return names[:min(len(names), maxAttributes)]
}

// nameFew leaves the names of attributes to the first changes that have some, in the order of the card.
func nameFew(changes []store.Change) {
	named := 0
	for i := range changes {
		if len(changes[i].Attributes) == 0 {
			continue
		}
		if named++; named > maxNamed {
			changes[i].Attributes = nil
		}
	}
}

// digest is a digest of how the attributes change, in hex; empty where none does, or all of them go away with the object.
func (rc resourceChange) digest() string {
	if rc.Change.Actions.NoOp() || rc.Change.Actions.Delete() {
		return ""
	}
	return hex.EncodeToString(rc.diff.digest[:])
}

// key tells objects apart: a deposed one shares the address of its successor.
func (rc resourceChange) key() string { return rc.Address + "\x00" + rc.Deposed }

// change is one resource's change in the store's words; not ok means that nothing happens to the resource.
func (rc resourceChange) change() (store.Change, bool) {
	c := store.Change{Address: rc.Address, Actions: words(rc.Change.Actions), Values: rc.digest(), Importing: rc.importing(), Unknown: rc.unknown(), Attributes: rc.attributes()}
	if rc.PreviousAddress != rc.Address {
		c.Previous = rc.PreviousAddress
	}
	switch {
	case rc.Change.Actions.Read():
		return c, false
	case !rc.Change.Actions.NoOp():
		return c, true
	case c.Importing:
		c.Actions = []string{"import"} // terraform's JSON says no-op here, its own output says import
		return c, true
	}
	return c, c.Previous != ""
}

// words are terraform's actions as the store keeps them.
func words(actions tfjson.Actions) []string {
	out := make([]string, 0, len(actions))
	for _, a := range actions {
		out = append(out, string(a))
	}
	return out
}

// rank orders the card: what nobody understands and what is lost first, protected things at its top; then what leaves the state or
// runs a program, what comes back, what changes, what is new, and what only moves.
func rank(c store.Change) int {
	has := func(action string) bool { return slices.Contains(c.Actions, action) }
	r := 7
	switch {
	case c.Unknown, c.Destroys() && c.Protected:
		r = 0
	case c.Destroys():
		r = 1
	case c.Forgets(), c.Invokes():
		r = 2
	case c.Class == store.ClassRecreate:
		r = 3
	case has("update"):
		r = 4
	case has("create"):
		r = 5
	case has("import"):
		r = 6
	}
	return r
}

// fingerprint is a digest (SHA-256, hex) of what the plan changes: two plans that would do the same have the same, whenever
// they were made.
func (p *Plan) fingerprint() string {
	h := sha256.New()
	vanished, drifted := p.driftByAddress()
	changes := slices.Clone(p.written())
	slices.SortStableFunc(changes, func(a, b resourceChange) int { return strings.Compare(a.key(), b.key()) })
	for _, rc := range changes {
		if _, ok := rc.change(); !ok {
			continue
		}
		writePart(h, []byte(rc.key()))
		writePart(h, []byte(rc.PreviousAddress))
		writePart(h, fmt.Appendf(nil, "%v %v %v %v", rc.Change.Actions, rc.importing(), vanished[rc.key()], drifted[rc.key()]))
		if rc.Change.Actions.Delete() {
			continue // its attributes go away with it, whatever became of them meanwhile
		}
		writePart(h, rc.diff.digest[:])
	}
	for _, i := range p.invocations {
		writePart(h, []byte("invoke "+i.Address+" "+i.trigger()))
		writePart(h, i.digest[:])
	}
	for _, u := range p.unknown {
		writePart(h, []byte(u.address()))
		writePart(h, u.digest[:])
	}
	for _, name := range sortedKeys(p.outputs) {
		if o := p.outputs[name]; !o.Actions.NoOp() {
			writePart(h, []byte(name))
			writePart(h, fmt.Appendf(nil, "%v", o.Actions))
			writePart(h, o.diff.digest[:])
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// writePart writes a part that cannot be mistaken for the end of the one before it.
func writePart(h io.Writer, part []byte) {
	_, _ = fmt.Fprintf(h, "%d:", len(part)) // a hash takes everything
	_, _ = h.Write(part)
}
