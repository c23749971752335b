package bugreport

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"sallyport/agent/config/decode"
	"sallyport/agent/config/shape"
	"sallyport/notify/redact"
	"sallyport/notify/words"
)

// leftOut stands in the place of a literal that may be a secret.
const leftOut = "(left out)"

// maxSecret bounds what is read of a file that holds a secret, in bytes.
const maxSecret = 1 << 20

// Places say where the functions of a configuration find what they return.
type Places struct {
	Base        string   // directory that relative paths start from
	Credentials []string // directories where credential("name") looks
	Getenv      func(string) string
}

// Secrets are those that a configuration names.
type Secrets struct {
	Known []redact.Secret
	// Unread are those that cannot be read here, by how they are named: nobody can look for their values.
	Unread []string
}

// Source is the text of a file of the configuration without the literals that may be secrets, and the secrets that it names.
//
// Literals are kept only where an attribute stands that this version knows, and knows to be no secret: a file with a fault is what a report
// is made for, and what was meant to be a token may be misspelled. Of a file that is no HCL, in which nobody knows where a value begins and
// ends, nothing is kept.
func Source(name string, data []byte, p Places) (text string, secrets Secrets) {
	_, faults := hclsyntax.ParseConfig(data, name, hcl.InitialPos)
	tokens, _ := hclsyntax.LexConfig(data, name, hcl.InitialPos)
	m := masker{data: data, places: p, plain: plainAttributes()}
	for i, t := range tokens {
		m.token(tokens, i, t)
	}
	if faults.HasErrors() {
		return fmt.Sprintf("%s: this file of %s is no valid HCL\n", leftOut, words.CountOf(bytes.Count(data, []byte("\n")), "line", "lines")), m.secrets
	}
	m.out.Write(data[min(m.from, len(data)):])
	return m.out.String(), m.secrets
}

// plainAttributes are the names of the attributes that hold no secret in any block.
func plainAttributes() map[string]bool {
	plain := map[string]bool{}
	for _, b := range shape.Reference() {
		for _, a := range b.Attributes {
			known, named := plain[a.Name]
			plain[a.Name] = isPlain(a) && (known || !named)
		}
	}
	plain["url"] = true // but for that of a receiver, into which services put their secrets
	return plain
}

func isPlain(a decode.Attribute) bool {
	switch a.Type {
	case decode.String, decode.Boolean, decode.Number, decode.ID, decode.Duration, decode.Size, decode.Schedule, decode.Choice, decode.File,
		decode.List, decode.Globs:
		return !strings.HasSuffix(a.Name, "_url") // whoever knows where to report to may report
	}
	return false
}

// masker copies the text of a file, and leaves out literals on the way.
type masker struct {
	data    []byte
	places  Places
	plain   map[string]bool // attributes of which the literals are kept
	out     bytes.Buffer
	from    int // what of data comes next
	secrets Secrets

	depth  int    // of braces, brackets, parentheses and texts
	hidden int    // the depth at which the value that is left out began; 0: none is
	secret bool   // that value is a secret
	calls  []call // the functions whose arguments these are
	block  string // the block at the outermost level
}

// call is a function that is being called, at a depth.
type call struct {
	name  string
	depth int
}

func (m *masker) token(all hclsyntax.Tokens, i int, t hclsyntax.Token) {
	switch t.Type {
	case hclsyntax.TokenComment:
		// What was taken out of use may have been a secret that still is one.
		if bytes.HasSuffix(t.Bytes, []byte("\n")) {
			m.replace(t, "#\n")
			m.newline()
		} else {
			m.replace(t, "/* */")
		}
	case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenOHeredoc, hclsyntax.TokenOQuote,
		hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
		m.open(all, i, t)
	case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenCHeredoc, hclsyntax.TokenCQuote, hclsyntax.TokenTemplateSeqEnd:
		m.depth--
		if n := len(m.calls); n > 0 && m.calls[n-1].depth > m.depth {
			m.calls = m.calls[:n-1]
		}
		if m.hidden > m.depth+1 {
			m.hidden, m.secret = 0, false
		}
		if m.depth <= 0 {
			m.block = ""
		}
	case hclsyntax.TokenIdent:
		m.word(all, i, t)
	case hclsyntax.TokenEqual:
		if m.hidden == 0 && i > 0 && m.hides(string(all[i-1].Bytes)) {
			m.hidden, m.secret = m.depth+1, decode.IsSecret(string(all[i-1].Bytes)) || string(all[i-1].Bytes) == "url"
		}
	case hclsyntax.TokenNewline:
		m.newline()
	case hclsyntax.TokenQuotedLit, hclsyntax.TokenStringLit, hclsyntax.TokenNumberLit, hclsyntax.TokenInvalid, hclsyntax.TokenBadUTF8:
		m.literal(t)
	}
}

