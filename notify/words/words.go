// Package words has the small phrases of which everything is made that is said to people: short commits, counts, times, lists,
// sentences and texts that are cut. Cards, logs, errors, the terminal and comments on pull requests take them from here, so that a commit which
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

// Of is how many of a number of things, whose plural ends in s: "1 of 2 approvals", "0 of 1 approval".
func Of(n, all int, noun string) string { return OfThem(n, all, noun, noun+"s") }

// OfThem is [Of] where a verb or another plural follows: "0 of 1 line is shown", "1 of 2 lines are shown".
func OfThem(n, all int, one, many string) string {
	return humanize.Comma(int64(n)) + " of " + CountOf(all, one, many)
}

// More is how many things are left out of a list: "1 more stack", "2 more stacks".
func More(n int, noun string) string { return Count(n, "more "+noun) }

// Sentence is a text with a full stop at its end, where it has no other end already: "which run?" stays what it is.
func Sentence(text string) string {
	text = strings.TrimRight(text, " \n")
	if text == "" || strings.ContainsAny(text[len(text)-1:], ".?!:") || strings.HasSuffix(text, "…") {
		return text
	}
	return text + "."
}

// Labelled is a list with what it is a list of before it, "its images are: a, b", and empty without items: nobody reads "its images
// are: ".
func Labelled(label string, items []string, most int) string {
	if len(items) == 0 {
		return ""
	}
	return label + List(items, most)
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

// CutMiddle shortens a text like [Cut], in its middle: addresses differ at their ends.
func CutMiddle(text string, most int) string {
	r := []rune(text)
	if len(r) <= most {
		return text
	}
	head := most / 3
	return string(r[:head]) + "…" + string(r[len(r)-(most-head-1):])
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

// maxWaitsFor is how many people a sentence names.
const maxWaitsFor = 5

// WaitsFor says whom something waits for that still lacks so many approvals: "waits for one of jane, joe". Empty if it waits for
// nobody who could be named. One name may stand for several people, a user group.
func WaitsFor(left int, who []string) string {
	switch {
	case left <= 0 || len(who) == 0:
		return ""
	case len(who) == 1:
		return "waits for " + who[0]
	case left == 1:
		return "waits for one of " + List(who, maxWaitsFor)
	}
	return fmt.Sprintf("waits for %d of ", left) + List(who, maxWaitsFor)
}
