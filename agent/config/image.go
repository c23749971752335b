package config

import (
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"sallyport/agent/config/calendar"
	"sallyport/agent/config/decode"
	"sallyport/agent/config/naming"
	"sallyport/agent/config/program"
	"sallyport/agent/config/shape"
)

// Packer says which packer builds images and how many builds run at a time.
type Packer struct {
	Binary   string // empty: PATH
	Parallel int
}

// ImageVar is a Terraform variable that is the id of a built image.
type ImageVar struct {
	Variable string
	Image    string
	Builder  string // one of several; empty: there is one
}

// Uses are the stacks and images whose changes make a stack be planned again, each once.
func (s *Stack) Uses() []string {
	names := slices.Clone(s.DependsOn)
	for _, v := range s.Images {
		if !slices.Contains(names, v.Image) {
			names = append(names, v.Image)
		}
	}
	return names
}

// readPacker reads the packer block, which may be missing.
func readPacker(l *decode.Reader, b *hcl.Block) Packer {
	p := Packer{}
	a := l.Block(b, shape.Packer())
	l.Whole(a, "parallel", &p.Parallel)
	if l.String(a, "binary", &p.Binary) {
		program.Binary(l, a, "packer", &p.Binary)
	}
	return p
}

// images reads all image blocks: stacks of another engine, whose names are of the same kind.
func (d *stackDecoder) images(blocks hcl.Blocks) {
	names := map[string]named{}
	for _, b := range blocks.OfType("image") {
		if !checkStackLabel(d.l, b, named{b.Labels[0], b.LabelRanges[0]}, names) {
			continue
		}
		for _, other := range d.blocks {
			if other.glob == "" && strings.EqualFold(other.Name, b.Labels[0]) && other.Engine != EnginePacker {
				d.l.Fault(b.LabelRanges[0], "Duplicate name", "There is a stack %q at %s already, and runs are named after both.", other.Name, decode.Place(other.attrs.Header))
			}
		}
		d.cfg.Stacks = append(d.cfg.Stacks, d.image(b))
	}
}

func (d *stackDecoder) image(b *hcl.Block) *Stack {
	a := d.l.Block(b, shape.Image())
	own := a.Known
	// What only stacks can say has its default; of the defaults block counts only what images have too.
	a.Base, a.Known = hcl.Attributes{}, append(slices.Clone(own), shape.Stack().Attributes...)
	for _, of := range own {
		if attr := d.defaults[of.Name]; attr != nil && !of.Required && !slices.Contains([]string{"var_files", "vars", "watch", "env"}, of.Name) {
			a.Base[of.Name] = attr
		}
	}
	s := &Stack{Name: b.Labels[0]}
	scope := decode.Scope{Dir: decode.NotYet()}
	if d.l.String(a, "dir", &s.Dir) {
		if clean, reason := naming.CleanDir(s.Dir); reason != "" {
			d.l.Fault(a.At("dir"), "Invalid directory", "dir = %q: %s.", s.Dir, reason)
		} else {
			s.Dir, scope.Dir = clean, cty.StringVal(clean)
		}
	}
	decode.In(d.l, scope, func() { d.imageIn(a, s) })
	d.blocks = append(d.blocks, &stackBlock{Stack: s, attrs: a})
	return s
}

// imageIn reads all of an image block but its name and its directory.
func (d *stackDecoder) imageIn(a decode.Attributes, s *Stack) {
	d.decode(a, s)
	s.Engine, s.Workspace, s.Tool = EnginePacker, "", Tool{Binary: d.cfg.Packer.Binary}
	d.repository(a, s)
	calendar.ReadSchedule(d.l, a, "schedule", &s.Schedule)
	if d.l.String(a, "template", &s.Template) && s.Template != "." {
		if reason := naming.TemplateFault(s.Dir, s.Template); reason != "" {
			d.l.Fault(a.At("template"), "Invalid template", "template = %q: %s.", s.Template, reason)
		}
	}
	for i, f := range s.VarFiles {
		if reason := naming.VarFileFault(s.Dir, f); reason != "" {
			d.l.Fault(a.Element("var_files", i), "Invalid path", "%q: %s.", f, reason)
		}
	}
	s.Inputs = finalInputs(d.inputs(s), s.Dir)
}

// imageVars reads which variables of a stack are ids of images. Whether those exist is asked when all blocks were read.
func (d *stackDecoder) imageVars(a decode.Attributes, s *Stack) {
	v, ok := d.l.Shown(a.Get("images"), cty.Map(cty.String))
	if !ok {
		return
	}
	values := v.AsValueMap()
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if values[name].IsNull() {
			d.l.Fault(a.Key("images", name), "Wrong type", "images must be a map of strings: %s is null.", name)
			continue
		}
		if !hclsyntax.ValidIdentifier(name) {
			d.l.Fault(a.Key("images", name), "Invalid name", "%q cannot be the name of a Terraform variable.", name)
		}
		if _, twice := s.Vars[name]; twice {
			d.l.Fault(a.Key("images", name), "Contradiction", "The variable %s stands in vars and in images; keep one of the two.", name)
		}
		image, builder, _ := strings.Cut(values[name].AsString(), ":")
		s.Images = append(s.Images, ImageVar{Variable: name, Image: image, Builder: builder})
	}
}

// imagesExist checks that what a stack takes its images from is there.
func (d *stackDecoder) imagesExist(b *stackBlock) {
	for _, v := range b.Images {
		var names []string
		found := false
		for _, other := range d.blocks {
			if other.Engine == EnginePacker {
				names = append(names, other.Name)
				found = found || other.Name == v.Image
			}
		}
		switch {
		case found:
		case len(names) == 0:
			d.l.Fault(b.attrs.Key("images", v.Variable), "Unknown image", "There is no image %q: add a block image %q { dir = \"...\" }.", v.Image, v.Image)
		default:
			d.l.Fault(b.attrs.Key("images", v.Variable), "Unknown image", "There is no image %q, but %s.", v.Image, decode.OrList(names))
		}
	}
}
