package slack

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"

	slackapi "github.com/slack-go/slack"

	"sallyport/notify"
	"sallyport/notify/redact"
	"sallyport/notify/words"
	"sallyport/store"
)

// Slack's limits, in characters. That of all blocks together is documented nowhere: 11,300 were refused. A card keeps well
// below it.
const (
	maxHeader  = 150
	maxSection = 2900
	maxText    = 3500 // chat.update takes 4,000
	maxCard    = 7800 // all blocks as JSON
	maxPlain   = 6000 // of a message in words
)

// size is how much of a card is shown.
type size int

const (
	whole size = iota // everything that fits
	small             // the first addresses, no error text
	least             // what it is and what to reply
)

func (s size) String() string { return [...]string{"whole", "small", "least"}[s] }

// userID and groupID are what ids that may be mentioned look like; anything else would be text in a mention's place.
var (
	userID  = regexp.MustCompile(`^[UW][A-Z0-9]{2,20}$`)
	groupID = regexp.MustCompile(`^S[A-Z0-9]{2,20}$`)
)

// mention names one person or group, or is empty if id is no id.
func mention(id string) string {
	switch {
	case userID.MatchString(id):
		return "<@" + id + ">"
	case groupID.MatchString(id):
		return "<!subteam^" + id + ">"
	}
	return ""
}

// mentions names at most ten.
func mentions(ids []string) string {
	var names []string
	for _, id := range ids {
		if m := mention(id); m != "" && len(names) < 10 {
			names = append(names, m)
		}
	}
	return strings.Join(names, " ")
}

// escape makes text that Slack reads as nothing but text: no mention, link or entity.
func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

// escapeCut is [escape], cut to n characters as Slack counts them, and never in the middle of an entity.
func escapeCut(s string, n int) string {
	if escaped := escape(s); utf8.RuneCountInString(escaped) <= n {
		return escaped
	}
	var b strings.Builder
	left := n - 1
	for _, r := range s {
		e := escape(string(r))
		if left -= utf8.RuneCountInString(e); left < 0 {
			break
		}
		b.WriteString(e)
	}
	return b.String() + "…"
}

// cardBlockID and noteBlockID mark our blocks, beside the metadata: block ids are returned to whoever may read a message.
func cardBlockID(run int, agent string) string {
	return fmt.Sprintf("sallyport:run:%d:%s", run, keyHash(agent))
}

func noteBlockID(key, agent string) string { return "sallyport:note:" + keyHash(key+"\x00"+agent) }

func keyHash(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:12])
}

// cardBlocks renders a card, at most in the given size, so that it fits. The last addresses give way first.
func cardBlocks(card notify.Card, s size) []slackapi.Block {
	lines := card.Lines()
	for ; s < least; s++ {
		show := min(len(lines), 200)
		if s == small {
			show = min(show, 10)
		}
		for {
			if blocks := render(card, s, cutLines(lines, show, card.Run)); jsonLength(blocks) <= maxCard {
				return blocks
			}
			if show == 0 {
				break
			}
			show = show * 2 / 3
		}
	}
	return render(card, least, nil)
}

// cutLines keeps the first lines and says how many more there are.
func cutLines(lines []string, n, run int) []string {
	n = min(n, len(lines))
	out := make([]string, 0, n+1)
	for _, l := range lines[:n] {
		out = append(out, words.Cut(l, 300))
	}
	if n == len(lines) {
		return out
	}
	return append(out, fmt.Sprintf("and %d more: sallyport show %d lists them all", len(lines)-n, run))
}

func jsonLength(blocks []slackapi.Block) int {
	b, err := json.Marshal(blocks)
	if err != nil {
		return maxCard + 1
	}
	return utf8.RuneCount(b)
}

