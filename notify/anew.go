package notify

import (
	"fmt"

	"sallyport/notify/words"
	"sallyport/store"
)

// emptyWhy is why a protected object that is made again will be empty.
const emptyWhy = "the configuration names nothing that the data would come from"

// ComesBack says of a protected object that is made again what will be in it: nothing, or what the configuration names. Empty for
// every other change.
func ComesBack(c store.Change) string {
	switch {
	case !c.Anew():
		return ""
	case len(c.Sources) == 0:
		return "comes back EMPTY"
	}
	return "comes back, and the configuration names " + line(words.List(c.Sources, 3))
}

// thereBefore says of a protected object that the state does not hold whether the stack had it; empty if it did not.
func thereBefore(c store.Change) string {
	switch c.Before {
	case "":
		return ""
	case store.BeforeThere:
		return "was there before, and the state has lost it"
	}
	return "may have been there before: sallyport cannot tell"
}

// emptyAgain counts the protected objects that come back empty.
func emptyAgain(p *store.Plan) int {
	n := 0
	if p == nil {
		return n
	}
	for _, c := range p.Changes {
		if c.Anew() && len(c.Sources) == 0 {
			n++
		}
	}
	return n
}

// EmptyAgain says that protected objects come back empty, without naming them; empty if none does.
func EmptyAgain(p *store.Plan) string { return EmptyAgainCount(emptyAgain(p)) }

// EmptyAgainCount is [EmptyAgain] of so many.
func EmptyAgainCount(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%s back EMPTY: %s", words.CountOf(n, "protected resource comes", "protected resources come"), emptyWhy)
}

// maxReturns is how many objects that come back a comment tells one by one.
const maxReturns = 5

// Returns are the protected objects that a plan makes again, a sentence each, for places that show the plan in Terraform's words.
func Returns(p *store.Plan) []string {
	var out []string
	if p == nil {
		return nil
	}
	for _, c := range p.Changes {
		back := ComesBack(c)
		if back == "" {
			continue
		}
		if len(out) == maxReturns {
			return append(out, "and more protected resources come back")
		}
		if len(c.Sources) == 0 {
			back += ": " + emptyWhy
		}
		text := line(c.Address) + " is protected and " + back
		if there := thereBefore(c); there != "" {
			text = line(c.Address) + " " + there + "; it is protected and " + back
		}
		out = append(out, text)
	}
	return out
}
