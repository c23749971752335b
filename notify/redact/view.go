package redact

import (
	"html"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"
)

// coding is a way to write characters in several others. Which of its spellings a program chooses is up to that program, so
// text is decoded and the value looked for, instead of the value spelled in all ways.
type coding int

const (
	asItIs    coding = iota
	backslash        // JSON, Go, HCL: \" \u003c \n $${
	percent          // URLs: %2F
	entity           // HTML: &lt; &#34;
	spaced           // not a coding: blanks and tabs are left out
)

// view is a text as it is searched: without what is not seen, without line ends and what stands before the text of a line
// (indentation, terraform's signs), and decoded. Long values are wrapped, indented and coloured on their way to people.
type view struct {
	of     *view // whose text is the source; nil: the source is the whole text
	source string
	text   []byte
	pieces []piece
	from   int // in source: what comes next in text, and is not yet there
}

// piece is a part of a view, and where it comes from. The two have the same length unless the piece was decoded.
type piece struct{ at, length, source, sourceLength int }

// seen is the view of a text.
func seen(s string) *view { return look(&view{source: s}, asItIs) }

// in is the view with what is written in that coding decoded; nil if there is nothing. It is made of the text, not of its
// source: what is not seen may be in the middle of an escape as well.
func (v *view) in(c coding) *view {
	if s := string(v.text); contains(s, c) {
		return look(&view{of: v, source: s}, c)
	}
	return nil
}

func look(v *view, c coding) *view {
	s, plain := v.source, plainBytes(c)
	v.text = make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		if plain[s[i]] {
			i++
			continue
		}
		if as, n := decode(s[i:], c); n > 0 {
			v.decoded(i, n, as)
			i += n
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '\n' || r == '\u2028' || r == '\u2029':
			n += margin(s[i+n:])
			v.drop(i, n)
		case hidden(r) && r != '\t', c == spaced && (r == ' ' || r == '\t'):
			v.drop(i, n)
		}
		i += n
	}
	v.copy(len(s))
	return v
}

// plainBytes are those that are seen, and stand for themselves.
func plainBytes(c coding) (plain [256]bool) {
	for b := ' '; b < 0x7f; b++ {
		plain[b] = c == asItIs || c == spaced || !strings.ContainsRune(`\%&$`, b)
	}
	plain[' '], plain['\t'] = c != spaced, c != spaced
	return plain
}

// contains reports whether there may be something to decode.
func contains(s string, c coding) bool {
	switch c {
	case backslash:
		return strings.IndexByte(s, '\\') >= 0 || strings.Contains(s, "$${") || strings.Contains(s, "%%{")
	case percent:
		return strings.IndexByte(s, '%') >= 0
	case entity:
		return strings.IndexByte(s, '&') >= 0
	case spaced:
		return strings.ContainsAny(s, " \t")
	}
	return false
}

// copy takes over the source up to i.
func (v *view) copy(i int) {
	if i > v.from {
		v.pieces = append(v.pieces, piece{at: len(v.text), length: i - v.from, source: v.from, sourceLength: i - v.from})
		v.text = append(v.text, v.source[v.from:i]...)
	}
	v.from = i
}

// drop leaves out n bytes of the source at i.
func (v *view) drop(i, n int) {
	v.copy(i)
	v.from = i + n
}

// decoded puts something else in the place of n bytes of the source at i.
func (v *view) decoded(i, n int, as string) {
	v.drop(i, n)
	if as == "" {
		return
	}
	v.pieces = append(v.pieces, piece{at: len(v.text), length: len(as), source: i, sourceLength: n})
	v.text = append(v.text, as...)
}

// span is where a part of the text is in the whole text.
func (v *view) span(from, to int) (int, int) {
	first, last := v.piece(from), v.piece(to-1)
	start, end := first.source, last.source+last.sourceLength
	if first.length == first.sourceLength {
		start += from - first.at
	}
	if last.length == last.sourceLength {
		end = last.source + to - last.at
	}
	if v.of != nil {
		return v.of.span(start, end)
	}
	return start, end
}

func (v *view) piece(at int) piece {
	return v.pieces[sort.Search(len(v.pieces), func(i int) bool { return v.pieces[i].at > at })-1]
}

// margin is the length of what stands before the text of a line: blanks, with one sign of terraform's among them, or whose
// output it is.
func margin(s string) int {
	line, _, _ := strings.Cut(s, "\n")
	if i := strings.Index(line, "-exec): "); i >= 0 { // terraform_data.node: (local-exec): text
		return i + len("-exec): ")
	}
	n := blanks(s)
	if n == len(s) || strings.IndexByte("|+-~\xe2", s[n]) < 0 {
		return n
	}
	for _, sign := range []string{"│ ", "╷ ", "╵ ", "| ", "+ ", "- ", "~ "} {
		if strings.HasPrefix(s[n:], sign) {
			n += len(sign)
			return n + blanks(s[n:])
		}
	}
	return n
}

// blanks is how many blanks and tabs s begins with.
func blanks(s string) (n int) {
	for n < len(s) && (s[n] == ' ' || s[n] == '\t') {
		n++
	}
	return n
}

// decode returns what the n bytes at the beginning of s stand for; n is 0 if they stand for themselves.
func decode(s string, c coding) (as string, n int) {
	switch c {
	case backslash:
		return decodeBackslash(s)
	case percent:
		if s[0] == '%' && len(s) >= 3 {
			if b, err := strconv.ParseUint(s[1:3], 16, 8); err == nil {
				return visible(string([]byte{byte(b)})), 3
			}
		}
	case entity:
		if s[0] != '&' {
			return "", 0
		}
		if end := strings.IndexByte(s[:min(len(s), 12)], ';'); end > 0 {
			if as = html.UnescapeString(s[:end+1]); as != s[:end+1] {
				return visible(as), end + 1
			}
		}
	}
	return "", 0
}

func decodeBackslash(s string) (as string, n int) {
	if strings.HasPrefix(s, "$${") || strings.HasPrefix(s, "%%{") {
		return s[:1], 2 // the brace stands for itself
	}
	if s[0] != '\\' || len(s) < 2 {
		return "", 0
	}
	switch s[1] {
	case 'n':
		return "", 2 + margin(s[2:])
	case '/': // JSON's, of some programs
		return "/", 2
	case '\'':
		return "'", 2
	}
	r, multibyte, rest, err := strconv.UnquoteChar(s, '"')
	if err != nil {
		return "", 0
	}
	if !multibyte && r >= utf8.RuneSelf { // \xe4
		return string([]byte{byte(r)}), len(s) - len(rest)
	}
	return visible(string(r)), len(s) - len(rest)
}

// visible is a character as it is seen.
func visible(s string) string {
	r, _ := utf8.DecodeRuneInString(s)
	if r == '\n' || r == '\u2028' || r == '\u2029' || r != '\t' && r != utf8.RuneError && hidden(r) {
		return ""
	}
	return s
}
