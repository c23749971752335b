package notify

import "sallyport/store"

// Words are a decision in a person's words.
type Words struct {
	Verdict store.Verdict
	Destroy bool     // `approve destroy`
	Names   []string // addresses or card numbers as typed
	Reason  string   // of a deny
}

// ParseDecision reads a reply.
func ParseDecision(text string) (w Words, ok bool, complaint string) { return Words{}, false, "" }

// Covers says whether an approval is enough for a plan.
func (w Words) Covers(p *store.Plan) (missing string, ok bool) { return "", false }
