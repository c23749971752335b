package button

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"sallyport/notify"
	"sallyport/notify/redact"
	"sallyport/notify/words"
	"sallyport/store"
)

// MaxTicks is how many addresses can be ticked in a modal; where an approval has to name more, it is typed.
const MaxTicks = 50

// maxOption is Slack's limit of an option's text, in characters.
const maxOption = 75

// destroyTick is the value of the one option of a plan whose approval has to say destroy and to name nothing.
const destroyTick = "destroy"

// Option is one thing to tick.
type Option struct{ Value, Text string }

// Options are what there is to tick before a plan is approved: each address that an approval has to name, or that something is
// destroyed. None if nothing has to be said, where there are more than [MaxTicks], and for addresses that are not to be shown.
func Options(c notify.Card) []Option {
	must := c.Plan.MustName()
	switch {
	case len(must) == 0 && c.Plan.NeedsDestroy():
		return []Option{{destroyTick, words.CutMiddle("Yes: "+c.Counts(), maxOption)}}
	case !c.ShowAddresses || len(must) > MaxTicks:
		return nil
	}
	var out []Option
	for i, ch := range c.Plan.Changes {
		if ch.MustName() {
			out = append(out, Option{tick(i, ch), words.CutMiddle(fmt.Sprintf("%d. %s", i+1, strings.TrimSpace(redact.CleanLine(ch.Address))), maxOption)})
		}
	}
	return out
}

// tick is the value of an option: the number on the card, with a digest of the address, so that it never names another one than that
// which was read beside it.
func tick(i int, c store.Change) string {
	sum := sha256.Sum256([]byte(c.Address))
	return fmt.Sprintf("%d:%s", i+1, hex.EncodeToString(sum[:8]))
}

// Said turns what was ticked and typed in a modal into the words of a reply: "approve destroy 1 3". A tick that names nothing of the plan
// is a complaint, and so is what nobody would read as a decision if it were a reply.
func Said(p *store.Plan, ticked []string, typed string) (text, complaint string) {
	const stale = "what was ticked is not in this plan; close this and open it again"
	text = string(store.Approve)
	var names []string
	for _, value := range ticked {
		if value == destroyTick {
			text = string(store.Approve) + " destroy"
			continue
		}
		number, _, _ := strings.Cut(value, ":")
		n, err := strconv.Atoi(number)
		if p == nil || err != nil || n < 1 || n > len(p.Changes) || tick(n-1, p.Changes[n-1]) != value {
			return "", stale
		}
		names = append(names, number)
	}
	if typed = bare(typed); typed != "" {
		names = append(names, typed)
	}
	if len(names) > 0 {
		text = "approve destroy " + strings.Join(names, " ")
	}
	if _, ok, why := notify.ParseDecisionFor(text, p); !ok {
		if why == "" {
			why = "this is no approval"
		}
		return "", why
	}
	return text, ""
}

// bare is what was typed without the words that stand before it in a reply, which somebody may type here, too.
func bare(typed string) string {
	typed = strings.TrimSpace(typed)
	for _, word := range []string{string(store.Approve), destroyTick} {
		if first, rest, _ := strings.Cut(typed, " "); strings.EqualFold(first, word) {
			typed = strings.TrimSpace(rest)
		}
	}
	return typed
}
