package notify

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"sallyport/notify/words"
	"sallyport/store"
)

// Near is what somebody seems to mean whose words are no decision.
type Near string

// What they may mean.
const (
	Talk        Near = ""        // nothing: it is left alone
	NearApprove Near = "approve" // ok, lgtm, a thumb, aprove
	NearDeny    Near = "deny"    // no, denied
	NearPlan    Near = "plan"    // retry, again
)

// NearDecision says what a message is nearly that [ParseDecision] takes for no decision and does not complain about. It decides by a
// short list and by slips of the hand, never by length: whoever means to decide gets an answer, and people who talk are left alone.
// Nothing that it says is ever counted.
func NearDecision(text string) Near {
	text = unwrap(undo(text))
	if strings.HasSuffix(text, "?") {
		return Talk
	}
	if near, alone := emojiAlone(text); alone {
		return near
	}
	bare := strings.TrimLeft(text, "/!#.")
	marked := bare != text // as a command is in other places
	text = strings.ToLower(strings.TrimRight(bare, ".!, "))
	for near, list := range map[Near][]string{
		NearApprove: {
			"ok", "okay", "k", "yes", "yep", "yeah", "yup", "y", "ja", "sure", "lgtm", "+1", "go", "go ahead", "do it", "ship it", "shipit", "go for it",
			"apply", "apply it", "accept", "accepted", "agree", "agreed", "confirm", "confirmed", "proceed", "i approve", "approve it",
		},
		NearDeny: {"no", "nope", "n", "nein", "-1", "reject", "rejected", "refuse", "refused", "decline", "declined", "stop", "abort", "cancel", "veto", "i deny"},
		NearPlan: {"retry", "rerun", "replan", "re-plan", "plan", "again", "try again", "plan again", "plan it again", "recover"},
	} {
		if slices.Contains(list, text) {
			return near
		}
	}
	if first, _ := cutWord(text); marked && (first == string(NearApprove) || first == string(NearDeny)) {
		return Near(first)
	}
	return slip(text)
}

// maxSlip is how many bytes a mistyped word has at most.
const maxSlip = 16

// slip is what the first word was to be, if it was to be approve, destroy or deny.
func slip(text string) Near {
	first, rest := cutWord(text)
	first = strings.Trim(first, ".,:;!-")
	alone := rest == "" || onlyNumbers(rest)
	switch {
	case len(first) > maxSlip:
		return Talk
	case first == string(store.Approve) || first == string(store.Deny):
		return Talk // a decision, or complained about
	case strings.HasPrefix(first, "a") && words.Distance(first, string(store.Approve)) <= 2:
		second, names := cutWord(rest)
		if alone || words.Distance(second, "destroy") <= 2 && onlyNumbers(names) {
			return NearApprove
		}
	case strings.HasPrefix(first, "d") && words.Distance(first, "destroy") <= 2:
		if alone {
			return NearApprove
		}
	case first == "denied" || first == "denies" || strings.HasPrefix(first, "d") && words.Distance(first, string(store.Deny)) <= 1:
		return NearDeny // a reason may follow
	}
	return Talk
}

// onlyNumbers reports whether a list has nothing but numbers of the card and addresses.
func onlyNumbers(list string) bool {
	for _, name := range strings.Fields(list) {
		if !isNumber(strings.Trim(name, ",")) && !strings.Contains(name, ".") {
			return false
		}
	}
	return true
}

var (
	emojiNames = regexp.MustCompile(`^(?::[\w+'-]+:\s*)+$`)
	negative   = regexp.MustCompile(`^:(?:-1|thumbsdown|x|no_entry|no_entry_sign|octagonal_sign|no_good)\b`)
)

// emojiAlone reports whether a message has nothing but emoji, by name or as characters, and what they say.
func emojiAlone(text string) (near Near, alone bool) {
	if emojiNames.MatchString(text) {
		if negative.MatchString(text) {
			return NearDeny, true
		}
		return NearApprove, true
	}
	first := rune(0)
	for _, r := range text {
		switch {
		case unicode.Is(unicode.So, r):
			if first == 0 {
				first = r
			}
		case unicode.In(r, unicode.Sk, unicode.Mn, unicode.Me, unicode.Cf) || r == ' ': // colours of skin, variants, joiners
		default:
			return Talk, false
		}
	}
	switch first {
	case 0:
		return Talk, false
	case '👎', '❌', '🚫', '🛑', '⛔':
		return NearDeny, true
	}
	return NearApprove, true
}

// Needed is exactly what an approval of a plan has to say: "approve", "approve destroy 1".
func Needed(p *store.Plan) string {
	if p == nil {
		return string(store.Approve)
	}
	return needed(p)
}