func render(card notify.Card, s size, lines []string) []slackapi.Block {
	blocks := []slackapi.Block{header(mark(card.Status) + card.Title() + ": " + card.StatusWord())}
	if kinds := card.Kinds(); len(kinds) > 0 { // in every size: nobody may approve one of these by mistake
		most := 800
		if s == least {
			most = 250
		}
		blocks = append(blocks, plain(words.Cut("🔸 "+strings.Join(kinds, "\n🔸 "), most), ""))
	}
	if warnings := card.HookWarnings(); len(warnings) > 0 { // likewise: what somebody's check found is for whoever decides
		most := 1200
		if s == least {
			most = 160
		}
		blocks = append(blocks, plain(words.Cut("⚠️ "+strings.Join(warnings, "\n"), most), ""))
	}
	if lead := card.Lead(); lead != nil { // in every size, too: it is what the rest is about
		blocks = append(blocks, mrkdwn(leadText(*lead)))
	}
	if m := mentions(card.Mention); m != "" && urgent(card.Status) {
		blocks = append(blocks, mrkdwn(m))
	}
	if card.Plan != nil {
		blocks = append(blocks, mrkdwn("*"+escape(card.Said())+"*"))
	}
	if len(lines) > 0 {
		blocks = append(blocks, preformatted(strings.Join(lines, "\n")))
	}
	if card.Plan != nil && !card.ShowAddresses && len(card.Plan.Changes) > 0 {
		blocks = append(blocks, plain(fmt.Sprintf("The addresses are not shown in Slack: sallyport show %d", card.Run), ""))
	}
	if o := card.Outputs(); o != "" && s != least {
		blocks = append(blocks, plain(words.Cut(o, 500), ""))
	}
	if b := wholePlan(card); b != nil && s != least {
		blocks = append(blocks, b)
	}
	if card.Error != "" {
		blocks = append(blocks, errorBlock(card, s))
	}
	if facts := card.Facts(); len(facts) > 0 && s != least {
		blocks = append(blocks, factBlocks(facts)...)
	}
	if v := votes(card); v != "" && s != least {
		blocks = append(blocks, slackapi.NewContextBlock("", text(slackapi.MarkdownType, v)))
	}
	if r := card.Reply(); r != "" {
		blocks = append(blocks, plain(words.Cut(r, 800), ""))
	}
	if b := buttons(card); b != nil { // in every size: whoever can decide by it must not have to look for it
		blocks = append(blocks, b)
	}
	return append(blocks, smallPrint(card.Marker(), cardBlockID(card.Run, card.Agent)))
}

// wholePlan leads to the file with all that a plan says; nil where there is none.
func wholePlan(card notify.Card) slackapi.Block {
	where := "a file in this thread"
	switch linked := permalink().MatchString(card.PlanURL); {
	case linked && card.PlanThread:
		return mrkdwn("<" + card.PlanURL + "|The whole plan>, " + where)
	case linked: // that thread went with an earlier message
		return mrkdwn("<" + card.PlanURL + "|The whole plan>")
	case card.PlanThread:
		return plain("The whole plan is "+where, "")
	}
	return nil
}

// errorBlock shows the end of it all in terraform's words, which name addresses.
//
// Where there is little room it is the first line: a plan may be long, but nobody may have to look for why it failed.
func errorBlock(card notify.Card, s size) slackapi.Block {
	body := strings.TrimSpace(redact.Clean(card.Error))
	if !card.ShowAddresses {
		return plain(fmt.Sprintf("The error is not shown in Slack: sallyport show %d", card.Run), "")
	}
	if body == "" {
		body = "an error without words"
	}
	if s != whole {
		body, _, _ = strings.Cut(body, "\n")
		return preformatted(words.Cut(body, 300))
	}
	return preformatted(words.Cut(body, 1500))
}

// urgent reports whether a person is needed, so that the people of the stack are named.
func urgent(s store.Status) bool {
	return s == store.Planned || s == store.Errored || s == store.Interrupted
}

// mark is a symbol that is seen before anything is read.
func mark(s store.Status) string {
	switch s {
	case store.Planned:
		return "✋ "
	case store.Applied, store.NoChanges:
		return "✅ "
	case store.Errored:
		return "❌ "
	case store.Interrupted:
		return "⚠️ "
	}
	return ""
}

// leadText is what somebody asked for: our words as they are, theirs as code.
func leadText(lead notify.Vote) string {
	said := named(lead.By) + " " + escape(lead.Words)
	if lead.Reason != "" {
		said += ": " + code(lead.Reason)
	}
	return said
}

// named is somebody in mrkdwn: by mention whom Slack knows.
func named(by string) string {
	if id, ok := strings.CutPrefix(by, "slack:"); ok && mention(id) != "" {
		return mention(id)
	}
	return code(by)
}

