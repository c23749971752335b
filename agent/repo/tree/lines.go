package tree

import (
	"strings"

	"github.com/go-git/go-git/v5/utils/diff"
	"github.com/sergi/go-diff/diffmatchpatch"
)

// hunk is what one side makes of the lines from start up to end of the base.
type hunk struct {
	start, end int
	lines      string
}

// MergeLines brings two sides' changes of a text together; ok is false where they touch each other.
func MergeLines(base, ours, theirs string) (merged string, ok bool) {
	lines := strings.SplitAfter(base, "\n")
	a, b := hunksOf(base, ours), hunksOf(base, theirs)
	var out strings.Builder
	at := 0
	for len(a)+len(b) > 0 {
		var next hunk
		switch {
		case len(a) > 0 && len(b) > 0 && a[0] == b[0]: // both did the same
			next, a, b = a[0], a[1:], b[1:]
		case len(b) == 0 || len(a) > 0 && a[0].start < b[0].start:
			next, a = a[0], a[1:]
		default:
			next, b = b[0], b[1:]
		}
		for _, rest := range [][]hunk{a, b} {
			if len(rest) > 0 && rest[0].start <= next.end {
				return "", false
			}
		}
		out.WriteString(strings.Join(lines[at:next.start], ""))
		out.WriteString(next.lines)
		at = next.end
	}
	out.WriteString(strings.Join(lines[at:], ""))
	return out.String(), true
}

func hunksOf(base, side string) []hunk {
	var out []hunk
	line, open := 0, false
	for _, d := range diff.Do(base, side) {
		n := strings.Count(d.Text, "\n")
		if d.Text != "" && !strings.HasSuffix(d.Text, "\n") {
			n++
		}
		if d.Type == diffmatchpatch.DiffEqual {
			line, open = line+n, false
			continue
		}
		if !open {
			out, open = append(out, hunk{start: line, end: line}), true
		}
		last := &out[len(out)-1]
		if d.Type == diffmatchpatch.DiffDelete {
			line += n
			last.end = line
		} else {
			last.lines += d.Text
		}
	}
	return out
}
