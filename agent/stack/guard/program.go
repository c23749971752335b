package guard

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// Providers, and the backends with which other states are read, run programs when their configuration names one: to get
// credentials, to reach a host. It may stand in a file that the configuration names, which is one of the repository's if its path
// is relative.

var (
	execWord = regexp.MustCompile(`\bexec\b|credential_process|\bssh_opts\b`)
	// fileWord are the arguments that name files in which programs can stand.
	fileWord = regexp.MustCompile(`\b(?:shared_config_files?|shared_credentials_files?|config_paths?|config_file|kubeconfig)\b`)
	// elsewhere are those with nothing but files that are not in the repository.
	elsewhere = regexp.MustCompile(fileWord.String() + `"?\s*[=:]\s*\[?\s*"[/~][^"$%]*"(?:\s*,\s*"[/~][^"$%]*")*\s*,?\s*(?:\]|\n|\}|$)`)
	// fromTree are the ways to name a file of the repository.
	fromTree = regexp.MustCompile(`\bpath\.|\./`)
)

// asked notes a block of configuration by which something can be told to run a program: what it says of that, and whether that
// is a file of the repository, or cannot be told.
func (l *loads) asked(b *hcl.Block, src []byte, whose string) {
	text := blockText(b, src)
	program, file := execWord.Match(text), fileWord.Match(text)
	switch {
	case program && fromTree.Match(text), file && len(elsewhere.FindAll(text, -1)) < len(fileWord.FindAll(text, -1)):
		l.runs("a file of the repository, for " + whose)
	case program && unknownProgram(b.Body, text):
		l.runs("nobody can tell which, for " + whose)
	}
	if (program || file) && b.Type != "terraform" { // that one is compared as a whole
		l.exec += tokens(text) + "\n"
	}
	if b.Type == "provider" {
		l.written(b, whose)
	}
}

// written refuses what a provider is told to run where that does not stand in its block, but in a value from anywhere.
func (l *loads) written(b *hcl.Block, whose string) {
	content, _, _ := b.Body.PartialContent(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "exec"}, {Name: "kubernetes"}}})
	if content == nil {
		return
	}
	for _, a := range content.Attributes {
		if _, diags := hcl.ExprMap(a.Expr); diags.HasErrors() {
			if _, list := a.Expr.(*hclsyntax.TupleConsExpr); !list {
				l.runs("nobody can tell which, for " + whose)
			}
		}
	}
}

// unknownProgram reports whether the program that a block names is not a text that stands there.
func unknownProgram(body hcl.Body, text []byte) bool {
	native, ok := body.(*hclsyntax.Body)
	if !ok {
		return bytes.Contains(text, []byte("${"))
	}
	for _, inner := range native.Blocks {
		if unknownProgram(inner.Body, nil) {
			return true
		}
	}
	a := native.Attributes["command"]
	if a == nil {
		return false
	}
	v, diags := a.Expr.Value(nil)
	return diags.HasErrors() || !v.IsKnown() || v.IsNull() || v.Type() != cty.String
}

// otherState notes a data source that reads another state: it has a backend of its own, which can be told to run a program.
func (l *loads) otherState(b *hcl.Block, src []byte, name string) {
	whose := "data terraform_remote_state in " + name
	content, _, _ := b.Body.PartialContent(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "config"}}})
	if content != nil && content.Attributes["config"] != nil {
		pairs, diags := hcl.ExprMap(content.Attributes["config"].Expr)
		known := !diags.HasErrors()
		for _, pair := range pairs {
			v, diags := pair.Key.Value(nil)
			known = known && !diags.HasErrors() && v.IsKnown() && v.Type() == cty.String
		}
		if !known {
			l.runs("nobody can tell which, for " + whose)
			return
		}
	}
	l.asked(b, src, whose)
}

// tokens are a text without its blanks and comments.
func tokens(text []byte) string {
	list, diags := hclsyntax.LexConfig(text, "", hcl.InitialPos)
	if diags.HasErrors() {
		return string(text)
	}
	var out strings.Builder
	for _, t := range list {
		if t.Type != hclsyntax.TokenComment && t.Type != hclsyntax.TokenNewline {
			out.Write(t.Bytes)
			out.WriteByte(' ')
		}
	}
	return out.String()
}

// blockText is a block as it is written; in JSON, where blocks have no text of their own, all of the file's of its type, unescaped.
func blockText(b *hcl.Block, src []byte) []byte {
	if body, ok := b.Body.(*hclsyntax.Body); ok {
		return hcl.RangeBetween(b.DefRange, body.SrcRange).SliceBytes(src)
	}
	top, err := members(src)
	if err != nil {
		return unescaped(src)
	}
	var out []byte
	for _, m := range top {
		if m.key == b.Type {
			out = append(out, unescaped(m.value)...)
		}
	}
	return out
}

// programWords are what the names of data sources, and of providers, that run programs are made of.
var programWords = []string{"external", "shell", "script", "command", "exec", "execute", "program", "process", "subprocess", "bash"}

// running reports whether something of this type runs a program of the configuration's choice when it is read.
func running(kind string) bool {
	return slices.ContainsFunc(strings.Split(strings.ToLower(kind), "_"), func(word string) bool { return slices.Contains(programWords, word) })
}