// votes tells who asked and who decided. People from Slack are named by mention, which in an edit rings no phone.
func votes(card notify.Card) string {
	var parts []string
	all, length := card.Votes(), 0
	for i, v := range all {
		if length > 1800 { // a mention or an entity must never be cut in two
			parts = append(parts, fmt.Sprintf("and %d more", len(all)-i))
			break
		}
		parts = append(parts, named(v.By)+" "+code(v.Words))
		length += len(parts[len(parts)-1])
	}
	return strings.Join(parts, " · ")
}

// code keeps words from outside from being formatted inside mrkdwn. Words of ours, one verb, stay as they are.
func code(text string) string {
	switch text {
	case "asked", "approved", "denied":
		return text
	}
	return "`" + escape(strings.ReplaceAll(words.Cut(text, 150), "`", "'")) + "`"
}

// textBlocks renders words, cut so that they fit.
func textBlocks(p Post) []slackapi.Block {
	body := strings.TrimSpace(redact.Clean(p.Text))
	if body == "" {
		body = "(nothing)"
	}
	for n := maxPlain; ; n = n * 2 / 3 {
		var blocks []slackapi.Block
		if m := mentions(p.Mention); m != "" {
			blocks = append(blocks, mrkdwn(m))
		}
		for i, part := range chunks(words.Cut(body, n), maxSection) {
			id := ""
			if i == 0 {
				id = noteBlockID(p.Key, p.Agent)
			}
			if i == 0 {
				blocks = append(blocks, wordBlock(part, id))
				continue
			}
			blocks = append(blocks, plain(part, id))
		}
		if l := links(p.Links); l != "" {
			blocks = append(blocks, mrkdwn(l))
		}
		if n < 100 || jsonLength(blocks) <= maxCard {
			return blocks
		}
	}
}

// maxLinks is how many links a message has, permalink what the URL of one looks like: anything else would be markup in a link's place.
const maxLinks = 10

// Compiled when it is needed: it takes a millisecond, and this program starts several times in each run.
var permalink = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^https://[^\s<>|&"]{1,500}$`)
})

// links are links to other messages. What is no URL of one is left out.
func links(list []store.Link) string {
	var out []string
	for _, l := range list[:min(len(list), maxLinks)] {
		if permalink().MatchString(l.URL) {
			out = append(out, "<"+l.URL+"|"+escape(words.Cut(redact.CleanLine(l.Text), 100))+">")
		}
	}
	return strings.Join(out, " · ")
}

// chunks cuts a text into parts of at most n runes, at line ends where there are some.
func chunks(s string, n int) []string {
	var parts []string
	for r := []rune(s); len(r) > 0; {
		end := min(n, len(r))
		if end < len(r) {
			for i := end; i > end/2; i-- {
				if r[i-1] == '\n' {
					end = i
					break
				}
			}
		}
		if part := string(r[:end]); strings.TrimSpace(part) != "" {
			parts = append(parts, part)
		}
		r = r[end:]
	}
	return parts
}

func text(kind, s string) *slackapi.TextBlockObject {
	t := &slackapi.TextBlockObject{Type: kind, Text: s}
	if kind == slackapi.PlainTextType {
		emoji := false // :bomb: in a subject stays what it is
		t.Emoji = &emoji
	} else {
		t.Verbatim = true // nothing that looks like a link becomes one
	}
	return t
}

func header(s string) slackapi.Block {
	return slackapi.NewHeaderBlock(text(slackapi.PlainTextType, words.Cut(redact.CleanLine(s), maxHeader)))
}

func mrkdwn(s string) slackapi.Block {
	return slackapi.NewSectionBlock(text(slackapi.MarkdownType, words.Cut(s, maxSection)), nil, nil)
}

func plain(s, blockID string) slackapi.Block {
	b := slackapi.NewSectionBlock(text(slackapi.PlainTextType, words.Cut(s, maxSection)), nil, nil)
	b.BlockID = blockID
	return b
}

// preformatted shows text as it is; inside this element nothing is parsed.
func preformatted(s string) slackapi.Block {
	return slackapi.NewRichTextBlock("", &slackapi.RichTextPreformatted{
		Type:     slackapi.RTEPreformatted,
		Elements: []slackapi.RichTextSectionElement{slackapi.NewRichTextSectionTextElement(s, nil)},
	})
}
