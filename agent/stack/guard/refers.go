package guard

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"sallyport/agent/hclfile"
	"sallyport/agent/stack"
)

// The configuration of a provider, and of a backend that another state is read with, may stand unchanged and yet mean something
// else: it refers to variables, local values, resources and modules. So what it refers to is compared, too, from one to the next
// as far as that leads.

// readsFiles are the ways to read files, in the tokens of a text: functions, paths into the repository, and what is named after the
// files that it reads (local_file, sops_file). What is in a file nobody compares here.
var readsFiles = regexp.MustCompile(`\b(?:template)?file[0-9a-z]*\s*\(|\bpath \. |\b(?:data|ephemeral|resource) " [^"]*file[^"]* "`)

// quoted are the texts in quotes, in tokens.
var quoted = regexp.MustCompile(`" ([^"]+) "`)

// readsTree reports whether tokens read, or may read, what is in a file of the repository: they do so by any of readsFiles, or one
// is there whose path, as terraform is started in the root module, stands in quotes.
func (l *loads) readsTree(t stack.Tree, text string) (bool, error) {
	if readsFiles.MatchString(text) {
		return true, nil
	}
	for _, literal := range quoted.FindAllStringSubmatch(text, -1) {
		_, err := t.ReadFile(path.Join(l.root, literal[1]))
		if err == nil || stack.WrongFile(err) == nil {
			return err == nil, err
		}
	}
	return false, nil
}

// referring notes what a block that must not change by itself refers to.
func (l *loads) referring(b *hcl.Block, src []byte, name, whose string) {
	body, native := b.Body.(*hclsyntax.Body)
	text := blockText(b, src)
	switch {
	case !native && (bytes.Contains(text, []byte("${")) || bytes.Contains(text, []byte("%{"))), native && readsFiles.MatchString(tokens(text)):
		l.unknown = whose
	case native:
		l.texts = append(l.texts, tokens(text))
		refs, ok := references(body)
		if !ok || len(refs) > 0 && path.Dir(name) != l.root {
			l.unknown = whose // a module's: what its callers give it
		}
		l.refers = append(l.refers, refs...)
	}
}

// references are the names that a body refers to: var.a, local.a, module.a, data.type.a, type.a. False: one cannot be told.
func references(body *hclsyntax.Body) (refs []string, ok bool) {
	ok = true
	_ = hclsyntax.VisitAll(body, func(node hclsyntax.Node) hcl.Diagnostics {
		expr, is := node.(*hclsyntax.ScopeTraversalExpr)
		if !is {
			return nil
		}
		ref, known := reference(expr.Traversal)
		ok = ok && known
		if ref != "" {
			refs = append(refs, ref)
		}
		return nil
	})
	return refs, ok
}

// reference is the name at the beginning of a traversal; empty if it is none of another block's.
func reference(t hcl.Traversal) (ref string, known bool) {
	root := t.RootName()
	parts := 2
	switch root {
	case "path", "terraform", "each", "count", "self", "tofu":
		return "", true
	case "data", "ephemeral", "resource":
		parts = 3
	}
	words := []string{root}
	for _, step := range t[1:] {
		attr, is := step.(hcl.TraverseAttr)
		if !is || len(words) == parts {
			break
		}
		words = append(words, attr.Name)
	}
	if len(words) == 1 {
		// The name of a for expression, a key of an object or a type; that of all variables is refused by terraform.
		return "", !slices.Contains([]string{"var", "local", "module", "data", "ephemeral", "resource"}, root)
	}
	if root == "resource" {
		words = words[1:]
	}
	return strings.Join(words, "."), len(words) == parts || root == "resource" && len(words) == 2
}

// definition is what stands at a name: its text, and what that refers to.
type definition struct {
	text string
	refs []string
}

// reach follows what was noted through a root module and adds all that it leads to as one digest.
func (g *guards) reach(t stack.Tree, d stack.Definition, modules []stack.Module) error {
	if g.unknown != "" {
		return nil
	}
	for _, text := range g.texts {
		if reads, err := g.readsTree(t, text); err != nil || reads {
			g.unknown = "a file of the repository"
			return err
		}
	}
	if len(g.refers) == 0 {
		return nil
	}
	defs, err := g.definitions(t, d, modules)
	if err != nil || g.unknown != "" {
		return err
	}
	sum := sha256.New()
	seen := map[string]bool{}
	for queue := g.refers; len(queue) > 0; queue = queue[1:] {
		name := queue[0]
		if seen[name] {
			continue
		}
		seen[name] = true
		queue = append(slices.Clip(queue), defs[name].refs...)
	}
	for _, name := range sortedNames(seen) {
		if reads, err := g.readsTree(t, defs[name].text); err != nil || reads {
			g.unknown = name
			return err
		}
		fmt.Fprintf(sum, "%s\x00%s\x00", name, defs[name].text)
	}
	g.reached = hex.EncodeToString(sum.Sum(nil))
	return nil
}

