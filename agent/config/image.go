package config

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// defaultBuilds is how many images are built at a time.
const defaultBuilds = 2

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

func imageShape() shape {
	return shape{
		required: []string{"dir"},
		optional: []string{
			"template", "repository", "var_files", "vars", "watch", "env", "schedule", "approvals", "approvers", "plan_ttl", "plan_timeout",
			"apply_alert", "apply_window", "freeze", "allow_self_approval", "mode", "mention", "channel", "label", "plan_in_slack",
		},
	}
}

func packerShape() shape { return shape{optional: []string{"binary", "parallel"}} }

// packer reads the packer block, which may be missing.
func (l *loader) packer(b *hcl.Block) Packer {
	p := Packer{Parallel: defaultBuilds}
	if b == nil {
		return p
	}
	a := attributes{own: l.content(b.Body, packerShape()).Attributes, header: b.DefRange}
	l.whole(a, "parallel", &p.Parallel)
	if l.str(a, "binary", &p.Binary) {
		l.executable(a, "packer", &p.Binary)
	}
	return p
}

// images reads all image blocks: stacks of another engine, whose names are of the same kind.
func (d *stackDecoder) images(blocks hcl.Blocks) {
	names := map[string]named{}
	for _, b := range blocks.OfType("image") {
		if !d.l.stackLabel(b, names) {
			continue
		}
		for _, other := range d.blocks {
			if other.glob == "" && strings.EqualFold(other.Name, b.Labels[0]) && other.Engine != EnginePacker {
				d.l.fault(b.LabelRanges[0], "Duplicate name", "There is a stack %q at %s already, and runs are named after both.", other.Name, place(other.attrs.header))
			}
		}
		d.cfg.Stacks = append(d.cfg.Stacks, d.image(b))
	}
}

func (d *stackDecoder) image(b *hcl.Block) *Stack {
	shape := imageShape()
	a := attributes{own: d.l.content(b.Body, shape).Attributes, base: hcl.Attributes{}, header: b.DefRange}
	for _, name := range shape.optional { // of the defaults only what images have too
		if attr := d.defaults[name]; attr != nil && !slices.Contains([]string{"var_files", "vars", "watch", "env"}, name) {
			a.base[name] = attr
		}
	}
	s := &Stack{Name: b.Labels[0], Template: "."}
	d.decode(a, s)
	s.Engine, s.Workspace, s.Tool = EnginePacker, "", Tool{Binary: d.cfg.Packer.Binary}
	d.repository(a, s)
	d.l.schedule(a, "schedule", &s.Schedule)
	if d.l.str(a, "dir", &s.Dir) {
		if clean, reason := cleanDir(s.Dir); reason != "" {
			d.l.fault(a.at("dir"), "Invalid directory", "dir = %q: %s.", s.Dir, reason)
		} else {
			s.Dir = clean
		}
	}
	if d.l.str(a, "template", &s.Template) && s.Template != "." {
		if reason := templateFault(s.Dir, s.Template); reason != "" {
			d.l.fault(a.at("template"), "Invalid template", "template = %q: %s.", s.Template, reason)
		}
	}
	for i, f := range s.VarFiles {
		if reason := varFileFault(s.Dir, f); reason != "" {
			d.l.fault(a.element("var_files", i), "Invalid path", "%q: %s.", f, reason)
		}
	}
	s.Inputs = finalInputs(d.inputs(s), s.Dir)
	d.blocks = append(d.blocks, &stackBlock{Stack: s, attrs: a})
	return s
}

// templateFault says what is wrong with a template's name.
func templateFault(dir, file string) string {
	if reason := varFileFault(dir, file); reason != "" {
		return reason
	}
	if path.Clean(file) != file || strings.HasPrefix(file, "../") {
		return "it is a file below dir, written without . and .. parts"
	}
	if !strings.HasSuffix(file, ".json") && !strings.HasSuffix(file, ".pkr.hcl") {
		return `it ends in .pkr.hcl, .pkr.json or .json; "." takes all *.pkr.hcl of dir`
	}
	return ""
}

// imageVars reads which variables of a stack are ids of images. Whether those exist is asked when all blocks were read.
func (d *stackDecoder) imageVars(a attributes, s *Stack) {
	v, ok := d.l.shown(a.get("images"), cty.Map(cty.String))
	if !ok {
		return
	}
	values := v.AsValueMap()
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if values[name].IsNull() {
			d.l.fault(a.key("images", name), "Wrong type", "images must be a map of strings: %s is null.", name)
			continue
		}
		if !hclsyntax.ValidIdentifier(name) {
			d.l.fault(a.key("images", name), "Invalid name", "%q cannot be the name of a Terraform variable.", name)
		}
		if _, twice := s.Vars[name]; twice {
			d.l.fault(a.key("images", name), "Contradiction", "The variable %s stands in vars and in images; keep one of the two.", name)
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
			d.l.fault(b.attrs.key("images", v.Variable), "Unknown image", "There is no image %q: add a block image %q { dir = \"...\" }.", v.Image, v.Image)
		default:
			d.l.fault(b.attrs.key("images", v.Variable), "Unknown image", "There is no image %q, but %s.", v.Image, orList(names))
		}
	}
}
