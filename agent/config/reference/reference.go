// Package reference writes the reference of the configuration, every attribute with its type, unit, default and an example, as a text for
// a terminal and as a man page. All of it comes from package shape, by which the configuration is read.
package reference

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mitchellh/go-wordwrap"

	"sallyport/agent/config/decode"
	"sallyport/agent/config/shape"
)

// width is how long a line gets, in characters, where it can be broken.
const width = 78

// Blocks are those that people mean by a name: by the words that lead to one ("repository ssh"), with those that stand in it; else by
// its last word ("ssh"). No name means all. There are none for a name that no block has.
func Blocks(name string) []shape.Block {
	all := shape.Reference()
	name = strings.Join(strings.Fields(name), " ")
	if name == "" {
		return all
	}
	within := func(b shape.Block) bool { return b.Path == name || strings.HasPrefix(b.Path, name+" ") }
	if slices.ContainsFunc(all, within) {
		return slices.DeleteFunc(all, func(b shape.Block) bool { return !within(b) })
	}
	var found []shape.Block
	for _, b := range all {
		inner := b.Path[strings.LastIndex(b.Path, " ")+1:]
		known := slices.ContainsFunc(found, func(other shape.Block) bool { return alike(other.Attributes, b.Attributes) })
		if inner == name && !known {
			found = append(found, b)
		}
	}
	return found
}

// Names are the paths of all blocks.
func Names() []string {
	var names []string
	for _, b := range shape.Reference() {
		if b.Path != "" {
			names = append(names, b.Path)
		}
	}
	return names
}

// Text is the reference of some blocks for a terminal. Attributes that several of them share are said once, and in the others by name.
func Text(blocks []shape.Block) string {
	t := &strings.Builder{}
	var written []shape.Block
	for _, b := range blocks {
		fmt.Fprintf(t, "%s\n%s\n", header(b), wrapped("  ", b.Text))
		shared, own := split(b, written)
		for _, a := range own {
			attribute(t, a)
		}
		if len(shared.names) > 0 {
			fmt.Fprintf(t, "\n%s\n", wrapped("  ", "as in "+shared.of+": "+strings.Join(shared.names, ", ")))
		}
		t.WriteString("\n")
		written = append(written, b)
	}
	if taken := types(blocks); len(taken) > 0 {
		t.WriteString("How these are written\n")
		for _, one := range taken {
			fmt.Fprintf(t, "  %s\n%s\n", one, wrapped("      ", one.Takes()))
		}
	}
	return t.String()
}

// header is the line that a block begins with.
func header(b shape.Block) string {
	switch {
	case b.Path == "":
		return "the file itself"
	case b.Label != "":
		return fmt.Sprintf("%s %q { }", b.Path, strings.ToUpper(b.Label))
	}
	return b.Path + " { }"
}

func attribute(t *strings.Builder, a decode.Attribute) {
	fmt.Fprintf(t, "\n%s\n%s\n      %s = %s\n", wrapped("  ", a.Name+"  "+facts(a)), wrapped("      ", a.Text), a.Name, a.Example)
}

// facts are the type of an attribute with its unit, what holds without it, and its bounds.
func facts(a decode.Attribute) string {
	text := typed(a)
	switch least, most := strings.Trim(a.Least, `"`), strings.Trim(a.Most, `"`); {
	case most != "":
		text += "; from " + least + " to " + most
	case least != "":
		text += "; at least " + least
	}
	return text
}

// typed is the type of an attribute with its unit, and what holds without it.
func typed(a decode.Attribute) string {
	text := string(a.Type)
	switch {
	case len(a.Choices) > 0:
		quoted := make([]string, len(a.Choices))
		for i, c := range a.Choices {
			quoted[i] = fmt.Sprintf("%q", c)
		}
		text = strings.Join(quoted[:len(quoted)-1], ", ") + " or " + quoted[len(quoted)-1]
	case a.Unit != "":
		text += " of " + a.Unit
	}
	switch {
	case a.Required:
		return text + "; required"
	case a.Default != "":
		return text + "; default " + a.Default
	case a.Missing != "":
		return text + "; without it: " + a.Missing
	}
	return text + "; default none"
}

// sharing is what a block has as another one has it.
type sharing struct {
	of    string
	names []string
}

// split parts the attributes of a block into those that one of the blocks before has, letter by letter, and its own.
func split(b shape.Block, before []shape.Block) (shared sharing, own []decode.Attribute) {
	for _, other := range before {
		s, rest := sharing{of: other.Path}, []decode.Attribute(nil)
		for _, a := range b.Attributes {
			if slices.ContainsFunc(other.Attributes, func(o decode.Attribute) bool { return same(o, a) }) {
				s.names = append(s.names, a.Name)
			} else {
				rest = append(rest, a)
			}
		}
		if len(s.names) > len(shared.names) {
			shared, own = s, rest
		}
	}
	if len(shared.names) < 2 { // not worth looking it up
		return sharing{}, b.Attributes
	}
	return shared, own
}

func same(a, b decode.Attribute) bool {
	return a.Name == b.Name && a.Type == b.Type && a.Default == b.Default && a.Text == b.Text && a.Example == b.Example
}

func alike(a, b []decode.Attribute) bool { return slices.EqualFunc(a, b, same) }

// types are those of some blocks that need a word on how they are written, each once.
func types(blocks []shape.Block) []decode.Type {
	var found []decode.Type
	for _, b := range blocks {
		for _, a := range b.Attributes {
			if a.Type.Takes() != "" && !slices.Contains(found, a.Type) {
				found = append(found, a.Type)
			}
		}
	}
	return found
}

// wrapped breaks a text into lines that begin with an indent.
func wrapped(indent, text string) string {
	lines := wordwrap.WrapString(text, uint(width-len(indent)))
	return indent + strings.ReplaceAll(lines, "\n", "\n"+indent)
}