func sortedNames(set map[string]bool) []string {
	names := make([]string, 0, len(set))
	for name := range set {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// definitions are those of a root module, by name. A module is all of the files of all modules.
func (g *guards) definitions(t stack.Tree, d stack.Definition, modules []stack.Module) (map[string]definition, error) {
	defs := map[string]definition{}
	add := func(name string, text []byte, refs []string) {
		one := defs[name]
		one.text += tokens(text) + "\n"
		one.refs = append(one.refs, refs...)
		defs[name] = one
	}
	var others []byte
	for _, m := range modules {
		for i := range m.Files {
			if m.Dir != g.root {
				others = append(others, m.Files[i].Text...)
			}
		}
	}
	for _, m := range modules {
		if m.Dir != g.root {
			continue
		}
		for i := range m.Files {
			s := &m.Files[i]
			body, native := s.Body.(*hclsyntax.Body)
			if !native {
				if !settingsOnly(s.Text) {
					g.unknown = s.Name
				}
				continue
			}
			for _, b := range body.Blocks {
				g.define(b, s.Text, others, add)
			}
		}
	}
	return defs, g.values(t, d, add)
}

// settingsOnly reports whether a file is JSON with terraform blocks and nothing to refer to.
func settingsOnly(src []byte) bool {
	top, err := members(src)
	return err == nil && !slices.ContainsFunc(top, func(m member) bool { return m.key != "terraform" && m.key != "//" })
}

// define adds what a block defines.
func (g *guards) define(b *hclsyntax.Block, src, modules []byte, add func(string, []byte, []string)) {
	refs, ok := references(b.Body)
	text := hcl.RangeBetween(b.TypeRange, b.CloseBraceRange).SliceBytes(src)
	if !ok {
		g.unknown = b.Type + " " + strings.Join(b.Labels, ".")
	}
	switch {
	case b.Type == "locals":
		for name, attr := range b.Body.Attributes {
			only := &hclsyntax.Body{Attributes: hclsyntax.Attributes{name: attr}}
			refs, _ := references(only)
			add("local."+name, attr.SrcRange.SliceBytes(src), refs)
		}
	case b.Type == "variable" && len(b.Labels) == 1:
		add("var."+b.Labels[0], text, refs)
	case b.Type == "module" && len(b.Labels) == 1:
		add("module."+b.Labels[0], slices.Concat(text, []byte("\n"), modules), refs)
	case b.Type == "resource" && len(b.Labels) == 2:
		add(strings.Join(b.Labels, "."), text, refs)
	case len(b.Labels) == 2:
		add(b.Type+"."+strings.Join(b.Labels, "."), text, refs)
	}
}

// values adds what the repository's var files give the root module's variables.
func (g *guards) values(t stack.Tree, d stack.Definition, add func(string, []byte, []string)) error {
	given := func(name string, src []byte) {
		file, diags := hclfile.Parse(src, name)
		if file == nil || diags.HasErrors() {
			g.unknown = name
			return
		}
		attrs, diags := file.Body.JustAttributes()
		if diags.HasErrors() {
			g.unknown = name
		}
		for key, attr := range attrs {
			add("var."+key, attr.Expr.Range().SliceBytes(src), nil)
		}
	}
	for _, v := range d.VarFiles {
		src, err := t.ReadFile(path.Join(g.root, v))
		switch {
		case err == nil:
			given(v, src)
		case stack.WrongFile(err) != nil:
			g.unknown = v
		default:
			return err
		}
	}
	names, err := stack.NamesIn(t, g.root)
	if errors.Is(err, stack.ErrNoDir) {
		return nil
	}
	for _, name := range names {
		if !isValues(name) {
			continue
		}
		src, readErr := t.ReadFile(path.Join(g.root, name))
		switch {
		case readErr == nil:
			given(name, src)
		case stack.WrongFile(readErr) != nil:
			g.unknown = name
		default:
			return readErr
		}
	}
	return err
}

// isValues tells the var files that terraform reads by itself.
func isValues(name string) bool {
	stem := strings.TrimSuffix(name, ".json")
	return stem == "terraform.tfvars" || strings.HasSuffix(stem, ".auto.tfvars")
}
