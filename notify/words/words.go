// Package words has the small phrases of which everything is made that is said to people: short commits, counts, lists and texts
// that are cut. Cards, logs, errors, the terminal and comments on pull requests take them from here, so that a commit which
// somebody reads in one place is found under the same letters in every other.
package words

import (
	"fmt"
	"strings"

	"github.com/dustin/go-humanize"
)

// shortHash is how many digits of a hash people read. Git itself begins at seven; ten stay unambiguous in a large repository, and
// people type them, as in `sallyport accept infra 1a2b3c4d5e`.
const shortHash = 10

// Short is a commit, a digest or the id of an agent as people read and type it: its first ten characters. What programs read
// (JSON, the store, links) has the whole hash.
func Short(hash string) string { return hash[:min(len(hash), shortHash)] }

// Count is a number of things whose plural ends in s: "1 stack", "2 stacks", "1,200 stacks".
func Count(n int, noun string) string { return CountOf(n, noun, noun+"s") }

// CountOf is a number of things in words: "1 entry", "2 entries".
func CountOf(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return humanize.Comma(int64(n)) + " " + many
}

// List joins at most so many items with commas and says how many more there are: "a, b and 3 more".
func List(items []string, most int) string {
	if len(items) <= most {
		return strings.Join(items, ", ")
	}
	return fmt.Sprintf("%s and %s more", strings.Join(items[:most], ", "), humanize.Comma(int64(len(items)-most)))
}

// Cut shortens a text to at most so many characters, the last of which is then an ellipsis.
func Cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	r := []rune(text)
	if len(r) <= most {
		return text
	}
	return string(r[:max(0, most-1)]) + "…"
}

// FirstLine is what an error says first, which is why: its first line, cut as by [Cut] to at most so many characters. An ellipsis
// at its end says that there are more lines.
func FirstLine(text string, most int) string {
	line, _, more := strings.Cut(strings.TrimSpace(text), "\n")
	cut := Cut(line, most)
	if more && cut == line {
		return line + " …"
	}
	return cut
}
