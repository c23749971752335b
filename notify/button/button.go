// Package button says which buttons a run's card has in Slack, and reads what a click on one brings back. Pure.
//
// A button decides nothing that a reply in the thread could not: what it says is turned into the words of one ([Said]), and goes the way
// of those words. It carries the run and the digest of the plan that stood above it ([Target]); what comes back with a click is as
// trustworthy as what anybody types, and is looked up again.
package button

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"sallyport/notify"
	"sallyport/notify/redact"
	"sallyport/notify/words"
	"sallyport/store"
)

// Action is what a button is for, as Slack gives it back with a click.
type Action string

// The actions. Asking ones open a modal, which is what is then submitted.
const (
	Approve    Action = "sallyport_approve"       // decides, after a dialog
	ApproveAsk Action = "sallyport_approve_words" // asks for what an approval has to name
	DenyAsk    Action = "sallyport_deny"          // asks for a reason
	CancelAsk  Action = "sallyport_cancel"        // asks once more
	Details    Action = "sallyport_details"       // shows what changes
	Previous   Action = "sallyport_previous"      // in a modal: the page before
	Next       Action = "sallyport_next"          // in a modal: the page after
)

// Slack's limits, in characters, of a dialog's title and text.
const (
	maxTitle = 100
	maxText  = 300
	maxKind  = 90 // of that, of what is special about a plan
)

// Button is one on a card.
type Button struct {
	Action  Action
	Text    string
	Style   string   // primary, danger, or empty
	Confirm *Confirm // asked before the click counts; nil: it counts at once
}

// Confirm is the dialog that Slack shows before a click counts.
type Confirm struct{ Title, Text, Yes, No string }

// Of are the buttons of a card, none where clicks are not heard, where there is no plan, and where the run has ended.
func Of(c notify.Card) []Button {
	if !c.Buttons || c.Shell || c.Plan == nil || (Target{c.Run, c.PlanDigest()}).String() == "" {
		return nil
	}
	deny := Button{Action: DenyAsk, Text: "Deny...", Style: "danger"}
	details := Button{Action: Details, Text: "Details"}
	switch c.Status {
	case store.Planned:
		if notify.Needed(c.Plan) != string(store.Approve) {
			return []Button{{Action: ApproveAsk, Text: "Approve...", Style: "primary"}, deny, details}
		}
		return []Button{{Action: Approve, Text: "Approve", Style: "primary", Confirm: confirm(c)}, deny, details}
	case store.Approved:
		return []Button{deny, details}
	case store.Applying:
		return []Button{{Action: CancelAsk, Text: "Cancel...", Style: "danger"}, details}
	}
	return nil
}

// confirm says what is about to be approved: counts, and as many addresses as there is room for.
func confirm(c notify.Card) *Confirm {
	text := fmt.Sprintf("%s: %s.", c.Title(), c.Counts())
	if commit := redact.CleanLine(c.Commit); commit != "" {
		text = fmt.Sprintf("%s at %s: %s.", c.Title(), words.Short(commit), c.Counts())
	}
	for _, kind := range slices.Backward(c.Kinds()) { // nobody may approve one of these by mistake
		kind, _, _ = strings.Cut(kind, ":")
		text = words.Cut(kind, maxKind) + ". " + text
	}
	switch n := len(c.Plan.Changes); {
	case n > 0 && c.ShowAddresses:
		text = addresses(text, c.Plan.Changes)
	case n > 0:
		text += fmt.Sprintf(" The addresses are not shown in Slack: sallyport show %d", c.Run)
	}
	return &Confirm{
		Title: words.Cut(fmt.Sprintf("Approve %s?", c.Title()), maxTitle), Text: words.Cut(text, maxText), Yes: "Approve", No: "Go back",
	}
}

// addresses puts behind a text the addresses that change, whole ones, and how many there are besides. One that is too long to stand
// there whole is counted and not shown: half of it could be another's.
func addresses(text string, changes []store.Change) string {
	const room = maxText - len(" and 100,000 more")
	shown := 0
	for _, c := range changes {
		next := " " + strings.TrimSpace(redact.CleanLine(c.Address))
		if shown > 0 {
			next = "," + next
		}
		if utf8.RuneCountInString(text+next) > room {
			break
		}
		text += next
		shown++
	}
	switch left := len(changes) - shown; {
	case left == 0:
		return text
	case shown == 0:
		return text + " The addresses are in the message."
	default:
		return text + " and " + words.Count(left, "other")
	}
}

// Target is what a button is about: a run, and the plan that people see of it.
type Target struct {
	Run    int
	Digest string // of the plan, whole
}

var (
	target  = regexp.MustCompile(`^([1-9][0-9]{0,8}):([0-9a-f]{64})$`)
	context = regexp.MustCompile(`^([^ ]+) ([0-9a-f]{24})$`)
)

// String is what a button carries: "12:DIGEST". Empty for what no button can be about.
func (t Target) String() string {
	if s := fmt.Sprintf("%d:%s", t.Run, t.Digest); target.MatchString(s) {
		return s
	}
	return ""
}

// ParseTarget reads what came back with a click.
func ParseTarget(value string) (Target, bool) {
	m := target.FindStringSubmatch(value)
	if m == nil {
		return Target{}, false
	}
	run, err := strconv.Atoi(m[1])
	return Target{run, m[2]}, err == nil
}

// Context is what a modal carries along: its target, and whose card it was opened from.
type Context struct {
	Target
	Mark string // of the agent, see [Mark]
}

// String is how a modal carries it.
func (c Context) String() string { return c.Target.String() + " " + c.Mark }

// ParseContext reads what came back with a modal. It passed through a browser, so it is an address and no proof.
func ParseContext(s string) (Context, bool) {
	m := context.FindStringSubmatch(s)
	if m == nil {
		return Context{}, false
	}
	t, ok := ParseTarget(m[1])
	return Context{t, m[2]}, ok
}

// Mark stands for an agent on its cards' buttons: two agents may hear the clicks on each other's.
func Mark(agent string) string {
	sum := sha256.Sum256([]byte(agent))
	return hex.EncodeToString(sum[:12])
}

// blockPrefix begins the id of the block that holds a card's buttons.
const blockPrefix = "sallyport:buttons:"

// Block is the id of the block that holds the buttons of an agent's card.
func Block(agent string) string { return blockPrefix + Mark(agent) }

// MarkOf reads from a block's id whose card it stands on; empty if it is none of a card's buttons.
func MarkOf(block string) string {
	mark, ok := strings.CutPrefix(block, blockPrefix)
	if !ok {
		return ""
	}
	return mark
}
