package redact

import (
	"strings"
	"unicode/utf8"
)

// Clean returns s without what could take over a terminal, hide a part of a line or make it look like another:
// escape sequences, control characters but \n and \t, bidirectional controls and zero-width characters. The line and
// paragraph separators U+2028 and U+2029 become \n, a carriage return before \n goes away, invalid UTF-8 becomes U+FFFD.
func Clean(s string) string { return clean(s, '\n') }

// CleanLine is [Clean] for text that must stay on one line: line breaks and tabs become single blanks.
func CleanLine(s string) string { return clean(s, ' ') }

// clean puts newline in the place of each line end, and leaves all of them as they are if it is 0.
func clean(s string, newline byte) string {
	if plain(s, newline) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); {
		if n := escape(s[i:]); n > 0 {
			i += n
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			b.WriteRune(utf8.RuneError)
		case newline == 0 && (r == '\n' || r == '\r' || r == '\u2028' || r == '\u2029'):
			b.WriteString(s[i : i+n])
		case r == '\n' || r == '\u2028' || r == '\u2029':
			b.WriteByte(newline)
		case r == '\t' && newline == ' ':
			b.WriteByte(' ')
		case r == '\r' && newline == ' ' && !strings.HasPrefix(s[i+1:], "\n"):
			b.WriteByte(' ') // a progress bar redrawn: words must not run together
		case r == '\t' || !hidden(r):
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}

// plain reports whether there is nothing to clean: the usual case, which must not cost a copy.
func plain(s string, newline byte) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c < 0x20 && c != '\n' && c != '\t' || c == 0x7f || newline == ' ' && (c == '\n' || c == '\t') {
			return false
		}
		if c >= utf8.RuneSelf {
			return plainRunes(s[i:], newline)
		}
	}
	return true
}

func plainRunes(s string, newline byte) bool {
	for i, r := range s {
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
				return false
			}
		}
		if r == '\u2028' || r == '\u2029' || newline == ' ' && (r == '\n' || r == '\t') {
			return false
		}
		if r != '\n' && r != '\t' && hidden(r) {
			return false
		}
	}
	return true
}

// hidden reports whether a character is not seen, or changes how others are seen.
func hidden(r rune) bool {
	switch {
	case r < 0x20, r >= 0x7f && r <= 0x9f: // C0, DEL, C1
	case r >= 0x200b && r <= 0x200f: // zero-width characters, LRM, RLM
	case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0x061c: // bidirectional controls
	case r >= 0x2060 && r <= 0x2064, r == 0xfeff, r == 0x00ad, r == 0x180e: // word joiner and kin, BOM, soft hyphen
	case r >= 0xe0000 && r <= 0xe007f: // tags: a whole hidden alphabet
	case r >= 0xfff9 && r <= 0xfffb: // interlinear annotation
	default:
		return false
	}
	return true
}

// escape returns the length of the terminal escape sequence that s begins with, 0 if there is none. An unfinished
// sequence of the string kind (OSC, DCS, ...) ends at the line's end, so that it can never swallow what follows.
func escape(s string) int {
	switch {
	case strings.HasPrefix(s, "\x1b"):
		return escapeBody(s, 1)
	case strings.HasPrefix(s, "\u009b"): // CSI as one C1 character
		return csi(s, len("\u009b"))
	case strings.HasPrefix(s, "\u009d"), strings.HasPrefix(s, "\u0090"),
		strings.HasPrefix(s, "\u0098"), strings.HasPrefix(s, "\u009e"), strings.HasPrefix(s, "\u009f"):
		return controlString(s, len("\u009d"))
	}
	return 0
}

func escapeBody(s string, i int) int {
	if i >= len(s) {
		return i
	}
	switch s[i] {
	case '[':
		return csi(s, i+1)
	case ']', 'P', 'X', '^', '_':
		return controlString(s, i+1)
	}
	for i < len(s) && s[i] >= 0x20 && s[i] <= 0x2f { // intermediate bytes, as in ESC ( B
		i++
	}
	if i < len(s) && s[i] >= 0x30 && s[i] <= 0x7e {
		i++
	}
	return i
}

// csi skips parameters, intermediates and the final byte of a control sequence.
func csi(s string, i int) int {
	for i < len(s) && s[i] >= 0x20 && s[i] <= 0x3f {
		i++
	}
	if i < len(s) && s[i] >= 0x40 && s[i] <= 0x7e {
		i++
	}
	return i
}

// controlString skips to BEL or ST.
func controlString(s string, i int) int {
	for i < len(s) {
		switch {
		case s[i] == '\a':
			return i + 1
		case strings.HasPrefix(s[i:], "\x1b\\"), strings.HasPrefix(s[i:], "\u009c"):
			return i + 2
		case s[i] == '\n', s[i] == '\x1b':
			return i
		}
		i++
	}
	return i
}
