package slack

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	slackapi "github.com/slack-go/slack"

	"sallyport/notify/words"
)

// Times on a card are shown in the zone of whoever reads it, by Slack's own date tokens; a client that knows none shows UTC. A token is
// markup, and markup stands in no block with words from outside that could be markup as well: such a line keeps UTC, as do windows
// and freezes, which are in the zone of whoever wrote them.

// instant is a time in a sentence of ours, as [words.Instant] writes it, behind one of the words that lead to one.
var instant = regexp.MustCompile(`\b(?:since|at|expires) (\d{4}-\d{2}-\d{2} \d{2}:\d{2}(?::\d{2})? UTC)\b`)

// markup is what Slack could read as formatting, an emoji or a quotation.
var markup = regexp.MustCompile("[*_~`]|:[0-9a-z_+-]+:|^>")

// dated is a line as mrkdwn with its first time in it as a token. It is false for a line without one, and for one that would be read
// as more than words.
func dated(line string) (string, bool) {
	at := instant.FindStringSubmatchIndex(line)
	if at == nil || markup.MatchString(line[:at[2]]) || markup.MatchString(" "+line[at[3]:]) {
		return "", false
	}
	text := line[at[2]:at[3]]
	t, err := time.Parse("2006-01-02 15:04:05 MST", text)
	if err != nil {
		t, err = time.Parse("2006-01-02 15:04 MST", text)
	}
	if err != nil {
		return "", false
	}
	token := fmt.Sprintf("<!date^%d^{date_short_pretty} {time}|%s>", t.Unix(), text)
	return escape(line[:at[2]]) + token + escape(line[at[3]:]), true
}

// factBlocks are the facts of a card, each on a line of its own: as plain text, but for those of ours that tell a time.
func factBlocks(facts []string) []slackapi.Block {
	var blocks []slackapi.Block
	var lines []string
	flush := func() {
		if len(lines) > 0 {
			blocks = append(blocks, plain(strings.Join(lines, "\n"), ""))
		}
		lines = nil
	}
	left := 1800
	for _, f := range facts {
		f = words.Cut(f, min(300, left))
		if left -= len([]rune(f)) + 1; left <= 0 {
			lines = append(lines, f)
			break
		}
		line, ok := "", false
		if strings.HasPrefix(f, "held: ") || strings.HasPrefix(f, "the repository cannot be read ") {
			line, ok = dated(f)
		}
		if !ok {
			lines = append(lines, f)
			continue
		}
		flush()
		blocks = append(blocks, mrkdwn(line))
	}
	flush()
	return blocks
}

// smallPrint is the small print of a card, which is all ours.
func smallPrint(card, id string) slackapi.Block {
	if line, ok := dated(card); ok {
		return slackapi.NewContextBlock(id, text(slackapi.MarkdownType, line))
	}
	return slackapi.NewContextBlock(id, text(slackapi.PlainTextType, card))
}

// wordBlock is a part of a message in words. The first line of one is ours, and may tell a time.
func wordBlock(part, id string) slackapi.Block {
	first, rest, more := strings.Cut(part, "\n")
	line, ok := dated(first)
	if !ok || more && markup.MatchString(rest) {
		return plain(part, id)
	}
	if more {
		for _, l := range strings.Split(rest, "\n") {
			if strings.HasPrefix(l, ">") {
				return plain(part, id)
			}
		}
		line += "\n" + escape(rest)
	}
	if utf8.RuneCountInString(line) > maxSection {
		return plain(part, id) // what is escaped is longer
	}
	b := slackapi.NewSectionBlock(text(slackapi.MarkdownType, line), nil, nil)
	b.BlockID = id
	return b
}
