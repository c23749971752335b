package lifecycle

import (
	"maps"
	"slices"
	"strings"

	"sallyport/notify"
	"sallyport/notify/words"
	"sallyport/store"
)

// OccupiedBy says who works on a stack's state.
func OccupiedBy(p *store.Pause) string {
	return "its state is being worked on " + notify.Paused(p)
}

// PinnedAt is what a stack is pinned to, by whom, since when and why.
func PinnedAt(p *store.Pin) string {
	text := "at commit " + words.Short(p.Commit)
	if p.Back {
		text += " (going back)"
	}
	if len(p.Vars) > 0 {
		text += " with variables that are not in git (" + strings.Join(p.Vars, ", ") + ")"
	}
	if len(p.Images) > 0 {
		var given []string
		for _, name := range slices.Sorted(maps.Keys(p.Images)) {
			given = append(given, name+" = "+p.Images[name])
		}
		text += " with images that are not the newest (" + strings.Join(given, ", ") + ")"
	}
	return text + " " + notify.Paused(&store.Pause{By: p.By, At: p.At, Reason: p.Reason})
}
