package notify

import (
	"regexp"
	"strings"
)

// Command is what a person tells the bot in the channel.
type Command struct {
	Verb   string   // status, help, plan, recover, pause, resume, accept, cancel, unlock, state; empty: not understood, answer with help
	Args   []string // the words that the verb takes; of one that was not understood, all words
	Reason string   // what follows them
	Plan   PlanWords
}

// commandArgs is how many words each verb takes before a reason begins; -1: all words, no reason.
func commandArgs(verb string) (n int, known bool) {
	switch verb {
	case "plan", "recover", "pause":
		return 1, true
	case "status", "help", "resume", "accept", "cancel", "unlock", "state":
		return -1, true
	}
	return -1, false
}

// leadingMention is how a message to somebody begins.
var leadingMention = regexp.MustCompile(`^\s*<@([A-Z0-9]+)(?:\|[^<>]*)?>[\s,:]*`)

// ParseCommand reads a message that begins with a mention of the bot; ok is false for any other.
//
//	@sallyport status | help
//	@sallyport plan STACK [--commit SHA] [--replace ADDRESS] [--refresh-only] [--destroy] [--var NAME=VALUE] [REASON]
//	@sallyport recover STACK [--replace ADDRESS] [--refresh-only] [REASON]
//	@sallyport pause [STACK] [REASON]   resume [STACK]
//	@sallyport accept REPOSITORY COMMIT cancel RUN
//	@sallyport unlock STACK LOCK_ID     state push RUN
//
// Whether the first word after pause is a stack is not known here: it stands in Args, and the caller joins it with Reason if
// there is no such stack.
func ParseCommand(text, botUserID string) (c Command, ok bool) {
	m := leadingMention.FindStringSubmatch(text)
	if m == nil || botUserID == "" || m[1] != botUserID {
		return Command{}, false
	}
	rest := unstop(unwrap(undo(text[len(m[0]):])))
	words := strings.Fields(rest)
	for i, w := range words {
		words[i] = strings.Trim(unwrap(w), "`")
	}
	if len(words) == 0 {
		return Command{}, true
	}
	verb := strings.ToLower(strings.TrimRight(words[0], ".,:;!?"))
	n, known := commandArgs(verb)
	if !known {
		return Command{Args: words}, true
	}
	words = words[1:]
	if n < 0 || len(words) <= n {
		return Command{Verb: verb, Args: nonempty(words)}, true
	}
	// The reason keeps its words as they were typed.
	c = Command{Verb: verb, Args: nonempty(words[:n]), Reason: strings.Join(strings.Fields(rest)[1+n:], " ")}
	if verb == "plan" || verb == "recover" {
		c.Plan, c.Reason = parsePlanWords(c.Reason)
	}
	return c, true
}

func nonempty(words []string) []string {
	var out []string
	for _, w := range words {
		if w != "" {
			out = append(out, w)
		}
	}
	return out
}
