package notify

import (
	"fmt"
	"sallyport/notify/words"
	"strings"
)

// Short is the card for whoever asks what a run is, with at most so many of its changes. It does not say what to reply: it is read in
// another place than that where a reply counts.
func (c Card) Short(changes int) string {
	lines := []string{c.Title() + ": " + c.StatusWord()}
	add := func(text string) { lines = append(lines, text) }
	for _, k := range append(c.Kinds(), c.HookWarnings()...) {
		add(k)
	}
	if c.Plan != nil {
		add(c.Said())
		if list := c.Lines(); c.ShowAddresses {
			for _, l := range list[:min(len(list), changes)] {
				add("  " + l)
			}
			if more := len(list) - changes; more > 0 {
				add(fmt.Sprintf("  and %d more", more))
			}
		}
	}
	for _, f := range c.Facts() {
		add(f)
	}
	for _, v := range c.Votes() {
		add(v.By + " " + v.Words)
	}
	if c.Approvals > 1 && !c.Status.Terminal() {
		add(words.Of(c.Got, c.Approvals, "approval"))
	}
	if c.Error != "" && c.ShowAddresses {
		add(ErrorWord(c.Status) + ": " + line(Cause(c.Error)))
	}
	if t := c.Took(); t != "" {
		add("took " + t)
	}
	return strings.Join(lines, "\n")
}
