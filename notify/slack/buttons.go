package slack

import (
	slackapi "github.com/slack-go/slack"

	"sallyport/notify"
	"sallyport/notify/button"
)

// buttons are those of a card, in one row; nil for a card without.
func buttons(card notify.Card) slackapi.Block {
	list := button.Of(card)
	if len(list) == 0 {
		return nil
	}
	value := button.Target{Run: card.Run, Digest: card.PlanDigest()}.String()
	row := slackapi.NewActionBlock(button.Block(card.Agent))
	for _, b := range list {
		e := slackapi.NewButtonBlockElement(string(b.Action), value, text(slackapi.PlainTextType, b.Text)).WithStyle(slackapi.Style(b.Style))
		if c := b.Confirm; c != nil {
			e.Confirm = slackapi.NewConfirmationBlockObject(text(slackapi.PlainTextType, c.Title), text(slackapi.PlainTextType, c.Text),
				text(slackapi.PlainTextType, c.Yes), text(slackapi.PlainTextType, c.No))
		}
		row.Elements.ElementSet = append(row.Elements.ElementSet, e)
	}
	return row
}
