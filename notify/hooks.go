package notify

import (
	"fmt"
	"strings"

	"sallyport/notify/words"
	"sallyport/store"
)

// maxHookLines is how many lines of what one hook says a card has; `sallyport show` has all that is kept.
const maxHookLines = 8

// HookWarnings are the lines with which a card begins of whose plan a hook warns; nil if none does. Once the run has ended there is
// nothing to warn of, and they stand with the notes.
func (c Card) HookWarnings() []string {
	if c.ended() {
		return nil
	}
	var lines []string
	for _, n := range store.HookWarnings(c.Hooks) {
		lines = append(lines, hookLines(c, "WARNING of the "+HookName(n), n)...)
	}
	return lines
}

// HookWarns is the same for a lock screen: fixed words.
func HookWarns(c Card) string {
	warnings := len(store.HookWarnings(c.Hooks))
	if c.ended() || warnings == 0 {
		return ""
	}
	return words.CountOf(warnings, "hook warns", "hooks warn")
}

// HookName is what a hook is called: "after_plan hook check-policy".
func HookName(n store.HookNote) string { return line(n.Hook + " hook " + n.Command) }

// hookFacts are what hooks want to be known, a line each: "snapshot=snap-1 (before_apply hook)". The form is theirs alone, so that none
// can be taken for what the card says itself.
func hookFacts(c Card) []string {
	var lines []string
	for _, n := range c.Hooks {
		for _, f := range n.Facts {
			if !c.ShowAddresses {
				return []string{fmt.Sprintf("facts from hooks: sallyport show %d", c.Run)}
			}
			lines = append(lines, line(f.Name)+"="+line(f.Value)+" ("+line(n.Hook)+" hook)")
		}
	}
	return lines
}

// hookNotes are what hooks say beside that.
func hookNotes(c Card) []string {
	var lines []string
	for _, n := range c.Hooks {
		switch {
		case n.Warns && c.ended():
			lines = append(lines, hookLines(c, "the "+HookName(n)+" warned", n)...)
		case !n.Warns && n.Text != "":
			lines = append(lines, hookLines(c, HookName(n), n)...)
		}
	}
	return lines
}

// hookLines are what one hook says, with who says it before the first line. The others are marked, so that none looks like the card's
// own.
func hookLines(c Card, who string, n store.HookNote) []string {
	more := fmt.Sprintf("sallyport show %d", c.Run)
	if !c.ShowAddresses {
		return []string{who + ": " + more}
	}
	if n.Text == "" {
		return []string{who + ", without a word"}
	}
	lines := strings.Split(n.Text, "\n")
	shown := lines[:min(len(lines), maxHookLines)]
	out := []string{who + ": " + words.Cut(line(shown[0]), 300)}
	for _, l := range shown[1:] {
		if l = line(l); l != "" {
			out = append(out, "│ "+words.Cut(l, 300))
		}
	}
	if left := len(lines) - len(shown); left > 0 {
		out = append(out, "│ and "+words.More(left, "line")+": "+more)
	}
	return out
}
