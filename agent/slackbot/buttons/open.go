package buttons

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"sallyport/notify"
	"sallyport/notify/button"
	"sallyport/notify/slack"
	"sallyport/notify/slack/modal"
	"sallyport/store"
)

// ask opens the modal that a button asks with, for who may decide. Whatever is checked here is checked again when it is submitted: it spares
// people to fill in what cannot count.
func (b *Buttons) ask(ctx context.Context, p *press, action button.Action) (said, error) {
	verb := string(store.Approve)
	switch action {
	case button.DenyAsk:
		verb = string(store.Deny)
	case button.CancelAsk:
		verb = "cancel"
	}
	if why, err := b.mayNot(ctx, p, verb); why != "" || err != nil {
		return why, err
	}
	card := b.opts.Outbox.Card(p.conf, p.run)
	var view slack.Modal
	switch action {
	case button.CancelAsk:
		if why := uncancelable(p); why != "" {
			return why, nil
		}
		view = modal.Cancel(card, p.of)
	case button.DenyAsk:
		if why, err := b.undecidable(p, store.Deny); why != "" || err != nil {
			return why, err
		}
		view = modal.Deny(card, p.of)
	default:
		if why, err := b.undecidable(p, store.Approve); why != "" || err != nil {
			return why, err
		}
		if card.Plan == nil {
			return samePlan(p), nil
		}
		view = modal.Approve(card, p.of)
	}
	return b.open(ctx, p, view)
}

// open opens a modal. Slack lets one be opened for three seconds.
func (b *Buttons) open(ctx context.Context, p *press, view slack.Modal) (said, error) {
	_, err := p.conf.Slack.OpenView(ctx, p.e.Trigger, view)
	switch {
	case err == nil:
		return "", nil
	case slack.Expired(err):
		return "That took too long for Slack to open a window: press again.", nil
	}
	b.opts.Log.Warn("opening a modal", "run", p.run.ID, "user", p.user, "err", err)
	return "Slack did not open the window. Press again, or reply in the thread.", nil
}

// details opens the plan, page by page, to who sees the card: it is what the file in its thread shows.
func (b *Buttons) details(ctx context.Context, p *press) (said, error) {
	if why := samePlan(p); why != "" {
		return why, nil
	}
	if b.crowd.tooMuch(p, time.Now()) {
		return "", nil
	}
	view, err := b.page(p, 1)
	if err != nil {
		return "", err
	}
	return b.open(ctx, p, view)
}

// turn shows another page of a plan in the modal that is open.
func (b *Buttons) turn(ctx context.Context, p *press) (said, error) {
	if p.e.View == nil || p.e.View.Callback != modal.CallbackDetails {
		return "", nil
	}
	to, err := strconv.Atoi(p.e.Value)
	if err != nil || to < 1 || to > modal.MaxPages {
		return "", nil // none of the buttons that we made
	}
	why, err := b.ofModal(p)
	if err != nil {
		return "", err
	}
	if why == "" {
		why = samePlan(p)
	}
	if b.crowd.tooMuch(p, time.Now()) {
		return "", nil
	}
	view := modal.Result(p.of.Run, b.shown(string(why)))
	if why == "" {
		if view, err = b.page(p, to); err != nil {
			return "", err
		}
	}
	// Without an error where somebody has turned on, or closed it, meanwhile.
	_, err = p.conf.Slack.UpdateView(ctx, p.e.View.ID, p.e.View.Hash, view)
	if err != nil && !slack.Changed(err) && !slack.Gone(err) {
		b.opts.Log.Warn("turning a page", "run", p.of.Run, "user", p.user, "err", err)
	}
	return "", nil
}

// page is one page of a plan, the last one if there are fewer.
func (b *Buttons) page(p *press, number int) (slack.Modal, error) {
	card := b.opts.Outbox.Card(p.conf, p.run)
	text, err := b.text(p, card)
	if err != nil {
		return slack.Modal{}, err
	}
	pages := modal.Pages(text)
	number = min(number, len(pages))
	return modal.DetailsOf(p.run.ID, modal.Page{
		Title: card.Title(), Counts: card.Counts(), Text: pages[number-1], Number: number, Of: len(pages),
	}, p.of), nil
}

// text is what may be shown of a plan in Slack: all of it, its addresses, or where it is shown.
func (b *Buttons) text(p *press, card notify.Card) (string, error) {
	shows := "none"
	if s := p.conf.Stack(p.run.Stack); s != nil {
		shows = s.PlanInSlack
	}
	switch shows {
	case "full":
	case "addresses":
		return strings.Join(append(card.Lines(), card.Outputs()), "\n"), nil
	default: // a word that this version does not know shows nothing
		return fmt.Sprintf("The plan is not shown in Slack: sallyport show %d", p.run.ID), nil
	}
	text, err := b.opts.Engines.PlanText(p.run.ID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return "", err
	}
	if len(text) > modal.MaxText {
		text = text[:modal.MaxText] // more than is shown, so that no secret is cut in two where it is seen
	}
	return b.opts.Health.Redact(text), nil
}
