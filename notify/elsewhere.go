package notify

import (
	"fmt"
	"strings"

	"sallyport/store"
)

// WaitsText is the card in one sentence for who is told elsewhere that it waits for people: fixed words, the label, the stack's name and
// counts, and nothing that comes from a repository.
func WaitsText(c Card) string {
	text := c.Title() + " waits for approval: "
	if special := c.brief(); special != "" {
		text += special + ": "
	}
	return text + c.Counts()
}

// EndedText is the card in such a sentence for who is told how it ended.
func EndedText(c Card) string { return c.Title() + ": " + c.gist() }

// BlockedText is the card in such a sentence for who is told that it cannot go on. What stands behind a colon in the reason are others'
// words: an error, a person's reason.
func BlockedText(c Card) string {
	why, _, _ := strings.Cut(line(c.Held), ": ")
	return c.Title() + " is blocked: " + why
}

// Commands are what to type in a shell, to look at a run and to decide about it.
func Commands(c Card) []string {
	out := []string{fmt.Sprintf("sallyport show %d", c.Run)}
	if c.Status == store.Planned && len(mustNumbers(c.Plan)) <= manyNames { // else it names addresses
		verb, words, _ := strings.Cut(c.words(), " ")
		out = append(out, strings.TrimSpace(fmt.Sprintf("sallyport %s %d %s", verb, c.Run, words)))
	}
	if c.Status == store.Planned {
		out = append(out, fmt.Sprintf("sallyport deny %d", c.Run))
	}
	return out
}
