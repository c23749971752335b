package guard

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"sallyport/agent/stack"
)

// Alone says why a change of a stack may not be planned by itself, before somebody has looked at it: what terraform would load
// for it and run, or where its state lies, is not what it was. Empty: it may. What cannot be read, or not to the end, is a reason.
func Alone(before, now stack.Tree, d stack.Definition) (why string, err error) {
	has, err := guardsOf(now, d)
	if err != nil {
		return "", err
	}
	had, err := guardsOf(before, d)
	if errors.Is(err, stack.ErrNoDir) {
		return "the whole stack is new", nil
	}
	if err != nil {
		return "", err
	}
	if what := has.changed(had); what != "" {
		return "it changes " + what, nil
	}
	if len(has.programs) > 0 {
		return "its plan runs programs: " + has.programs[0], nil
	}
	for _, p := range has.providers {
		if !slices.Contains(had.providers, p) {
			return "it brings in the provider " + p, nil
		}
	}
	for _, m := range has.remote {
		if !slices.Contains(had.remote, m) {
			return "it brings in a module from elsewhere: " + m, nil
		}
	}
	switch {
	case has.exec != had.exec:
		return "it changes the program that a provider or a backend runs", nil
	case has.configured != had.configured:
		return "it changes the configuration of a provider", nil
	case has.unknown != "":
		return "nobody can tell whether it changes what the configuration of a provider refers to: " + has.unknown, nil
	case has.reached != had.reached:
		return "it changes what the configuration of a provider refers to", nil
	}
	return "", nil
}

// loads are what configuration makes terraform load and run while it only plans.
type loads struct {
	providers []string // local names, of whatever uses one, so that one needs no required_providers
	remote    []string // sources of modules that are not in the repository, with their versions
	programs  []string // what runs programs of the stack's choice, and what cannot be told not to
	exec      string   // of what can be told to run one, and is, the texts
	// configured are the texts of all provider blocks: there are more ways than are known to name a program to one.
	configured string

	root    string   // the directory of the root module
	texts   []string // what these are made of
	refers  []string // the names that these refer to
	unknown string   // what refers to what nobody can tell; empty: nothing
	reached string   // digest of all that the names lead to
}

func (l *loads) runs(what string) { l.programs = append(l.programs, what) }

// root are the blocks that matter, as terraform and OpenTofu know them.
var root = &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
	{Type: "provider", LabelNames: []string{"name"}},
	{Type: "resource", LabelNames: []string{"type", "name"}}, {Type: "data", LabelNames: []string{"type", "name"}},
	{Type: "ephemeral", LabelNames: []string{"type", "name"}}, {Type: "action", LabelNames: []string{"type", "name"}},
	{Type: "check", LabelNames: []string{"name"}}, {Type: "import"}, {Type: "terraform"},
}}

// readBody adds what a file makes terraform load. Where its modules come from is found with the stack's files.
func (l *loads) readBody(body hcl.Body, src []byte, name string) {
	content, _, diags := body.PartialContent(root)
	if diags.HasErrors() || content == nil {
		l.runs("nobody can tell what is in " + name)
		return
	}
	for _, b := range content.Blocks {
		switch b.Type {
		case "provider":
			l.provides(b.Labels[0])
			l.configured += tokens(blockText(b, src)) + "\n"
			l.asked(b, src, "provider "+b.Labels[0])
			l.referring(b, src, name, "provider "+b.Labels[0])
		case "terraform":
			l.asked(b, src, "the backend in "+name)
			l.referring(b, src, name, "the backend in "+name)
		case "check":
			l.readBody(b.Body, src, name) // data sources may stand in it
		case "import":
			l.ownProvider(b, "", name)
		default:
			kind, _, _ := strings.Cut(b.Labels[0], "_")
			l.ownProvider(b, kind, name)
			if b.Type == "resource" && running(kind) || b.Type != "resource" && running(b.Labels[0]) {
				l.runs(fmt.Sprintf("%s %s in %s", b.Type, b.Labels[0], name))
			}
			if b.Type == "data" && b.Labels[0] == "terraform_remote_state" {
				l.otherState(b, src, name)
				if text := blockText(b, src); execWord.Match(text) || fileWord.Match(text) {
					l.referring(b, src, name, "data terraform_remote_state in "+name)
				}
			}
		}
	}
}

// ownProvider adds the provider of a resource, data source or the like: the one that it names, or that of its type.
func (l *loads) ownProvider(b *hcl.Block, kind, name string) {
	content, _, _ := b.Body.PartialContent(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "provider"}}})
	if content == nil || content.Attributes["provider"] == nil {
		l.provides(kind)
		return
	}
	expr := content.Attributes["provider"].Expr
	if traversal, diags := hcl.AbsTraversalForExpr(expr); !diags.HasErrors() {
		l.provides(traversal.RootName())
		return
	}
	if v, diags := expr.Value(nil); !diags.HasErrors() && v.Type() == cty.String && v.IsKnown() && !v.IsNull() {
		kind, _, _ := strings.Cut(v.AsString(), ".") // an old way to write it
		l.provides(kind)
		return
	}
	l.runs("nobody can tell which provider is used in " + name)
}

func (l *loads) provides(name string) {
	if name != "" && name != "terraform" && !slices.Contains(l.providers, name) { // that one is built in
		l.providers = append(l.providers, name)
	}
}
