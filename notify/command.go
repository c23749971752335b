package notify

import (
	"regexp"
	"strings"

	"sallyport/notify/verbs"
)

// Command is what a person tells the bot in the channel.
type Command struct {
	Verb   string   // of package verbs; empty: not understood, answer with help
	Args   []string // the words that the verb takes, and those that it does not; of one that was not understood, all words
	Reason string   // what follows them, where the verb takes a reason
	Plan   PlanWords
	More   string // a second command in the same message, as it was typed: nothing of it is in the fields above
}

// leadingMention is how a message to somebody begins.
var leadingMention = regexp.MustCompile(`^\s*<@([A-Z0-9]+)(?:\|[^<>]*)?>[\s,:]*`)

// CutMention takes the mention of the bot off the beginning of a message; ok is false for any other message.
func CutMention(text, botUserID string) (rest string, ok bool) {
	m := leadingMention.FindStringSubmatch(text)
	if m == nil || botUserID == "" || m[1] != botUserID {
		return text, false
	}
	return text[len(m[0]):], true
}

// ParseCommand reads a message that begins with a mention of the bot; ok is false for any other. What may be said is in package
// verbs. Whether there is a stack or a run of that name is not known here, and no word changes its place because there is none.
func ParseCommand(text, botUserID string) (c Command, ok bool) {
	said, ok := CutMention(text, botUserID)
	if !ok {
		return Command{}, false
	}
	said, more := cutCommand(said, botUserID)
	defer func() { c.More = more }()
	rest := unstop(unwrap(undo(said)))
	typed := strings.Fields(rest)
	words := make([]string, len(typed))
	for i, w := range typed {
		words[i] = strings.Trim(unwrap(w), "`")
	}
	v, args, known := verbs.Find(words)
	if !known {
		return Command{Args: nonempty(words)}, true
	}
	c.Verb = v.Name
	n := len(v.Args)
	if !v.Reason || v.Place == verbs.Thread || len(args) <= n {
		c.Args = nonempty(args)
		return c, true
	}
	// The reason keeps its words as they were typed.
	c.Args, c.Reason = nonempty(args[:n]), strings.Join(typed[len(words)-len(args)+n:], " ")
	if v.Plan {
		c.Plan, c.Reason = parsePlanWords(c.Reason)
	}
	if option, reason := cutWord(c.Reason); strings.TrimLeft(option, "-") == "reason" && option != "reason" {
		c.Reason = unquote(reason) // as in the shell
	}
	return c, true
}

// cutCommand cuts a second command off a message: one that begins a line of its own, or has the bot's mention in front. Else its words
// would be a reason for the first one, or nothing at all.
func cutCommand(said, botUserID string) (first, second string) {
	begins := func(text string) bool {
		v, _, ok := verbs.Find(strings.Fields(text[:min(len(text), longestVerb)]))
		return ok && v.Place == verbs.Channel
	}
	for at := 1; at < len(said); at++ {
		switch {
		case said[at] == '<':
			if rest, mentioned := CutMention(said[at:], botUserID); mentioned && begins(rest) {
				return said[:at], strings.TrimSpace(rest)
			}
		case said[at-1] == '\n' && begins(said[at:]) && begins(said):
			return said[:at], strings.TrimSpace(said[at:])
		}
	}
	return said, ""
}

// longestVerb is within how many bytes of a text a verb has to stand with which it begins.
const longestVerb = 80

func nonempty(words []string) []string {
	var out []string
	for _, w := range words {
		if w != "" {
			out = append(out, w)
		}
	}
	return out
}
