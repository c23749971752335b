package modal

import (
	"strings"
	"unicode/utf8"

	"sallyport/notify/redact"
)

const (
	// pageSize is how much of a plan one page shows, in characters: as much as a phone is scrolled through.
	pageSize = 5500
	// MaxPages bounds how many pages are shown of a plan; whoever wants more of it reads the file.
	MaxPages = 200
	// MaxText is how much of a text makes more pages than are shown, in bytes, whatever its letters are.
	MaxText = (MaxPages + 20) * pageSize * utf8.UTFMax
)

// Pages parts the text of a plan, at an empty line where there is one late enough, else at the end of a line. Nothing of the text is
// lost but empty lines where pages meet, unless there are more pages than [MaxPages]: then the last says so. Never empty.
func Pages(text string) []string {
	pages := split(strings.Trim(redact.Clean(text), "\n"), pageSize)
	if len(pages) > MaxPages {
		pages = pages[:MaxPages]
		pages[MaxPages-1] = "The rest is not shown here: the file in the thread of the message has it."
	}
	if len(pages) == 0 {
		return []string{"The plan's text is not kept any more."}
	}
	return pages
}

// split cuts a text into parts of at most so many characters.
func split(text string, most int) []string {
	var parts []string
	for r := []rune(text); len(r) > 0; {
		end := len(r)
		if end > most {
			end = seam(r[:most])
		}
		if part := strings.Trim(string(r[:end]), "\n"); strings.TrimSpace(part) != "" {
			parts = append(parts, part)
		}
		r = r[end:]
	}
	return parts
}

// seam is where a part ends: behind its last empty line if that stands in its second half, else behind its last whole line, else where
// there is no more room.
func seam(r []rune) int {
	line := 0
	for i := len(r); i > len(r)/2; i-- {
		switch {
		case r[i-1] != '\n':
		case i < len(r) && r[i] == '\n':
			return i
		case line == 0:
			line = i
		}
	}
	if line > 0 {
		return line
	}
	return len(r)
}

func runes(s string) int { return utf8.RuneCountInString(s) }
