// Package modal renders what the buttons of a run's card open in Slack: what an approval has to name, a reason, a last question, and the
// plan page by page. Pure: a view is made of facts, and says what is true of them; what is submitted is weighed elsewhere.
//
// All texts are plain_text or preformatted, in which nothing mentions, links or formats, whatever comes from a repository; and each
// view keeps below Slack's limits (100 blocks, 3,000 characters a text, 10 options a group) by itself.
package modal

import (
	"fmt"
	"strings"

	slackapi "github.com/slack-go/slack"

	"sallyport/notify"
	"sallyport/notify/button"
	"sallyport/notify/redact"
	"sallyport/notify/words"
)

// The callbacks, by which a submission says what was asked.
const (
	CallbackApprove = "sallyport_approve"
	CallbackDeny    = "sallyport_deny"
	CallbackCancel  = "sallyport_cancel"
	CallbackDetails = "sallyport_details"
	CallbackResult  = "sallyport_result"
)

// What is filled in: [Typed] and [Reason] each are a block and the action in it, and those of the ticks begin with [Ticks].
const (
	Typed  = "sallyport_typed"
	Reason = "sallyport_reason"
	Ticks  = "sallyport_ticks"
)

const (
	maxPart   = 2900 // of a text, in characters
	maxParts  = 8    // preformatted texts of one list
	maxLine   = 300
	maxGroup  = 10 // options
	maxTyped  = 3000
	maxReason = 500
	maxWhy    = 1000
)

// Approve lists what an approval has to name, or that it has to say destroy, and asks for it.
func Approve(c notify.Card, about button.Context) slackapi.ModalViewRequest {
	v := view(fmt.Sprintf("Approve #%d", c.Run), CallbackApprove, about)
	v.Submit, v.Close = plainText("Approve"), plainText("Go back")
	must := len(c.Plan.MustName())
	options := button.Options(c)
	add(&v, section(c.Title()+": "+c.Counts()))
	switch {
	case !c.ShowAddresses:
		add(&v, section(fmt.Sprintf("The addresses are not shown in Slack: sallyport show %d lists them with their numbers.", c.Run)))
	default:
		for _, part := range dangerous(c) {
			add(&v, preformatted(part))
		}
	}
	switch {
	case must == 0:
		add(&v, ticks(0, "It destroys what is listed above", options))
		return v
	case len(options) == 0:
		in := input(Typed, fmt.Sprintf("Name %s, by number or by address", words.CountOf(must, "address", "addresses")), maxTyped)
		in.Hint = plainText("As behind approve destroy in a reply: 1 2 5. What is not named is not approved.")
		add(&v, in)
		return v
	}
	for i := 0; i < len(options); i += maxGroup {
		label := "Tick each that you have looked at"
		if i > 0 {
			label = "and of these"
		}
		add(&v, ticks(i/maxGroup, label, options[i:min(i+maxGroup, len(options))]))
	}
	in := input(Typed, "Or type their numbers or addresses", maxTyped)
	in.Optional, in.Hint = true, plainText("What is neither ticked nor typed is not approved.")
	add(&v, in)
	return v
}

