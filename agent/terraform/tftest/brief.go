package tftest

import (
	"strings"

	"sallyport/store"
)

// Brief renders the changes of a plan on one line each: address, actions, class, and what else is worth comparing.
func Brief(p store.Plan) string {
	var b strings.Builder
	for _, c := range p.Changes {
		b.WriteString(c.Address + " " + strings.Join(c.Actions, "+") + " " + string(c.Class))
		if c.Previous != "" {
			b.WriteString(" from " + c.Previous)
		}
		if c.Protected {
			b.WriteString(" protected")
		}
		b.WriteString("\n")
	}
	return b.String()
}
