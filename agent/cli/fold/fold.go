// Package fold brings help to a width at which a terminal breaks no word of it.
package fold

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/mitchellh/go-wordwrap"
)

// Width is that of a terminal as everybody has it.
const Width = 80

// narrowest is how narrow what is said of an entry becomes, whatever room its name leaves.
const narrowest = 12

// lastOfProse is how long a line of prose is at least that goes on in the next one; a shorter one ends a paragraph.
const lastOfProse = 60

var (
	// entry is a line of a list: a flag or a verb, at least two blanks, and what there is to say of it.
	entry = regexp.MustCompile(`^( +\S(?:.*?\S)?  +)(\S.*)$`)
	// optional is a part of a usage line that is not broken.
	optional = regexp.MustCompile(`\[[^\[\]]*\](?:\.\.\.)?`)
)

// Help folds the help of a command. Prose is filled anew, what is said of a flag goes on below itself, and a usage line is broken between
// its options only. Text that fits stays as it is.
func Help(text string) string {
	var f folder
	for line := range strings.Lines(text) {
		f.add(strings.TrimRight(line, "\n"))
	}
	f.flush()
	return f.out.String()
}

// folder holds one paragraph or entry until the next one begins.
type folder struct {
	out  strings.Builder
	head string // in front of the first line
	body string
	last int  // how long its last line was
	any  bool // something is held
}

func (f *folder) add(line string) {
	indent := len(line) - len(strings.TrimLeft(line, " "))
	parts := entry.FindStringSubmatch(line)
	switch {
	case line == "":
		f.flush()
		f.out.WriteString("\n")
		return
	case f.any && indent == 0 && f.head == "" && f.last >= lastOfProse:
		f.body += " " + line
	case f.any && strings.TrimSpace(f.head) != "" && indent == len(f.head):
		f.body += " " + line[indent:]
	case parts != nil:
		f.flush()
		f.head, f.body = parts[1], parts[2]
	default:
		f.flush()
		f.head, f.body = line[:indent], line[indent:]
	}
	f.any, f.last = true, utf8.RuneCountInString(line)
}

func (f *folder) flush() {
	if !f.any {
		return
	}
	hang := f.head
	if strings.TrimSpace(hang) == "" && hang != "" {
		hang += "  " // no list: what goes on is further to the right
	}
	hang = strings.Repeat(" ", utf8.RuneCountInString(hang))
	const held = "\u00a0" // a blank at which nothing is broken
	body := optional.ReplaceAllStringFunc(f.body, func(s string) string { return strings.ReplaceAll(s, " ", held) })
	lines := strings.Split(wordwrap.WrapString(body, uint(max(Width-len(hang), narrowest))), "\n")
	f.out.WriteString(f.head + strings.ReplaceAll(strings.Join(lines, "\n"+hang), held, " ") + "\n")
	f.head, f.body, f.last, f.any = "", "", 0, false
}
