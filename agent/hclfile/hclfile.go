// Package hclfile parses configuration that a repository holds, in the agent's own process.
//
// Whoever can put a file into a repository chooses what is parsed. The parser calls itself for each bracket, operator and block
// that is open, so that half a megabyte of opening brackets overflows the stack, which no program can recover from: the agent
// would end, and end again at each start. And it takes some hundred times as much memory as the file has bytes. So a file is
// looked at before it is parsed, and one that is nested too deeply, or holds too much, is not.
//
// Terraform has no such bounds. What is refused here is no configuration that people write.
package hclfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

const (
	// MaxWords bounds the words and signs of a directory's files together: what is parsed takes some 400 bytes for each.
	MaxWords = 1 << 20
	// maxNesting bounds how many brackets, operators and blocks are open at a time: the parser takes some five kilobytes for
	// each, and Go a stack of 512 MB.
	maxNesting = 10_000
)

var (
	// ErrTooDeep says that a file is nested more deeply than is parsed.
	ErrTooDeep = errors.New("is nested more deeply than is read")
	// ErrNoJSON says that a file is no JSON, or is nested more deeply than is read.
	ErrNoJSON = errors.New("is no JSON that can be read, or is nested too deeply")
	// ErrTooMuch says that a file has more words and signs than are parsed.
	ErrTooMuch = fmt.Errorf("has, with those beside it, more than %d words and signs and is not read", MaxWords)
)

// Parse parses a file of configuration, in JSON if its name ends in .json. What is refused unread is an error among the
// diagnostics, and no file.
func Parse(src []byte, name string) (*hcl.File, hcl.Diagnostics) {
	if _, err := Check(src, name, MaxWords); err != nil {
		return nil, hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "The file is not read", Detail: name + " " + err.Error()}}
	}
	if inJSON(name) {
		return hclparse.NewParser().ParseJSON(src, name)
	}
	return hclparse.NewParser().ParseHCL(src, name)
}

// Check says how many words and signs a file has, and whether it may be parsed: the error is [ErrTooDeep], [ErrNoJSON] or
// [ErrTooMuch].
func Check(src []byte, name string, most int) (words int, err error) {
	if inJSON(name) {
		return checkJSON(src, most)
	}
	words = wordsOf(src)
	switch {
	case words > most:
		return words, ErrTooMuch
	case words > maxNesting/2 && nested(src) > maxNesting: // a literal that is empty but for blanks is a token, and no word
		return words, ErrTooDeep
	}
	return words, nil
}

func inJSON(name string) bool { return strings.HasSuffix(name, ".json") }

// wordsOf is how many words and signs a text has, line ends included.
func wordsOf(src []byte) (n int) {
	inWord := false
	for _, c := range src {
		word := c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if c != ' ' && c != '\t' && !(word && inWord) {
			n++
		}
		inWord = word
	}
	return n
}

// checkJSON counts a string as one word. What is no JSON to Go is nested too deeply, or something that the parser of the
// configuration may read in a way of its own.
func checkJSON(src []byte, most int) (words int, err error) {
	if !json.Valid(src) { // which takes no more than 10,000 levels
		return 0, ErrNoJSON
	}
	from := 0
	for i := 0; i < len(src); i++ {
		if src[i] != '"' {
			continue
		}
		words += wordsOf(src[from:i]) + 1
		for i++; src[i] != '"'; i++ {
			if src[i] == '\\' {
				i++
			}
		}
		from = i + 1
	}
	if words += wordsOf(src[from:]); words > most {
		return words, ErrTooMuch
	}
	return words, nil
}

// frame is what is open: a bracket, a quote, the file itself.
type frame struct {
	close  hclsyntax.TokenType
	tokens int  // of the item that is being read: as many calls may be open for it
	lines  bool // a line's end is an item's end
	fresh  bool // nothing was in it yet
}

var closing = map[hclsyntax.TokenType]hclsyntax.TokenType{
	hclsyntax.TokenOBrace: hclsyntax.TokenCBrace, hclsyntax.TokenOBrack: hclsyntax.TokenCBrack, hclsyntax.TokenOParen: hclsyntax.TokenCParen,
	hclsyntax.TokenOQuote: hclsyntax.TokenCQuote, hclsyntax.TokenOHeredoc: hclsyntax.TokenCHeredoc,
	hclsyntax.TokenTemplateInterp: hclsyntax.TokenTemplateSeqEnd, hclsyntax.TokenTemplateControl: hclsyntax.TokenTemplateSeqEnd,
}

// nested is how deep the parser, and who looks at what it has parsed, may come at most: all tokens of all that is open, but for
// the items that are over. An operator is open for as long as its item: a ? b : a ? b : ...
func nested(src []byte) (most int) {
	tokens, _ := hclsyntax.LexConfig(src, "", hcl.InitialPos) // what is wrong with them the parser says
	return nestedIn(tokens)
}

func nestedIn(tokens hclsyntax.Tokens) (most int) {
	open := []frame{{lines: true}}
	total := 0
	for _, t := range tokens {
		top := &open[len(open)-1]
		switch t.Type {
		case hclsyntax.TokenComment, hclsyntax.TokenStringLit, hclsyntax.TokenQuotedLit:
			continue
		case hclsyntax.TokenNewline:
			if top.lines {
				total, top.tokens = total-top.tokens, 0
			}
			continue
		case hclsyntax.TokenComma:
			total, top.tokens = total-top.tokens, 0
			continue
		case hclsyntax.TokenIdent:
			top.lines = top.lines && !(top.fresh && string(t.Bytes) == "for") // { for ... } goes on over lines
		}
		top.fresh = false
		if t.Type == top.close && len(open) > 1 {
			total -= top.tokens
			open = open[:len(open)-1]
			continue
		}
		top.tokens++
		total++
		most = max(most, total)
		if end, opens := closing[t.Type]; opens {
			open = append(open, frame{close: end, lines: t.Type == hclsyntax.TokenOBrace, fresh: true})
		}
	}
	return most
}
