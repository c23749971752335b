package render

import (
	"strings"

	"sallyport/agent/control"
	"sallyport/notify"
	"sallyport/notify/redact"
	"sallyport/store"
)

// maxWarningLines is how much of the warnings of hooks stands where a run is one among others.
const maxWarningLines = 5

// HookWarnings are the warnings of hooks to whoever decides about a run, ready to print below its first line; empty without any.
func HookWarnings(r control.Run) string {
	lines := strings.Split(hookWarnings(r), "\n")
	if lines[0] == "" {
		return ""
	}
	text := ""
	for i, l := range lines {
		if i == maxWarningLines {
			text += "      " + paint(yellow, "and more: sallyport show "+RunName(r)[1:]) + "\n"
			break
		}
		if i == 0 {
			l = "WARNING: " + l
		}
		text += "      " + paint(yellowBold, redact.CleanLine(l)) + "\n"
	}
	return text
}

// hookWarnings are the warnings of hooks, as long as somebody can heed them.
func hookWarnings(r control.Run) string {
	var texts []string
	for _, n := range r.HookNotes {
		if n.Warns && !ended(r) {
			texts = append(texts, hookText(n))
		}
	}
	return strings.Join(texts, "\n")
}

// hookFacts are what hooks want to be known, and what they say beside it.
func hookFacts(r control.Run) []fact {
	var facts, notes []fact
	for _, n := range r.HookNotes {
		for _, f := range n.Facts {
			facts = append(facts, fact{"fact", f.Name + "=" + f.Value + " (" + n.Hook + " hook)", bold})
		}
		if n.Text != "" && !n.Warns || n.Warns && ended(r) {
			notes = append(notes, fact{"hook", hookText(n), plain})
		}
	}
	return append(facts, notes...)
}

// hookText is who says something, and below that what.
func hookText(n control.HookNote) string {
	who := notify.HookName(store.HookNote{Hook: n.Hook, Command: n.Command})
	switch {
	case n.Warns && n.Text == "":
		return who + " warns, without a word"
	case n.Warns:
		who += " warns"
	}
	return who + ":\n" + n.Text
}
