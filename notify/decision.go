package notify

import (
	"fmt"
	"strconv"
	"strings"

	"sallyport/notify/words"
	"sallyport/store"
)

// MinDigest is how many of a digest's hexadecimal digits, from its beginning, name a plan: fewer could be made to fit another.
const MinDigest = 12

// Words are a decision in a person's words.
type Words struct {
	Verdict store.Verdict
	Destroy bool     // `approve destroy`
	Names   []string // what should be named after destroy: addresses or card numbers, as typed
	Reason  string   // what follows a deny
}

// ParseDecision reads a reply in a run's thread, or the words that follow the run's number on a command line.
//
// The whole message has to be one of
//
//	approve
//	approve destroy
//	approve destroy ADDRESS-OR-NUMBER...
//	deny [REASON]
//
// ok is true if it is. Otherwise complaint says why a message that begins with one of the two words is no decision, and
// is empty for ordinary talk, which is left alone.
func ParseDecision(text string) (w Words, ok bool, complaint string) {
	return ParseDecisionFor(text, nil)
}

// ParseDecisionFor is [ParseDecision] with complaints that name what an approval of the plan has to say. What counts is the same,
// whichever the plan is, nil for none.
func ParseDecisionFor(text string, p *store.Plan) (w Words, ok bool, complaint string) {
	text = unwrap(undo(text))
	if bare := unstop(text); unwrap(bare) != bare { // the full stop after `code`
		text = unwrap(bare)
	}
	first, rest := cutWord(text)
	word := strings.ToLower(unwrap(first))
	switch strings.TrimRight(word, ".,:;!?-…") {
	case string(store.Approve):
		return parseApprove(word, rest, p)
	case string(store.Deny):
		if strings.HasSuffix(word, "?") {
			return Words{}, false, "that reads like a question; to deny, reply: deny"
		}
		return Words{Verdict: store.Deny, Reason: strings.TrimLeft(rest, "-:,; ")}, true, ""
	}
	return Words{}, false, ""
}

// ParseReview reads a reply that says that somebody has reviewed what another person approved alone: review, or reviewed, with
// words of the reviewer's after it. Only the first word of a message counts.
func ParseReview(text string) (words string, ok bool) {
	first, rest := cutWord(unwrap(undo(text)))
	word := strings.ToLower(strings.TrimRight(unwrap(first), ".,:;!-"))
	return strings.TrimLeft(rest, "-:,; "), word == "review" || word == "reviewed"
}

func parseApprove(word, rest string, p *store.Plan) (Words, bool, string) {
	w := Words{Verdict: store.Approve}
	reply := Needed(p)
	if rest == "" {
		if unstop(word) != string(store.Approve) {
			if reply != string(store.Approve) {
				return Words{}, false, "an approval is its words and nothing else; reply: " + reply
			}
			return Words{}, false, "an approval is the one word and nothing else; reply: approve"
		}
		return w, true, ""
	}
	second, names := cutWord(unstop(rest))
	if word != string(store.Approve) || strings.ToLower(strings.TrimRight(unwrap(second), ",:")) != "destroy" {
		if p == nil {
			reply += " (or: approve destroy, with the addresses that the card asks for)"
		}
		return Words{}, false, fmt.Sprintf("%q is more than a decision, so it is not taken as one. Reply only: %s", short(word+" "+rest), reply)
	}
	w.Destroy = true
	list, closed := split(names)
	if !closed {
		return Words{}, false, "a quote or a bracket of an address is not closed; the numbers on the card do as well"
	}
	for _, name := range list {
		name = strings.Trim(unwrap(name), "`")
		if name != "" && name != "&" && !strings.EqualFold(name, "and") {
			w.Names = append(w.Names, name)
		}
	}
	for _, name := range w.Names {
		if !strings.Contains(name, ".") && !isNumber(name) {
			if p == nil {
				reply = "approve destroy, and then only the addresses or numbers that the card asks for"
			}
			return Words{}, false, fmt.Sprintf("%q is neither an address nor a number of the card. Reply: %s", short(name), reply)
		}
	}
	return w, true, ""
}

// Covers says whether an approval is enough for a plan. If not, missing is a sentence that tells what is not, and
// what to reply. A deny covers every plan.
func (w Words) Covers(p *store.Plan) (missing string, ok bool) {
	missing, _ = w.lacks(p)
	if missing != "" && p != nil {
		missing += " Reply: " + needed(p)
	}
	return missing, missing == ""
}

// CoversInShell is [Words.Covers] for an approval that was typed in a shell: why it is not enough for a run's plan, and the line that
// is. Both are empty if it is enough.
func (w Words) CoversInShell(run int, p *store.Plan) (why, line string) {
	missing, unnamed := w.lacks(p)
	if missing == "" || p == nil {
		return missing, ""
	}
	verb, names, _ := strings.Cut(needed(p), " ")
	line = strings.TrimSpace(fmt.Sprintf("sallyport %s %d %s", verb, run, names))
	if !unnamed {
		return fmt.Sprintf("#%d: %s", run, strings.TrimSuffix(missing, ".")), line
	}
	return fmt.Sprintf("#%d %s", run, destroysWhat(p)), line
}

