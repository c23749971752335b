package notify

import (
	"regexp"
	"strings"
	"unicode"

	"sallyport/notify/redact"
)

// slackLink is what Slack makes of anything that looks like an address of something: <http://x.app|x.app>. The label is what
// the person typed. Mentions (<@U01>, <!here>) are left as they are: whoever wrote one did not write an address.
var slackLink = regexp.MustCompile(`<((?:https?://|mailto:|tel:)[^<>|]*)(?:\|([^<>]*))?>`)

// slackChannel is a channel's link; people type #12 and Slack may take it for one.
var slackChannel = regexp.MustCompile(`<#[A-Z0-9]+\|([^<>]*)>`)

// undo gives back what a person meant to type: Slack's links and escapes, curled quotes, long dashes and odd blanks are
// what keyboards and clients made of it. Case stays: addresses have one.
func undo(text string) string {
	text = redact.Clean(text)
	text = slackLink.ReplaceAllStringFunc(text, func(link string) string {
		m := slackLink.FindStringSubmatch(link)
		if m[2] != "" {
			return m[2]
		}
		return strings.TrimPrefix(strings.TrimPrefix(m[1], "mailto:"), "tel:")
	})
	text = slackChannel.ReplaceAllString(text, "#$1")
	text = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(text)
	text = strings.Map(straight, text)
	return strings.Join(strings.Fields(text), " ")
}

// straight maps the typographic characters of phones to those of keyboards. It maps blanks too, so that a key like
// ["x y"] can be typed with any of them.
func straight(r rune) rune {
	switch r {
	case '“', '”', '„', '‟', '″', '«', '»', '＂':
		return '"'
	case '‘', '’', '‚', '‛', '′', '´':
		return '\''
	case '‐', '‑', '‒', '–', '—', '―', '−', '﹘', '－':
		return '-'
	case '［':
		return '['
	case '］':
		return ']'
	}
	if unicode.IsSpace(r) {
		return ' '
	}
	return r
}

// canonical is the form in which an address that was typed and one that terraform printed are compared: one keyboard's
// -- is another's —, and quotes may have lost their kind.
func canonical(address string) string {
	address = strings.ReplaceAll(undo(address), "'", `"`)
	for strings.Contains(address, "--") {
		address = strings.ReplaceAll(address, "--", "-")
	}
	return address
}

// unwrap removes formatting that surrounds the whole of a text: *bold*, _italic_, `code`, "quoted". Never ~struck~,
// which says the opposite.
func unwrap(s string) string {
	for {
		t := strings.TrimSpace(s)
		for _, mark := range []string{"```", "`", "*", "_", `"`, "'"} {
			if len(t) > 2*len(mark) && strings.HasPrefix(t, mark) && strings.HasSuffix(t, mark) {
				inner := t[len(mark) : len(t)-len(mark)]
				if !strings.Contains(inner, mark) {
					t = strings.TrimSpace(inner)
				}
			}
		}
		if t == s {
			return s
		}
		s = t
	}
}

// unstop removes one final full stop, which phones set by themselves after two blanks.
func unstop(s string) string {
	if strings.HasSuffix(s, ".") && !strings.HasSuffix(s, "..") {
		return strings.TrimRight(strings.TrimSuffix(s, "."), " ")
	}
	return s
}

// cutWord splits off the first word.
func cutWord(s string) (word, rest string) {
	word, rest, _ = strings.Cut(s, " ")
	return word, strings.TrimSpace(rest)
}

// split cuts a list of addresses at blanks and commas, but never inside quotes or brackets: module.a["x y"].v[0] is
// one. closed is false if a quote or a bracket was left open.
func split(s string) (names []string, closed bool) {
	var b strings.Builder
	depth, quoted, escaped := 0, false, false
	flush := func() {
		if b.Len() > 0 {
			names = append(names, b.String())
			b.Reset()
		}
	}
	for _, r := range s {
		switch {
		case escaped:
			escaped = false
		case quoted && r == '\\':
			escaped = true
		case r == '"':
			quoted = !quoted
		case quoted:
		case r == '[':
			depth++
		case r == ']':
			depth = max(0, depth-1)
		case depth == 0 && (r == ' ' || r == ',' || r == ';'):
			flush()
			continue
		}
		b.WriteRune(r)
	}
	flush()
	return names, depth == 0 && !quoted
}
