// Package wordstest finds in texts that people read what nobody would write: "1 stacks", "since 4 seconds ago", "which run?.", a list
// without items, a word that stands there there twice, Go's own words for an error.
package wordstest

import (
	"regexp"
	"strings"
)

// plurals are what is counted in messages. A noun that is missing here is found by nobody.
const plurals = `stacks|files|runs|approvals|resources|commits|images|messages|changes|addresses|people|entries|lines|seconds|minutes|hours|days|` +
	`weeks|builders|builds|actions|outputs|objects|warnings|plans|checks|copies|places|users|processes|repositories|faults|steps|tests|` +
	`instances|volumes|requests|records|events|votes|pull requests|applies|words|nodes|directories|problems|secrets|modules`

// found are the patterns of what is wrong. A pattern about counts takes the verbs of formats for numbers.
var found = []struct {
	what    string
	pattern *regexp.Regexp
}{
	{"a plural of one", regexp.MustCompile(`(?:^|[^\w.#%-])1 (?:more )?(?:` + plurals + `)\b`)},
	{"a number that ends a sentence about people", regexp.MustCompile(`\bcan approve are \d`)},
	{"since and ago", regexp.MustCompile(`\bsince (?:now\b|never\b|[^:;.,()\n]{1,40} ago\b)`)},
	{"a duration of Go's", regexp.MustCompile(`(?:^|[^\w.-])(?:\d+h)?\d+m\d+(?:\.\d+)?s\b|(?:^|[^\w.-])\d+h0m\b|\b(?:after|took|in|for) 0s\b`)},
	{"doubled punctuation", regexp.MustCompile(`[\w)"'][,;:?!][.,;](?:\s|$)|[\w)"']\.[.,;](?:\s|$)|\?\?|!!`)},
	{"an empty list", regexp.MustCompile(`\b(?:are|is|named|images|stacks|by|of): ?(?:[.;,)]|$)|\b(?:by|with|of|for|from|in|and)\s[.;)](?:\s|$)`)},
	{"Go's own words", regexp.MustCompile(`strconv\.|invalid syntax|%!|!\(BADINDEX|!\(NOVERB|<nil>|unexpected end of JSON|cannot unmarshal|context deadline exceeded|value out of range`)},
	{"two errors in a row that say the same", regexp.MustCompile(`(?:^|: )\w+ing: \w+ing\b|\bopening the store: opening store|\breading \w+: reading \w+:`)},
	{"a place without a number or a name", regexp.MustCompile(`\bline 0\b|\bon  line\b`)},
}

// quoted is what somebody typed or has to type.
var quoted = regexp.MustCompile("`[^`]*`|\"[^\"]*\"")

// Faults says what is wrong with a text as people read it, each with the place.
func Faults(text string) []string {
	var faults []string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		for _, f := range found {
			if m := f.pattern.FindString(line); m != "" {
				faults = append(faults, f.what+": "+strings.TrimSpace(m)+" in "+strings.TrimSpace(line))
			}
		}
		if word := doubled(quoted.ReplaceAllString(line, "QUOTED")); word != "" {
			faults = append(faults, "a word twice: "+word+" in "+strings.TrimSpace(line))
		}
	}
	return faults
}

// doubled is a word that stands twice with one blank between; empty if there is none.
func doubled(line string) string {
	words := strings.Split(line, " ")
	for i, w := range words[1:] {
		if w == words[i] && len(w) > 1 && strings.Trim(w, "abcdefghijklmnopqrstuvwxyz") == "" {
			return w + " " + w
		}
	}
	return ""
}
