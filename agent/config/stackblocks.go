package config

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"sallyport/agent/config/decode"
	"sallyport/agent/config/foreach"
	"sallyport/agent/config/naming"
	"sallyport/agent/config/shape"
)

// Why dir may not be referred to in a stacks block, or in defaults.
const (
	fixedRepository = "whose directory it is has to be known before a directory is"
	fixedProgram    = "programs are looked for when the agent starts, and none is run because a repository has a directory of some name; hooks are told the directory"
	fixedExclude    = "exclude says itself which directories there are"
)

// stacks reads all stack and stacks blocks in their order.
func (d *stackDecoder) stacks(blocks hcl.Blocks) {
	names, globs := map[string]named{}, map[string]hcl.Range{}
	for _, b := range blocks {
		switch b.Type {
		case "stack":
			d.eachOf(b, shape.Stack(), func(a decode.Attributes, scope decode.Scope) {
				if s := d.stack(b, a, scope, names); s != nil {
					d.cfg.Stacks = append(d.cfg.Stacks, s)
					if scope.Each != nil {
						d.cfg.Elements = append(d.cfg.Elements, Element{decode.Place(b.DefRange), fmt.Sprintf("stack %q", b.Labels[0]), scope.Each.Key, s.Name})
					}
				}
			})
		case "stacks":
			d.eachOf(b, shape.WithoutRequired(shape.Stacks()), func(a decode.Attributes, scope decode.Scope) {
				if g := d.stackGlob(b, a, scope, globs); g != nil {
					d.cfg.StackGlobs = append(d.cfg.StackGlobs, g)
				}
			})
		}
	}
}

// eachOf reads a block once for each element of its for_each, or once without any.
func (d *stackDecoder) eachOf(b *hcl.Block, s decode.Shape, read func(decode.Attributes, decode.Scope)) {
	a := d.l.Block(b, s)
	a.Base, a.BaseBlocks = d.defaults, d.above
	elements := foreach.Of(d.l, a)
	d.partial = d.partial || len(elements) == 0
	for _, each := range elements {
		scope := decode.Scope{Each: each}
		decode.In(d.l, scope, func() { read(a, scope) })
	}
}

// stack reads a stack block for one element; nil if there is a stack of that name already.
func (d *stackDecoder) stack(b *hcl.Block, a decode.Attributes, scope decode.Scope, taken map[string]named) *Stack {
	s := &Stack{}
	scope.Dir = decode.NotYet() // so that nothing more is said where dir is wrong
	if d.l.String(a, "dir", &s.Dir) {
		if clean, reason := naming.CleanDir(s.Dir); reason != "" {
			d.l.Fault(a.At("dir"), "Invalid directory", "dir = %q: %s.", s.Dir, reason)
		} else {
			s.Dir, scope.Dir = clean, cty.StringVal(clean)
		}
	}
	if !scope.Dir.IsKnown() {
		s.Dir = ""
	}
	new := false
	decode.In(d.l, scope, func() {
		at := named{b.Labels[0], b.LabelRanges[0]}
		if scope.Each != nil {
			s.Name = b.Labels[0] + "-" + scope.Each.Key
			d.repository(a, s) // whose name is that of its root
			d.name(a, scope, s)
			if at = (named{s.Name, firstRange(scope.Each.At, at.at)}); a.Own["name"] != nil {
				at.at = a.At("name")
			}
		} else if attr := a.Own["name"]; attr != nil {
			d.l.Fault(attr.NameRange, "Misplaced attribute", "name goes with for_each: without it the name of a stack is what stands after the word stack.")
		}
		if new = checkStackLabel(d.l, b, at, taken); new {
			s.Name = at.name
			d.stackIn(a, s)
		}
	})
	if !new {
		return nil
	}
	d.blocks = append(d.blocks, &stackBlock{Stack: s, attrs: a, scope: scope})
	return s
}

// firstRange is a place, or another one where that is not known.
func firstRange(at, otherwise hcl.Range) hcl.Range {
	if at.Filename == "" {
		return otherwise
	}
	return at
}

