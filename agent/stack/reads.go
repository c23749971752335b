package stack

import (
	"bytes"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"sallyport/agent/hclfile"
)

// maxTemplate bounds the files that are looked through for what they read themselves, in bytes.
const maxTemplate = 1 << 20

// set is what fileset lists: what matches a pattern in a directory.
type set struct{ dir, pattern string }

// lookAtFiles notes what the expressions of a module read.
//
// Of a path whose end is not known, what is below the directory in which it is known to be counts: "${path.module}/users/${var.name}"
// is something in users, unless its end leads up as it is written.
func (f *finder) lookAtFiles(in *instance) error {
	for i := range in.module.sites {
		s := &in.module.sites[i]
		var names bindings
		for _, b := range s.within {
			names = in.bind(names, b.over, b.key, b.val)
		}
		switch s.function {
		case "":
			f.mentioned(in, in.argument(s.args[0], names))
			continue
		case "fileset":
			if len(s.args) > 1 {
				f.listed(in, s, names)
				continue
			}
		case "templatefile":
			if err := f.templates(in, s, names); err != nil {
				return err
			}
		}
		for _, t := range in.eval(s.args[0], names).strings() {
			f.reading(in, s, t)
		}
	}
	return nil
}

// reading notes that a path is read.
func (f *finder) reading(in *instance, s *site, t text) {
	if !t.open {
		if at, ours := in.place(t.s); ours {
			f.reads[at] = true
		}
		return
	}
	switch at, ours := in.place(folder(t.s)); {
	case t.s == "" || t.up || ours && f.above(at):
		f.unknown(Unknown{File: s.file, Line: s.line, Text: s.text})
	case ours:
		f.reads[at] = true
	}
}

// folder is the directory of a path of which only the beginning is known.
func folder(begin string) string { return begin[:strings.LastIndexByte(begin, '/')+1] }

// above reports whether a directory holds that of the stack and more.
func (f *finder) above(at string) bool {
	return at != f.root && (at == "." || strings.HasPrefix(f.root, at+"/"))
}

// listed notes what fileset lists.
func (f *finder) listed(in *instance, s *site, names bindings) {
	patterns := in.constants(s.args[1], names)
	for _, t := range in.eval(s.args[0], names).strings() {
		at, ours := in.place(t.s)
		switch {
		case t.open || len(patterns) == 0:
			t.open = true
			if !strings.HasSuffix(t.s, "/") && len(patterns) == 0 {
				t.s += "/" // the pattern is what is not known
			}
			f.reading(in, s, t)
		case ours:
			for _, p := range patterns {
				f.sets[set{at, p.s}] = true
			}
		}
	}
}

// escaped is a glob that matches a path alone.
func escaped(p string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`, "]", `\]`, "{", `\{`, "}", `\}`).Replace(p)
}

// templates notes what the files read that templatefile reads. They know no names but those that they are given.
func (f *finder) templates(in *instance, s *site, names bindings) error {
	var given value
	if len(s.args) > 1 {
		given = in.eval(s.args[1], names)
	}
	for _, t := range in.constants(s.args[0], names) {
		at, ours := in.place(t.s)
		if !ours {
			continue
		}
		src, err := f.t.ReadFile(at)
		if WrongFile(err) != nil {
			continue // terraform will say so
		}
		if err != nil {
			return fmt.Errorf("template %s: %w", at, err)
		}
		if !bytes.Contains(src, []byte("file")) || !f.budget.spend(len(src)/64) {
			continue
		}
		var x hclsyntax.Expression
		if len(src) <= maxTemplate {
			x = hclfile.Template(src, at, hcl.InitialPos)
		}
		if x == nil {
			f.unknown(Unknown{File: at, Line: 1, Text: "this template, which is not looked through,"})
			continue
		}
		w := &siteWalker{source: &source{name: at, src: src}}
		w.walk(x)
		for i := range w.sites {
			names := bindings(given.fields)
			for _, b := range w.sites[i].within {
				names = in.bind(names, b.over, b.key, b.val)
			}
			for _, t := range in.eval(w.sites[i].args[0], names).strings() {
				f.reading(in, &w.sites[i], t)
			}
		}
	}
	return nil
}

// argument is what an argument can be, and what it passes on to functions that cannot be followed.
func (in *instance) argument(x hclsyntax.Expression, names bindings) (out []text) {
	switch x := x.(type) {
	case *hclsyntax.ParenthesesExpr:
		return in.argument(x.Expression, names)
	case *hclsyntax.ConditionalExpr:
		return append(in.argument(x.TrueResult, names), in.argument(x.FalseResult, names)...)
	case *hclsyntax.TupleConsExpr:
		for _, e := range x.Exprs {
			out = append(out, in.argument(e, names)...)
		}
		return out
	case *hclsyntax.ObjectConsExpr:
		for _, item := range x.Items {
			out = append(out, in.argument(item.ValueExpr, names)...)
		}
		return out
	case *hclsyntax.ForExpr:
		return in.argument(x.ValExpr, in.bind(names, x.CollExpr, x.KeyVar, x.ValVar))
	}
	v := in.eval(x, names)
	if call, ok := x.(*hclsyntax.FunctionCallExpr); ok && v.any {
		for _, a := range call.Args {
			out = append(out, in.argument(a, names)...)
		}
		return out
	}
	return v.all(in.budget, nil)
}

// all adds the texts of a value and of what is in it.
func (v value) all(b *budget, out []text) []text {
	if !b.spend(1 + len(v.texts)) {
		return out
	}
	out = append(out, v.texts...)
	for _, e := range v.fields {
		out = e.all(b, out)
	}
	for _, e := range v.list {
		out = e.all(b, out)
	}
	return out
}

// mentioned notes paths that an argument names, if there are such files or directories. The directory of the stack, and those
// above it, are where something is, and nothing that is read.
func (f *finder) mentioned(in *instance, texts []text) {
	for _, t := range texts {
		if t.s == "" || !relative(t.s) && !strings.HasPrefix(t.s, here) || t.up {
			continue
		}
		p := t.s
		if t.open {
			p = folder(p)
		}
		at, ours := in.place(p)
		if !ours || at == f.root || f.above(at) || f.below(at) || f.reads[at] {
			continue
		}
		f.reads[at] = false
	}
}

// followReads adds what expressions read to what links lead to.
func (f *finder) followReads() error {
	for _, p := range slices.Sorted(maps.Keys(f.reads)) {
		if f.below(p) {
			continue
		}
		if !f.reads[p] {
			if _, _, err := f.t.Resolve(p); WrongFile(err) != nil {
				continue // a text that only looks like a path
			}
		}
		f.links.files[p] = true
		if err := f.links.add(p); err != nil {
			return err
		}
	}
	for s := range f.sets {
		at, _, err := f.links.follow(s.dir)
		if err != nil {
			return err
		}
		for _, dir := range []string{s.dir, at} {
			glob := path.Join(escaped(dir), s.pattern)
			if dir != "" && !outside(glob) && doublestar.ValidatePattern(glob) && !f.below(path.Dir(path.Join(dir, s.pattern))) && !slices.Contains(f.Globs, glob) {
				f.Globs = append(f.Globs[:len(f.Globs):len(f.Globs)], glob)
			}
		}
	}
	slices.Sort(f.Globs[len(f.def.Watch):])
	return nil
}
