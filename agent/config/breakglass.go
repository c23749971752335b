package config

import (
	"sallyport/agent/config/decode"
	"sallyport/agent/config/identity"
)

// breakGlass reads who may approve alone: names of person blocks, else of users of this machine.
func (d *stackDecoder) breakGlass(a decode.Attributes, s *Stack) {
	var names []string
	if !d.l.Strings(a, "break_glass", &names) {
		return
	}
	if len(names) > 0 && !d.cfg.CLIApprovals {
		d.l.Fault(a.At("break_glass"), "Contradiction", "break_glass decides on the command line, and cli_approvals = false takes the decisions from there.")
	}
	for i, name := range names {
		at := a.Element("break_glass", i)
		person := d.person(name)
		switch {
		case person == nil && !identity.OSUser.MatchString(name):
			d.l.Fault(at, "Invalid person", "%q is neither the name of a person block nor of a user of this machine.", name)
			continue
		case person == nil:
			d.l.Warn(at, "break_glass names %q, and no person block tells who that is in Slack: nobody notices if the same human reviews it there", name)
		case person.OS == "":
			d.l.Fault(at, "Invalid person", "person %q has no os, and the glass is broken on the command line.", name)
			continue
		default:
			name = person.OS
		}
		s.BreakGlass = append(s.BreakGlass, name)
	}
}

// person finds a person block by its name; nil if there is none.
func (d *stackDecoder) person(name string) *Person {
	for i, p := range d.cfg.People {
		if p.Name == name {
			return &d.cfg.People[i]
		}
	}
	return nil
}