// stackIn reads all of a stack block but its name and its directory.
func (d *stackDecoder) stackIn(a decode.Attributes, s *Stack) {
	s.Hooks = readHooks(d.l, d.l.Single(a.OwnBlocks, "hooks"))
	d.decode(a, s)
	d.repository(a, s)
	for i, f := range s.VarFiles {
		if reason := naming.VarFileFault(s.Dir, f); reason != "" {
			d.l.Fault(a.Element("var_files", i), "Invalid path", "%q: %s.", f, reason)
		}
	}
	s.Inputs = finalInputs(d.inputs(s), s.Dir)
}

// name reads the name of one stack of several, where it is not DIR-KEY. Of the root of a repository the repository's name takes the place
// of dir, as it does without a name.
func (d *stackDecoder) name(a decode.Attributes, scope decode.Scope, s *Stack) {
	if s.Dir == "." && s.Repository != "" {
		scope.Dir = cty.StringVal(s.Repository)
	}
	var text string
	decode.In(d.l, scope, func() {
		switch {
		case !d.l.String(a, "name", &text):
		case text == "":
			d.l.Fault(a.At("name"), "Invalid name", "name is empty.")
		default:
			s.Name = naming.For(text)
		}
	})
}

// stackGlob reads a stacks block for one element; nil if another block has the same directories.
func (d *stackDecoder) stackGlob(b *hcl.Block, a decode.Attributes, scope decode.Scope, taken map[string]hcl.Range) *StackGlob {
	glob := b.Labels[0]
	if attr := a.Own["dir"]; attr != nil {
		d.l.Fault(attr.NameRange, "Misplaced attribute", "dir may not stand in a stacks block: each directory that matches %q makes a stack.", glob)
		delete(a.Own, "dir")
	}
	g := &StackGlob{Glob: glob, Block: decode.Place(b.DefRange)}
	if scope.Each != nil {
		g.Key = scope.Each.Key
	}
	scope.Dir = decode.NotYet()
	later := decode.Later(d.l, func() { decode.In(d.l, scope, func() { d.template(a, scope, g) }) })
	if later || a.Own["name"] != nil {
		g.later = func(dir string) (*Stack, error) { return d.stackOf(a, scope, g, dir) }
	}
	if reason := naming.GlobFault(glob); reason != "" {
		d.l.Fault(b.LabelRanges[0], "Invalid glob", "%q: %s.", glob, reason)
	}
	key := g.Stack.Repository + "\x00" + g.Stack.Workspace + "\x00" + glob
	if first, dup := taken[key]; dup && decode.Place(first) != g.Block {
		d.l.Fault(b.DefRange, "Duplicate stacks block", "The block at %s makes stacks of the same directories.", decode.Place(first))
		return nil
	}
	taken[key] = b.DefRange
	d.blocks = append(d.blocks, &stackBlock{Stack: &g.Stack, of: g, glob: glob, attrs: a, scope: scope})
	return g
}

// template reads what a stacks block says of all its directories.
func (d *stackDecoder) template(a decode.Attributes, scope decode.Scope, g *StackGlob) {
	decode.Fixed(d.l, fixedProgram, func() { g.Stack.Hooks = readHooks(d.l, d.l.Single(a.OwnBlocks, "hooks")) })
	d.decode(a, &g.Stack)
	decode.Fixed(d.l, fixedExclude, func() { d.globs(a, "exclude", &g.Exclude) })
	d.repository(a, &g.Stack)
	g.Stack.Inputs = d.inputs(&g.Stack)
	d.name(a, scope, &g.Stack) // for its faults: it is read again for each directory
	g.Stack.Name = ""
}

// stackOf reads a stacks block for one of its directories, when all else was read.
func (d *stackDecoder) stackOf(a decode.Attributes, scope decode.Scope, g *StackGlob, dir string) (*Stack, error) {
	again := *d
	again.l = decode.Again(d.l)
	scope.Dir = cty.StringVal(dir)
	s := &Stack{Dir: dir}
	decode.In(again.l, scope, func() {
		again.stackIn(a, s)
		s.Name = naming.OfKey(s.Repository, dir, g.Key)
		again.name(a, scope, s)
		b := &stackBlock{Stack: s, attrs: a}
		for i, up := range s.DependsOn {
			if strings.EqualFold(up, s.Name) {
				continue
			}
			again.dependency(b, d.stackNamed(up), up, i)
		}
		again.imagesExist(b)
	})
	if again.l.Failed() {
		return nil, again.l.Faults()
	}
	return s, nil
}
