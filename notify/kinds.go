package notify

import (
	"strings"

	"sallyport/notify/words"
	"sallyport/store"
)

// Kinds name what is special about the run's plan, in words that people must not miss; nil for a plain one.
func (c Card) Kinds() []string {
	o := c.Options
	if !c.ShowAddresses && len(o.Replace) > 0 {
		o.Replace = []string{words.Count(len(o.Replace), "object")}
	}
	if !c.ShowAddresses && o.Targeted() {
		o.Targets = []string{words.CountOf(len(o.Targets), "address", "addresses")}
	}
	var kinds []string
	for _, k := range o.Kinds(c.Commit) {
		kinds = append(kinds, words.Cut(line(k), 300))
	}
	if c.Kind == store.KindDrift {
		kinds = append(kinds, "DRIFT: no commit asks for this; what is there is not what was applied")
	}
	if empty := EmptyAgain(c.Plan); empty != "" && !c.ended() {
		kinds = append(kinds, empty)
	}
	return kinds
}

// brief is the same for a lock screen: fixed words, and nothing that comes from elsewhere.
func (c Card) brief() string {
	var kinds []string
	add := func(on bool, word string) {
		if on {
			kinds = append(kinds, word)
		}
	}
	o := c.Options
	add(o.Destroy, "DESTROY EVERYTHING")
	add(o.EmptyState, "ANOTHER STATE")
	add(o.Targeted(), "TARGETED")
	add(o.RefreshOnly, "REFRESH ONLY")
	add(len(o.Replace) > 0, "REPLACE")
	add(o.Back, "GOING BACK TO COMMIT "+line(words.Short(c.Commit)))
	add(len(o.Vars)+len(o.Images) > 0, "NOT IN GIT")
	return strings.Join(kinds, ", ")
}
