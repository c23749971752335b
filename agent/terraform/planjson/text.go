package planjson

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// MaxText is how much of a plan's text is held in memory and returned, in bytes. Plans of tens of megabytes exist; the
// whole text is in a file.
const MaxText = 8 << 20

// The text is redacted in parts of at least partSize. They end where the block of a resource does; only a single block of
// maxPart is cut at a line. No value may be cut in two and escape the redaction so: what is redacted on both sides of a cut must
// be the same as what is redacted across it, and else the cut moves back.
const (
	partSize = 1 << 20
	maxPart  = 16 << 20
	across   = 64 << 10 // bytes on each side that are looked at; a value and its wrapping are shorter
	cutTries = 16
)

// blockStart is how terraform begins the block of a resource.
const blockStart = "\n  # "

// TextWriter redacts a plan's text on its way into a file and keeps its beginning. Writing to it never fails, so that
// terraform can always write on: [TextWriter.Finish] returns the error.
type TextWriter struct {
	w      io.Writer
	redact func(string) string

	buf     []byte
	next    int // size of buf at which a cut is tried next
	scanned int // how much of buf was looked through already
	head    strings.Builder
	total   int64
	err     error
}

// NewTextWriter returns a writer of text that w gets as redact leaves it. Line and paragraph separators (U+2028, U+2029), which terraform
// leaves in values of many lines as they are, become the escapes that it writes in all others: shown as line ends, they would let a value
// write what looks like the block of another object.
func NewTextWriter(w io.Writer, redact func(string) string) *TextWriter {
	escapes := strings.NewReplacer("\u2028", `\u2028`, "\u2029", `\u2029`)
	return &TextWriter{w: w, redact: func(s string) string { return redact(escapes.Replace(s)) }}
}

// Write implements io.Writer; the error is always nil.
func (t *TextWriter) Write(p []byte) (int, error) {
	t.buf = append(t.buf, p...)
	if len(t.buf) >= max(t.next, partSize) {
		t.flush()
	}
	return len(p), nil
}

// Add is [TextWriter.Write] for a string.
func (t *TextWriter) Add(s string) { _, _ = t.Write([]byte(s)) }

// flush passes on the beginning of buf, up to a border that is inside of no value.
func (t *TextWriter) flush() {
	seen := max(0, t.scanned-len(blockStart)-across) // no block starts before: it would have been the cut
	cut := t.border(seen, []byte(blockStart))
	if cut == 0 && len(t.buf) >= maxPart {
		cut = t.border(0, []byte("\n"))
	}
	if cut == 0 && len(t.buf) >= 2*maxPart {
		cut = len(t.buf) // one line of 32 MB: give up on its borders
	}
	if cut > 0 {
		t.pass(t.buf[:cut])
		t.buf = append(t.buf[:0], t.buf[cut:]...)
	}
	t.scanned = len(t.buf)
	t.next = len(t.buf) + partSize
}

// border is the last line end that begins with the text given, is followed by enough to judge it, and is inside of no value; 0
// if there is none.
func (t *TextWriter) border(from int, begin []byte) int {
	end := len(t.buf) - across
	for range cutTries {
		if end <= from {
			return 0
		}
		i := bytes.LastIndex(t.buf[from:end], begin)
		if i < 0 {
			return 0
		}
		cut := from + i + 1
		before, after := string(t.buf[max(0, cut-across):cut]), string(t.buf[cut:cut+across])
		if t.redact(before)+t.redact(after) == t.redact(before+after) {
			return cut
		}
		end = cut - across/4
	}
	return 0
}

// pass writes a part, redacted, and keeps what of it belongs to the beginning of the text.
func (t *TextWriter) pass(part []byte) {
	s := t.redact(string(part))
	t.total += int64(len(s))
	if room := MaxText - t.head.Len(); room > 0 && t.total-int64(len(s)) == int64(t.head.Len()) {
		t.head.WriteString(s[:min(room, len(s))])
	}
	if t.err == nil {
		_, t.err = io.WriteString(t.w, s)
	}
}

// Finish passes on the rest and returns the first error of writing.
func (t *TextWriter) Finish() error {
	t.pass(t.buf)
	t.buf = nil
	return t.err
}

// Kept returns the beginning of the text, and whether that is not all of it. A cut is at the end of a line and says so.
func (t *TextWriter) Kept() (string, bool) {
	s := t.head.String()
	if int64(len(s)) == t.total {
		return s, false
	}
	if i := strings.LastIndexByte(s, '\n'); i > len(s)/2 {
		s = s[:i+1]
	}
	s = strings.ToValidUTF8(s, "\uFFFD") // without a newline the cut can be inside of a character
	return s + fmt.Sprintf("\n(cut here: the whole plan has %.1f MB of text)\n", float64(t.total)/1e6), true
}
