package stack

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	hcljson "github.com/hashicorp/hcl/v2/json"

	"sallyport/agent/hclfile"
)

// fileFunctions are those that read files of the machine that terraform runs on, which are those of the checkout.
var fileFunctions = map[string]bool{
	"file": true, "filebase64": true, "fileexists": true, "fileset": true, "templatefile": true,
	"filemd5": true, "filesha1": true, "filesha256": true, "filesha512": true, "filebase64sha256": true, "filebase64sha512": true,
}

// site is an expression that reads files: a call of one of those functions, or an argument that may name a file or directory.
type site struct {
	file     string // where it stands
	line     int
	text     string // as it is written, in one line
	function string // empty: an argument
	args     []hclsyntax.Expression
	within   []binder // from the outside in
}

// binder gives names a meaning within a block or a for expression.
type binder struct {
	over     hclsyntax.Expression
	key, val string // see [instance.bind]
}

// naming are the blocks whose arguments name files without calling a function: source_dir, filename.
var naming = []string{"resource", "data", "ephemeral", "module", "provider", "check", "action"}

// sitesOf finds the sites of a file.
func sitesOf(s *source) []site {
	w := &siteWalker{source: s}
	if body, ok := s.body.(*hclsyntax.Body); ok {
		w.walk(body)
		for _, b := range body.Blocks {
			if slices.Contains(naming, b.Type) {
				w.arguments(b.Body, w.binders(nil, b), b.Type == "module")
			}
		}
		return w.sites
	}
	whole, diags := hcljson.ParseExpression(s.src, s.name)
	if diags.HasErrors() {
		return nil
	}
	native := hclfile.Native(whole, s.src)
	if native == nil {
		return nil
	}
	w.walk(native)
	if object, ok := native.(*hclsyntax.ObjectConsExpr); ok {
		for _, item := range object.Items {
			if key, diags := item.KeyExpr.Value(nil); !diags.HasErrors() && slices.ContainsFunc(naming, func(n string) bool { return literal(key).is(n) }) {
				w.argument(item.ValueExpr, nil)
			}
		}
	}
	return w.sites
}

func (v value) is(s string) bool { return len(v.texts) == 1 && v.texts[0] == text{s: s} }

// siteWalker finds the calls of functions.
type siteWalker struct {
	source *source
	sites  []site
	loops  []*hclsyntax.ForExpr
	within []binder
}

func (w *siteWalker) walk(n hclsyntax.Node) { _ = hclsyntax.Walk(n, w) } // which has nothing to say of its own

// Enter implements hclsyntax.Walker.
func (w *siteWalker) Enter(n hclsyntax.Node) hcl.Diagnostics {
	switch n := n.(type) {
	case *hclsyntax.Block:
		w.within = w.binders(w.within, n)
	case *hclsyntax.ForExpr:
		w.loops = append(w.loops, n)
	case hclsyntax.ChildScope:
		if len(w.loops) > 0 {
			loop := w.loops[len(w.loops)-1]
			w.within = append(w.within[:len(w.within):len(w.within)], binder{loop.CollExpr, loop.KeyVar, loop.ValVar})
		}
	case *hclsyntax.FunctionCallExpr:
		if name := strings.TrimPrefix(n.Name, "core::"); fileFunctions[name] && len(n.Args) > 0 {
			w.add(name, n.Args, n.Range(), w.within)
		}
	}
	return nil
}

// Exit implements hclsyntax.Walker.
func (w *siteWalker) Exit(n hclsyntax.Node) hcl.Diagnostics {
	switch n := n.(type) {
	case *hclsyntax.Block:
		if b := binderOf(n); b != nil {
			w.within = w.within[:len(w.within)-1]
		}
	case *hclsyntax.ForExpr:
		w.loops = w.loops[:len(w.loops)-1]
	case hclsyntax.ChildScope:
		if len(w.loops) > 0 {
			w.within = w.within[:len(w.within)-1]
		}
	}
	return nil
}

func (w *siteWalker) binders(outer []binder, b *hclsyntax.Block) []binder {
	if inner := binderOf(b); inner != nil {
		return append(outer[:len(outer):len(outer)], *inner)
	}
	return outer
}

// binderOf is what a block gives a meaning: each, or the iterator of a dynamic block.
func binderOf(b *hclsyntax.Block) *binder {
	each := b.Body.Attributes["for_each"]
	if each == nil {
		return nil
	}
	name := "each"
	if b.Type == "dynamic" && len(b.Labels) == 1 {
		name = b.Labels[0]
		if own := b.Body.Attributes["iterator"]; own != nil {
			name = hcl.ExprAsKeyword(own.Expr)
		}
	}
	return &binder{over: each.Expr, key: name}
}

func (w *siteWalker) add(function string, args []hclsyntax.Expression, at hcl.Range, within []binder) {
	text := strings.Join(strings.Fields(string(at.SliceBytes(w.source.src))), " ")
	if strings.HasSuffix(w.source.name, ".json") && function != "" {
		text = function + "(...)" // what stands there is escaped
	}
	w.sites = append(w.sites, site{
		file: w.source.name, line: at.Start.Line, text: short(text), function: function, args: args, within: within,
	})
}

// maxShown bounds how much of an expression is shown, in bytes.
const maxShown = 80

func short(text string) string {
	if len(text) <= maxShown {
		return text
	}
	return strings.ToValidUTF8(text[:maxShown], "") + "..."
}

// arguments adds those of a block, and of the blocks in it, that can name files. What a module is called with is one of them, where
// it comes from is not.
func (w *siteWalker) arguments(body *hclsyntax.Body, within []binder, module bool) {
	for name, a := range body.Attributes {
		if !module || name != "source" && name != "version" && name != "providers" {
			w.argument(a.Expr, within)
		}
	}
	for _, b := range body.Blocks {
		w.arguments(b.Body, w.binders(within, b), false)
	}
}

// argument adds an expression if there is anything in it that makes a path.
func (w *siteWalker) argument(x hclsyntax.Expression, within []binder) {
	found := false
	_ = hclsyntax.VisitAll(x, func(n hclsyntax.Node) hcl.Diagnostics { // never any
		switch n := n.(type) {
		case *hclsyntax.ScopeTraversalExpr:
			switch n.Traversal.RootName() {
			case "path", "local", "var", "each":
				found = true
			}
		case *hclsyntax.LiteralValueExpr:
			found = found || len(literal(n.Val).texts) == 1 && relative(literal(n.Val).texts[0].s)
		}
		return nil
	})
	if found {
		w.add("", []hclsyntax.Expression{x}, x.Range(), within)
	}
}

// relative reports whether a text is a path from where terraform runs, by how it begins.
func relative(s string) bool { return strings.HasPrefix(s, "./") || strings.HasPrefix(s, "../") }