// newline ends a value that is left out, unless it is inside of braces.
func (m *masker) newline() {
	if m.hidden == m.depth+1 && m.block != "locals" {
		m.hidden, m.secret = 0, false
	}
}

func (m *masker) open(all hclsyntax.Tokens, i int, t hclsyntax.Token) {
	m.depth++
	before := ""
	if i > 0 && all[i-1].Type == hclsyntax.TokenIdent {
		before = string(all[i-1].Bytes)
	}
	switch {
	case t.Type == hclsyntax.TokenOParen && before != "":
		m.calls = append(m.calls, call{before, m.depth})
	case t.Type == hclsyntax.TokenOBrace && m.depth == 1:
		if m.block = blockOf(all, i); m.block == "locals" { // any of them may stand where a secret does
			m.hidden = m.depth + 1
		}
	}
}

// blockOf is the type of the block whose brace is token i: the first word of its line.
func blockOf(all hclsyntax.Tokens, i int) string {
	for i > 0 && all[i-1].Type != hclsyntax.TokenNewline && all[i-1].Type != hclsyntax.TokenComment && all[i-1].Type != hclsyntax.TokenCBrace {
		i--
	}
	return string(all[i].Bytes)
}

// word leaves out a word where a value stands: somebody may have forgotten the quotes.
func (m *masker) word(all hclsyntax.Tokens, i int, t hclsyntax.Token) {
	if m.hidden == 0 || i == 0 || i+1 >= len(all) || all[i-1].Type == hclsyntax.TokenDot {
		return
	}
	switch all[i+1].Type {
	case hclsyntax.TokenOParen, hclsyntax.TokenEqual, hclsyntax.TokenColon:
		return // a function, or the name of a value
	}
	switch value := string(t.Bytes); value {
	case "local", "each", "dir", "true", "false", "null", "for", "in", "if":
	default:
		if m.secret {
			m.know(value)
		}
		m.replace(t, leftOut)
	}
}

// hides reports whether the value of an attribute is left out.
func (m *masker) hides(name string) bool {
	return !m.plain[name] || name == "url" && m.block == "notify"
}

func (m *masker) literal(t hclsyntax.Token) {
	if n := len(m.calls); n > 0 {
		switch value := string(t.Bytes); m.calls[n-1].name {
		case "credential":
			read := false
			for _, dir := range m.places.Credentials {
				read = dir != "" && m.fromFile(filepath.Join(dir, filepath.Base(value))) || read
			}
			m.unless(read, "credential "+value)
			return
		case "file":
			if !filepath.IsAbs(value) {
				value = filepath.Join(m.places.Base, value)
			}
			m.unless(m.fromFile(value), "file "+value)
			return
		case "env":
			found := m.places.Getenv(value)
			m.know(found)
			m.unless(found != "", "env "+value)
			return
		}
	}
	if m.secret && t.Type != hclsyntax.TokenNumberLit {
		m.know(string(t.Bytes))
	}
	if m.hidden != 0 {
		end := ""
		if bytes.HasSuffix(t.Bytes, []byte("\n")) { // of a text of several lines
			end = "\n"
		}
		m.replace(t, leftOut+end)
	}
}

// fromFile makes a secret of what a file holds, and reports whether it could be read.
func (m *masker) fromFile(path string) bool {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() || info.Size() > maxSecret {
		return false
	}
	value, err := os.ReadFile(path)
	if err != nil {
		return false
	}
	m.know(string(value))
	return true
}

// unless notes a secret that nobody can look for, each once.
func (m *masker) unless(read bool, name string) {
	if name = redact.CleanLine(name); !read && !slices.Contains(m.secrets.Unread, name) {
		m.secrets.Unread = append(m.secrets.Unread, name)
	}
}

func (m *masker) know(value string) {
	if value = strings.TrimSpace(value); value != "" {
		m.secrets.Known = append(m.secrets.Known, redact.NewSecret(value))
	}
}

// replace puts something else in the place of a token.
func (m *masker) replace(t hclsyntax.Token, with string) {
	m.out.Write(m.data[m.from:t.Range.Start.Byte])
	m.out.WriteString(with)
	m.from = t.Range.End.Byte
}