// dangerous are the card's lines of what an approval has to say something about, those to name before all others, in texts that fit. What
// does not fit is counted.
func dangerous(c notify.Card) []string {
	lines := c.Lines()
	var named, others []string
	for i, ch := range c.Plan.Changes {
		switch line := words.CutMiddle(lines[i], maxLine); {
		case ch.MustName():
			named = append(named, line)
		case ch.Destroys() && !ch.Routine():
			others = append(others, line)
		}
	}
	var parts []string
	var b strings.Builder
	all := append(named, others...)
	for i, line := range all {
		if b.Len() > 0 && runes(b.String())+1+runes(line) > maxPart {
			parts = append(parts, b.String())
			b.Reset()
		}
		if len(parts) == maxParts-1 && b.Len() > maxPart/2 {
			b.WriteString(fmt.Sprintf("\nand %d more: Details on the card, or the file in its thread, has them all", len(all)-i))
			break
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(line)
	}
	if b.Len() > 0 {
		parts = append(parts, b.String())
	}
	return parts
}

// Deny asks for a reason, which may be left out.
func Deny(c notify.Card, about button.Context) slackapi.ModalViewRequest {
	v := view(fmt.Sprintf("Deny #%d", c.Run), CallbackDeny, about)
	v.Submit, v.Close = plainText("Deny"), plainText("Go back")
	in := input(Reason, "Why", maxReason)
	in.Optional, in.Hint = true, plainText("Everybody who reads the thread sees it.")
	add(&v, section(c.Title()+": "+c.Counts()), section("It is discarded: nothing of this plan is applied."), in)
	return v
}

// Cancel asks once more before an apply is interrupted.
func Cancel(c notify.Card, about button.Context) slackapi.ModalViewRequest {
	v := view(fmt.Sprintf("Cancel #%d", c.Run), CallbackCancel, about)
	v.Submit, v.Close = plainText("Cancel the apply"), plainText("Let it go on")
	add(&v, section(c.Title()+": "+c.StatusWord()), section("It is asked once to stop and gets all the time that it needs. What is done already stays done."))
	return v
}

// Page is one page of what a plan changes.
type Page struct {
	Title  string // of the run: "PROD ghe #12"
	Counts string
	Text   string // of this page, as the plan has it; see [Pages]
	Number int    // from 1
	Of     int
}

// DetailsOf shows a page of a plan, with buttons that lead to those beside it.
func DetailsOf(run int, p Page, about button.Context) slackapi.ModalViewRequest {
	v := view(fmt.Sprintf("Plan of #%d", run), CallbackDetails, about)
	v.Close = plainText("Close")
	add(&v, section(p.Title+": "+p.Counts))
	for _, part := range split(p.Text, maxPart) {
		add(&v, preformatted(part))
	}
	if p.Of <= 1 {
		return v
	}
	add(&v, section(fmt.Sprintf("Page %d of %d", p.Number, p.Of)))
	row := slackapi.NewActionBlock("sallyport_pages")
	if p.Number > 1 {
		row.Elements.ElementSet = append(row.Elements.ElementSet, turn(button.Previous, "Previous", p.Number-1))
	}
	if p.Number < p.Of {
		row.Elements.ElementSet = append(row.Elements.ElementSet, turn(button.Next, "Next", p.Number+1))
	}
	add(&v, row)
	return v
}

func turn(a button.Action, label string, to int) slackapi.BlockElement {
	return slackapi.NewButtonBlockElement(string(a), fmt.Sprint(to), plainText(label))
}

// Result tells what became of what was submitted, or why nothing did.
func Result(run int, why string) slackapi.ModalViewRequest {
	title := "Sallyport"
	if run > 0 {
		title = fmt.Sprintf("#%d", run)
	}
	v := slackapi.ModalViewRequest{Type: slackapi.VTModal, Title: plainText(title), CallbackID: CallbackResult, Close: plainText("Close")}
	add(&v, section(words.Cut(why, maxWhy)))
	return v
}

func view(title, callback string, about button.Context) slackapi.ModalViewRequest {
	return slackapi.ModalViewRequest{Type: slackapi.VTModal, Title: plainText(title), CallbackID: callback, PrivateMetadata: about.String()}
}

func add(v *slackapi.ModalViewRequest, blocks ...slackapi.Block) {
	v.Blocks.BlockSet = append(v.Blocks.BlockSet, blocks...)
}

func plainText(s string) *slackapi.TextBlockObject {
	emoji := false // :bomb: in an address stays what it is
	return &slackapi.TextBlockObject{Type: slackapi.PlainTextType, Text: s, Emoji: &emoji}
}

func section(s string) slackapi.Block {
	s = strings.TrimSpace(redact.Clean(s))
	if s == "" {
		s = "(nothing)"
	}
	return slackapi.NewSectionBlock(plainText(words.Cut(s, maxPart)), nil, nil)
}

func preformatted(s string) slackapi.Block {
	return slackapi.NewRichTextBlock("", &slackapi.RichTextPreformatted{
		Type:     slackapi.RTEPreformatted,
		Elements: []slackapi.RichTextSectionElement{slackapi.NewRichTextSectionTextElement(s, nil)},
	})
}

// ticks are a group of options of which any may be ticked, none too: what is missing is told with what it is.
func ticks(n int, label string, options []button.Option) slackapi.Block {
	id := fmt.Sprintf("%s_%d", Ticks, n)
	group := slackapi.NewCheckboxGroupsBlockElement(id)
	for _, o := range options {
		group.Options = append(group.Options, slackapi.NewOptionBlockObject(o.Value, plainText(o.Text), nil))
	}
	in := slackapi.NewInputBlock(id, plainText(label), nil, group)
	in.Optional = true
	return in
}

func input(id, label string, most int) *slackapi.InputBlock {
	e := slackapi.NewPlainTextInputBlockElement(nil, id)
	e.Multiline, e.MaxLength = true, most
	return slackapi.NewInputBlock(id, plainText(label), nil, e)
}
