package naming

import (
	"regexp"
	"unicode/utf8"
)

// Spelling is how something is written. The length is not part of the pattern: a count of 254 in it takes a millisecond
// to compile, at the start of every call of the program.
type Spelling struct {
	Most    int // letters
	Pattern *regexp.Regexp
}

// MatchString reports whether a name is written like that.
func (s Spelling) MatchString(name string) bool {
	return utf8.RuneCountInString(name) <= s.Most && s.Pattern.MatchString(name)
}
