package declared

import (
	"fmt"
	"path"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"sallyport/agent/stack"
)

// Root is what a root module and the local modules that it calls declare.
type Root struct {
	root    string
	modules map[string]stack.Module
}

// Read reads a root module. The errors are those of [stack.Footprint].
func Read(t stack.Tree, d stack.Definition) (*Root, error) {
	c, err := stack.Read(t, d)
	if err != nil {
		return nil, err
	}
	r := &Root{root: c.Root, modules: map[string]stack.Module{}}
	for _, m := range c.Modules {
		r.modules[m.Dir] = m
	}
	return r, nil
}

// Variables are those that the root module declares, each with its type as it is written; whole is false if there may be more, in a
// file that cannot be read to its end.
func (r *Root) Variables() (types map[string]string, whole bool) {
	m := r.modules[r.root]
	types = map[string]string{}
	for _, s := range m.Files {
		for _, b := range blocks(s, "variable", "name") {
			attributes, _, _ := b.Body.PartialContent(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "type"}}})
			written := types[b.Labels[0]]
			if a := attributes.Attributes["type"]; a != nil {
				written = strings.Trim(string(a.Expr.Range().SliceBytes(s.Text)), `" `)
			}
			types[b.Labels[0]] = written
		}
	}
	return types, unread(m) == ""
}

// Presence is whether something is declared.
type Presence int

// What is known of it.
const (
	Absent  Presence = iota
	Present          // the resource is declared; which instances of it there are is another question
	Untold           // nobody can tell from the files of the repository
)

// Finding is what the files say about an address.
type Finding struct {
	Presence
	Why  string   // of all but Present, as half a sentence
	Like []string // the resources of the module that was looked at, where it has not got this one
}

// Find looks for the resource of an address, or for the module.
func (r *Root) Find(a Address) Finding {
	at, way := r.root, ""
	for i, m := range a.modules {
		calls := named(r.modules[at], "module", m.name)
		way += "module." + m.name
		if len(calls) == 0 {
			return r.missing(at, "there is no "+way)
		}
		last := a.kind == "" && i == len(a.modules)-1
		if wrong := keyed(calls, m.key, way); wrong != "" && !(last && m.key == "") {
			return Finding{Why: wrong}
		}
		if last {
			return Finding{Presence: Present}
		}
		source := text(calls, "source")
		if !strings.HasPrefix(source, "./") && !strings.HasPrefix(source, "../") {
			return Finding{Presence: Untold, Why: "the source of " + way + " is not in this repository"}
		}
		if at = path.Join(at, source); len(r.modules[at].Files) == 0 {
			return Finding{Presence: Untold, Why: "nobody can tell what " + way + " holds"}
		}
		way += inBrackets(m.key) + "."
	}
	found := named(r.modules[at], "resource", a.kind, a.name)
	if len(found) == 0 {
		f := r.missing(at, "there is no "+a.Resource())
		f.Like = resources(r.modules[at], way)
		return f
	}
	if wrong := keyed(found, a.key, a.Resource()); wrong != "" && !(a.all && a.key == "") {
		return Finding{Why: wrong}
	}
	return Finding{Presence: Present}
}

// missing is what is not in a module, as far as that can be read.
func (r *Root) missing(dir, why string) Finding {
	if file := unread(r.modules[dir]); file != "" {
		return Finding{Presence: Untold, Why: file + " cannot be read to its end"}
	}
	return Finding{Why: why}
}

// unread is a file of a module that could not be read to its end; empty if there is none.
func unread(m stack.Module) string {
	for _, s := range m.Files {
		if !s.Whole || s.Wrong != nil {
			return s.Name
		}
	}
	return ""
}

// keyed says what is wrong with the key, or the want of one, of an instance of what blocks declare.
func keyed(declared []*hcl.Block, key, what string) string {
	each, count := has(declared, "for_each"), has(declared, "count")
	isText := strings.HasPrefix(key, `"`)
	switch {
	case each && !isText:
		return fmt.Sprintf(`%s has for_each, so that each of its instances has a key: %s["KEY"]`, what, what)
	case count && (key == "" || isText):
		return fmt.Sprintf("%s has count, so that each of its instances has a number: %s[0]", what, what)
	case !each && !count && key != "":
		return fmt.Sprintf("%s has neither count nor for_each, so that it has no key", what)
	}
	return ""
}

// named are the blocks of a kind with these labels.
func named(m stack.Module, kind string, labels ...string) (out []*hcl.Block) {
	for _, s := range m.Files {
		for _, b := range blocks(s, kind, labels...) {
			if strings.Join(b.Labels, ".") == strings.Join(labels, ".") {
				out = append(out, b)
			}
		}
	}
	return out
}

// resources are the addresses of the resources of a module, without keys.
func resources(m stack.Module, way string) (out []string) {
	for _, s := range m.Files {
		for _, b := range blocks(s, "resource", "type", "name") {
			out = append(out, way+strings.Join(b.Labels, "."))
		}
	}
	return out
}

// blocks are the blocks of a kind in a file; labels has one word for each label that they have.
func blocks(s stack.Source, kind string, labels ...string) hcl.Blocks {
	if s.Body == nil {
		return nil
	}
	content, _, _ := s.Body.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: kind, LabelNames: labels}}})
	if content == nil {
		return nil
	}
	return content.Blocks
}

func has(declared []*hcl.Block, name string) bool {
	for _, b := range declared {
		if attribute(b, name) != nil {
			return true
		}
	}
	return false
}

// text is an attribute of the last of some blocks that has it; empty if it is no constant.
func text(declared []*hcl.Block, name string) (out string) {
	for _, b := range declared {
		a := attribute(b, name)
		if a == nil {
			continue
		}
		v, diags := a.Expr.Value(nil)
		if out = ""; !diags.HasErrors() && v.IsKnown() && !v.IsNull() && v.Type() == cty.String {
			out = v.AsString()
		}
	}
	return out
}

func attribute(b *hcl.Block, name string) *hcl.Attribute {
	content, _, _ := b.Body.PartialContent(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: name}}})
	if content == nil {
		return nil
	}
	return content.Attributes[name]
}
