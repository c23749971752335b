package hook

import (
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"sallyport/notify/redact"
	"sallyport/notify/words"
	"sallyport/store"
)

// What a hook may say. A hook is a program of this machine, but what it prints can come from anywhere: messages of a policy name what
// stands in a repository.
const (
	maxText      = 2000 // bytes of the text of one hook
	maxLines     = 40   // and its lines
	maxFacts     = 20   // of one hook
	maxFactLine  = 1000 // bytes of the line of a fact
	maxFactValue = 200  // bytes of its value
)

// factPrefix begins the line of a fact: "sallyport: snapshot=snap-1". It counts at the very beginning of a line only, so that a hook
// that indents what it quotes can never be made to state one.
const factPrefix = "sallyport: "

// factName is what the name of a fact looks like.
var factName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]{0,39}$`)

// facts collects the lines of facts from all that a hook prints, however much that is.
type facts struct {
	line  []byte // what came of the line that has not ended yet
	over  bool   // which is too long to be one
	said  []store.HookFact
	more  int // that had no room
	clean func(string) string
}

func (f *facts) Write(p []byte) (int, error) {
	for _, b := range p {
		switch {
		case b == '\n':
			f.end()
		case len(f.line) == maxFactLine:
			f.over = true
		default:
			f.line = append(f.line, b)
		}
	}
	return len(p), nil
}

// end takes in the line that has come to its end.
func (f *facts) end() {
	line, over := string(f.line), f.over
	f.line, f.over = f.line[:0], false
	name, value, ok := factOf(line)
	if !ok || over {
		return
	}
	value = words.Cut(strings.TrimSpace(redact.CleanLine(f.clean(value))), maxFactValue)
	if value == "" {
		return
	}
	i := slices.IndexFunc(f.said, func(have store.HookFact) bool { return have.Name == name })
	switch {
	case i >= 0:
		f.said[i].Value = value
	case len(f.said) == maxFacts:
		f.more++
	default:
		f.said = append(f.said, store.HookFact{Name: name, Value: value})
	}
}

// factOf reads the line of a fact.
func factOf(line string) (name, value string, ok bool) {
	rest, ok := strings.CutPrefix(strings.TrimRight(line, "\r"), factPrefix)
	if !ok {
		return "", "", false
	}
	name, value, ok = strings.Cut(rest, "=")
	name = strings.TrimSpace(name)
	return name, value, ok && factName.MatchString(name)
}

// textOf is what people are shown of all that a hook printed: without the lines of facts, and its end if it is too long, since that is
// where programs sum up. It is redacted before anything is cut off.
func textOf(printed string, f *facts) string {
	var lines []string
	for line := range strings.Lines(f.clean(printed)) {
		line = strings.TrimRight(line, " \t\r\n")
		if name, _, ok := factOf(line); ok && slices.ContainsFunc(f.said, func(have store.HookFact) bool { return have.Name == name }) {
			continue
		}
		if line == "" && (len(lines) == 0 || lines[len(lines)-1] == "") {
			continue // a blank line says nothing twice
		}
		lines = append(lines, line)
	}
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	if f.more > 0 {
		lines = append(lines, words.CountOf(f.more, "more fact was", "more facts were")+" left out")
	}
	first, size := len(lines), 0
	for first > 0 && len(lines)-first < maxLines && size+len(lines[first-1])+1 <= maxText {
		first--
		size += len(lines[first]) + 1
	}
	switch {
	case first == 0:
	case first == len(lines): // its last line alone is too long
		return words.Cut(lines[first-1], maxText)
	default:
		lines = append([]string{"(the beginning is left out: " + words.CountOf(first, "line", "lines") + ")"}, lines[first:]...)
	}
	return strings.Join(lines, "\n")
}

// nameOf is what a command is called: the name of its program, and that of the script which a shell runs.
func nameOf(argv []string) string {
	name := path.Base(filepath.ToSlash(argv[0]))
	if len(argv) > 1 && filepath.IsAbs(argv[1]) {
		name += " " + path.Base(filepath.ToSlash(argv[1]))
	}
	name = strings.ToValidUTF8(redact.CleanLine(name), "?")
	if utf8.RuneCountInString(name) > 60 {
		name = words.Cut(name, 60)
	}
	return name
}
