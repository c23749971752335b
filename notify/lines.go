package notify

import (
	"fmt"
	"strconv"
	"strings"

	"sallyport/notify/words"
	"sallyport/store"
)

// action is what happens to one object.
type action struct{ symbol, word string }

// The actions, with Terraform's own symbols.
var (
	create             = action{"+", "create"}
	update             = action{"~", "update"}
	replace            = action{"-/+", "replace"}
	replaceCreateFirst = action{"+/-", "replace"}
	replaceForget      = action{"+/.", "replace"} // the old one is left to itself
	destroy            = action{"-", "destroy"}
	forget             = action{".", "forget"}
	read               = action{"<=", "read"}
	move               = action{">", "move"}
	refresh            = action{"<~", "refresh"}
	imports            = action{"<+", "import"} // Terraform has no symbol for it
	invoke             = action{"!", "invoke"}  // nor for this
)

// kindOf reads Terraform's list of actions. What it does not know is shown in Terraform's words: an unknown action
// must never look harmless.
func kindOf(c store.Change) action {
	switch strings.Join(c.Actions, ",") {
	case "create":
		return create
	case "update":
		return update
	case "delete,create":
		return replace
	case "create,delete":
		return replaceCreateFirst
	case "create,forget":
		return replaceForget
	case "import":
		return imports
	case "invoke":
		return invoke
	case "delete":
		return destroy
	case "forget":
		return forget
	case "read":
		return read
	case "refresh":
		return refresh
	case "", "no-op":
		if c.Previous != "" {
			return move
		}
		return action{" ", "keep"}
	}
	if c.Destroys() {
		return action{"-", strings.Join(c.Actions, "+")}
	}
	return action{"?", strings.Join(c.Actions, "+")}
}

// MaxAttributes is how many attributes that change are named of one resource.
const MaxAttributes = 8

// Lines are the changing addresses, dangerous ones first, each with its number on the card: index+1. Nil if the
// stack does not show addresses in Slack.
func (c Card) Lines() []string {
	if c.Plan == nil || !c.ShowAddresses {
		return nil
	}
	width := len(strconv.Itoa(len(c.Plan.Changes)))
	lines := make([]string, 0, len(c.Plan.Changes))
	for i, ch := range c.Plan.Changes {
		a := kindOf(ch)
		text := fmt.Sprintf("%*d. %-3s %-7s %s", width, i+1, a.symbol, line(a.word), line(ch.Address))
		for _, note := range notes(ch, c.ended()) {
			text += " (" + note + ")"
		}
		if len(ch.Attributes) > 0 { // behind all that decides
			text += " · " + line(words.List(ch.Attributes, MaxAttributes))
		}
		lines = append(lines, text)
	}
	return lines
}

// notes say what is special about a change; of one that nobody can decide about any more, not what an approval has to say.
func notes(c store.Change, ended bool) []string {
	name := ": name it to approve"
	if ended {
		name = ""
	}
	var out []string
	if c.Previous != "" {
		out = append(out, "was "+line(c.Previous))
	}
	if c.Importing && kindOf(c) != imports {
		out = append(out, "imported: it exists already")
	}
	if c.Trigger != "" {
		out = append(out, line(c.Trigger))
	}
	if c.Forgets() {
		out = append(out, "left to itself: terraform forgets it, it is not destroyed")
	}
	switch c.Class {
	case store.ClassRecreate:
		out = append(out, "gone: will be created again")
	case store.ClassDrift:
		out = append(out, "changed outside")
	}
	if there := thereBefore(c); there != "" {
		out = append(out, there)
	}
	if len(c.Follows) > 0 {
		out = append(out, "follows "+line(words.List(c.Follows, 3)))
	}
	switch {
	case c.Unknown:
		out = append(out, "UNKNOWN to sallyport"+name)
	case c.MustName():
		out = append(out, "PROTECTED"+name)
	case c.Protected:
		out = append(out, "protected")
	case c.Routine():
		out = append(out, "replaceable: routine")
	}
	if back := ComesBack(c); back != "" && !ended { // of what was denied it is not true
		out = append(out, back)
	}
	return out
}

// Outputs are the outputs that a plan changes, in one line; empty if there are none.
func (c Card) Outputs() string {
	if c.Plan == nil || len(c.Plan.Outputs) == 0 {
		return ""
	}
	names := make([]string, 0, len(c.Plan.Outputs))
	for _, o := range c.Plan.Outputs {
		a := kindOf(store.Change{Actions: o.Actions})
		names = append(names, strings.TrimSpace(a.symbol)+line(o.Name))
	}
	return "outputs: " + words.List(names, 20)
}