// destroysWhat is why a plan wants more than the plain word, with the addresses.
func destroysWhat(p *store.Plan) string {
	var destroyed, must []string
	for _, c := range p.Changes {
		address := line(c.Address)
		if c.Destroys() && !c.Routine() {
			destroyed = append(destroyed, address)
		}
		if c.MustName() {
			must = append(must, address)
		}
	}
	mustBe := "which is protected and must be named"
	if unknown, _ := mustCounts(p); unknown > 0 {
		mustBe = "which sallyport does not know and must be named"
	}
	switch {
	case len(destroyed) == 0 && len(must) == 0:
		return fmt.Sprintf("destroys %s, so a plain approve is not enough", words.Count(p.Destroy, "resource"))
	case len(destroyed) == 1 && len(must) == 1 && destroyed[0] == must[0]:
		return "destroys " + destroyed[0] + ", " + mustBe
	case len(destroyed) == 0:
		return "touches " + words.List(must, 5) + ", " + strings.Replace(mustBe, "which is", plural(len(must), "which is", "which are"), 1)
	case len(must) == 0:
		return "destroys " + words.List(destroyed, 5) + ", so a plain approve is not enough"
	}
	return "destroys " + words.List(destroyed, 5) + ", and " + words.List(must, 5) + " must be named"
}

// lacks says what an approval leaves out; unnamed if it does not name what it must, else what it names is wrong.
func (w Words) lacks(p *store.Plan) (missing string, unnamed bool) {
	if w.Verdict == store.Deny {
		return "", false
	}
	if p == nil {
		return "There is no plan to approve yet.", false
	}
	named := map[int]bool{}
	for _, name := range w.Names {
		i, complaint := find(p, name)
		if complaint != "" {
			return complaint, false
		}
		named[i] = true
	}
	must := mustNumbers(p)
	if !w.Destroy && (p.NeedsDestroy() || len(must) > 0) {
		return why(p), true
	}
	var left []string
	for _, n := range must {
		if !named[n-1] {
			left = append(left, fmt.Sprintf("%s (number %d)", line(p.Changes[n-1].Address), n))
		}
	}
	if len(left) > 0 {
		return fmt.Sprintf("%s and not named: %s.", mustKind(p), words.List(left, 5)), true
	}
	return "", false
}

// why says what makes a plain approve too little.
func why(p *store.Plan) string {
	destroys := 0
	for _, c := range p.Changes {
		if c.Destroys() && !c.Routine() {
			destroys++
		}
	}
	if len(p.Changes) == 0 { // only the counts are known
		destroys = p.Destroy
	}
	must := mustOnes(p)
	switch {
	case destroys > 0 && must != "":
		return fmt.Sprintf("This plan destroys %s, and %s must be named.", words.Count(destroys, "resource"), must)
	case destroys > 0:
		return fmt.Sprintf("This plan destroys %s, so a plain approve is not enough.", words.Count(destroys, "resource"))
	default:
		return fmt.Sprintf("In this plan %s must be named.", must)
	}
}

// mustCounts counts what an approval has to name: what nobody knows, and what is protected.
func mustCounts(p *store.Plan) (unknown, protected int) {
	for _, n := range mustNumbers(p) {
		if p.Changes[n-1].Unknown {
			unknown++
		} else {
			protected++
		}
	}
	return unknown, protected
}

// mustOnes are they in words; empty if there are none.
func mustOnes(p *store.Plan) string {
	unknown, protected := mustCounts(p)
	var parts []string
	if unknown > 0 {
		parts = append(parts, words.CountOf(unknown, "change that sallyport does not know", "changes that sallyport does not know"))
	}
	if protected > 0 {
		parts = append(parts, words.CountOf(protected, "protected address", "protected addresses"))
	}
	return strings.Join(parts, " and ")
}

// mustKind begins the sentence about those that are not named.
func mustKind(p *store.Plan) string {
	switch unknown, protected := mustCounts(p); {
	case unknown == 0:
		return "Protected"
	case protected == 0:
		return "Unknown"
	default:
		return "Protected or unknown,"
	}
}

// mustWhy says why an approval has to name something.
func mustWhy(p *store.Plan) string {
	unknown, protected := mustCounts(p)
	var parts []string
	if unknown > 0 {
		parts = append(parts, words.CountOf(unknown, "change is of a kind", "changes are of kinds")+" that sallyport does not know")
	}
	if protected > 0 {
		parts = append(parts, words.CountOf(protected, "resource is", "resources are")+" protected")
	}
	return strings.Join(parts, ", ")
}

// needed is exactly what an approval of the plan has to say.
func needed(p *store.Plan) string {
	must := mustNumbers(p)
	switch {
	case len(must) > 0:
		return "approve destroy " + strings.Trim(fmt.Sprint(must), "[]")
	case p.NeedsDestroy():
		return "approve destroy"
	default:
		return "approve"
	}
}

// mustNumbers are the card numbers of the addresses that an approval has to name.
func mustNumbers(p *store.Plan) []int {
	var numbers []int
	if p == nil {
		return nil
	}
	for i, c := range p.Changes {
		if c.MustName() {
			numbers = append(numbers, i+1)
		}
	}
	return numbers
}

// find looks up a change by its address or card number.
func find(p *store.Plan, name string) (index int, complaint string) {
	if isNumber(name) {
		n, err := strconv.Atoi(strings.TrimPrefix(name, "#"))
		if err != nil || n < 1 || n > len(p.Changes) {
			return 0, fmt.Sprintf("The card has no number %s.", short(name))
		}
		return n - 1, ""
	}
	var matches []int
	for i, c := range p.Changes {
		if c.Address == name {
			return i, ""
		}
		if canonical(c.Address) == canonical(name) {
			matches = append(matches, i)
		}
	}
	switch len(matches) {
	case 0:
		return 0, fmt.Sprintf("Nothing in this plan has the address %s.", short(name))
	case 1:
		return matches[0], ""
	default:
		return 0, fmt.Sprintf("%s could be number %d or number %d.", short(name), matches[0]+1, matches[1]+1)
	}
}

func isNumber(s string) bool {
	s = strings.TrimPrefix(s, "#")
	if s == "" || len(s) > 9 {
		return false
	}
	for _, r := range s {
		if r < '0' || r > '9' {
			return false
		}
	}
	return true
}
