package report

import (
	"slices"
	"strings"

	"sallyport/notify"
	"sallyport/notify/forge"
	"sallyport/notify/words"
	"sallyport/store"
)

// maxHookText is how much of what one hook says a comment has, in characters: as much as is kept of it.
const maxHookText = 2200

// hooks is what hooks say of a run, those that warn first.
func hooks(r Run) string {
	list := slices.Clone(r.Hooks)
	slices.SortStableFunc(list, func(a, b store.HookNote) int {
		switch {
		case a.Warns == b.Warns:
			return 0
		case a.Warns:
			return -1
		}
		return 1
	})
	var b strings.Builder
	for _, n := range list {
		who := code(forge.Cut(notify.HookName(n), 100))
		switch {
		case n.Warns && n.Text == "":
			b.WriteString("- ⚠️ " + who + " warns, without a word\n\n")
		case n.Warns:
			b.WriteString("- ⚠️ " + who + " warns:\n\n")
		case n.Text != "":
			b.WriteString("- " + who + ":\n\n")
		}
		if n.Text != "" {
			b.WriteString(fence(words.Cut(n.Text, maxHookText)) + "\n")
		}
		for _, f := range n.Facts {
			b.WriteString("- " + code(forge.Cut(f.Name+"="+f.Value, 300)) + " (" + code(n.Hook) + ")\n")
		}
		if len(n.Facts) > 0 {
			b.WriteString("\n")
		}
	}
	return b.String()
}
