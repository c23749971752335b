package report

import (
	"fmt"
	"strings"

	"sallyport/notify/redact"
)

// code shows one line of a text from outside in a comment: in a code element, where a site makes no mentions and no references
// of it, and with everything that Markdown or HTML could take for its own as a character reference. Unlike backticks
// this cannot be ended by what is inside, and a bar does not end the cell of a table.
func code(s string) string {
	s = redact.CleanLine(s)
	if strings.TrimSpace(s) == "" {
		return ""
	}
	var b strings.Builder
	b.WriteString("<code>")
	for _, r := range s {
		if inert(r) {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "&#%d;", r)
		}
	}
	b.WriteString("</code>")
	return b.String()
}

// inert reports whether a character never means anything to Markdown or HTML. The full stop and the colon would make
// links of addresses.
func inert(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r >= 0x80:
		return true
	}
	return strings.ContainsRune(" -/,;", r)
}

// longestRun is the most backticks of a run that a text may keep. Terraform's texts have few; a longer one is an attack on
// the room that the fence needs.
const longestRun = 60

// fence puts a text of several lines into a code fence that it cannot end: the fence is longer than any run of backticks
// inside.
func fence(s string) string {
	s = strings.TrimRight(shortRuns(redact.Clean(s)), "\n ")
	marks := strings.Repeat("`", max(3, longest(s)+1))
	return marks + "text\n" + s + "\n" + marks + "\n"
}

// longest is the length of the longest run of backticks.
func longest(s string) int {
	most, n := 0, 0
	for i := range len(s) {
		if s[i] != '`' {
			n = 0
			continue
		}
		n++
		most = max(most, n)
	}
	return most
}

// shortRuns cuts runs of backticks that are too long, and marks where.
func shortRuns(s string) string {
	if longest(s) <= longestRun {
		return s
	}
	var b strings.Builder
	n := 0
	for _, r := range s {
		if r == '`' {
			n++
		} else {
			n = 0
		}
		switch {
		case n <= longestRun:
			b.WriteRune(r)
		case n == longestRun+1:
			b.WriteRune('…')
		}
	}
	return b.String()
}
