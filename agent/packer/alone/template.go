package alone

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"sallyport/agent/hclfile"
)

// roles are the blocks of a template in HCL that a plugin gets, by what they are in words.
var roles = map[string]string{
	"source": "builder", "provisioner": "provisioner", "error-cleanup-provisioner": "provisioner", "post-processor": "post-processor", "data": "data source",
}

// readHCL adds what a file of a template in HCL makes Packer load. One in HCL's JSON form is not read.
func (l *loads) readHCL(src []byte, name string) {
	f, diags := hclfile.Parse(src, name)
	if diags.HasErrors() || f == nil {
		l.cannotTell(name)
		return
	}
	body, native := f.Body.(*hclsyntax.Body)
	if !native {
		l.cannotTell(name)
		return
	}
	for _, b := range body.Blocks {
		if b.Type == "packer" {
			l.plugins += string(hcl.RangeBetween(b.TypeRange, b.CloseBraceRange).SliceBytes(src)) + "\n"
			continue
		}
		l.readBlock(b, "", src)
	}
}

// readBlock adds a block with all that is in it. of is what the plugin is that gets it; empty for what no plugin gets as it is.
func (l *loads) readBlock(b *hclsyntax.Block, of string, src []byte) {
	if role := roles[b.Type]; role != "" && len(b.Labels) > 0 {
		kind, _, _ := strings.Cut(b.Labels[0], ".") // of a source in a build block, which adds to one
		of = role + " " + kind
		l.uses(role, kind)
	}
	if b.Type == "dynamic" && len(b.Labels) > 0 && roles[b.Labels[0]] != "" {
		l.runs = append(l.runs, "a dynamic "+b.Labels[0])
	}
	for name, a := range b.Body.Attributes {
		if of == "" {
			continue
		}
		_, diags := a.Expr.Value(nil)
		l.argument(of, name, string(a.Expr.Range().SliceBytes(src)), !diags.HasErrors())
	}
	for _, inner := range b.Body.Blocks {
		l.readBlock(inner, of, src)
	}
}

// readOld adds what a template in plain JSON makes Packer load.
func (l *loads) readOld(src []byte, name string) {
	var t struct {
		Builders       []map[string]any `json:"builders"`
		Provisioners   []map[string]any `json:"provisioners"`
		PostProcessors []any            `json:"post-processors"`
		CleanUp        map[string]any   `json:"error-cleanup-provisioner"`
	}
	if err := json.Unmarshal(src, &t); err != nil {
		l.cannotTell(name)
		return
	}
	for _, b := range t.Builders {
		l.readObject("builder", b)
	}
	for _, p := range t.Provisioners {
		l.readObject("provisioner", p)
	}
	if t.CleanUp != nil {
		l.readObject("provisioner", t.CleanUp)
	}
	for _, p := range t.PostProcessors {
		l.readPostProcessor(p)
	}
}

// readPostProcessor adds one, which may be a name, an object or a list of these.
func (l *loads) readPostProcessor(p any) {
	switch p := p.(type) {
	case string:
		l.uses("post-processor", p)
	case map[string]any:
		l.readObject("post-processor", p)
	case []any:
		for _, one := range p {
			l.readPostProcessor(one)
		}
	default:
		l.runs = append(l.runs, "a post-processor that is nothing known")
	}
}

func (l *loads) readObject(role string, o map[string]any) {
	kind, ok := o["type"].(string)
	if !ok {
		l.runs = append(l.runs, "a "+role+" without a type")
		return
	}
	l.uses(role, kind)
	l.readArguments(role+" "+kind, o)
}

func (l *loads) readArguments(of string, value any) {
	switch v := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			l.argument(of, name, fmt.Sprint(v[name]), true)
			l.readArguments(of, v[name])
		}
	case []any:
		for _, one := range v {
			l.readArguments(of, one)
		}
	}
}
