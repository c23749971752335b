package buttons

import (
	"errors"
	"fmt"

	"sallyport/notify/button"
	"sallyport/store"
)

// ofCard finds the run on whose card something was pressed. It says why there is none: the card is another agent's, or it is not the
// run's own any more.
func (b *Buttons) ofCard(p *press) (said, error) {
	p.of.Mark = button.MarkOf(p.e.Block)
	if p.of.Mark != button.Mark(b.opts.ID) {
		return elsewhere, nil
	}
	of, ok := button.ParseTarget(p.e.Value)
	if !ok {
		return "This did not count: the button does not say which plan it is about. Reply in the thread.", nil
	}
	p.of.Target = of
	if why, err := b.find(p); why != "" || err != nil {
		return why, err
	}
	card := p.run.Card
	if card != nil && card.Channel == p.e.Channel && card.TS == p.e.Message {
		return "", nil
	}
	why := fmt.Sprintf("This did not count: this is not the message of #%d any more.", p.run.ID)
	if card == nil && !p.run.Status.Terminal() {
		why = fmt.Sprintf("This did not count: the message of #%d is being posted just now. Press again.", p.run.ID)
	} else if p.run.Status.Terminal() {
		why = fmt.Sprintf("This did not count: #%d has ended: %s.", p.run.ID, p.run.Status)
	} else if card != nil && card.Permalink != "" {
		why += " Next: look at " + card.Permalink
	}
	return said(why), nil
}

// ofModal finds the run that a modal is about. What the modal carries is an address: everything about the run is looked up.
func (b *Buttons) ofModal(p *press) (said, error) {
	of, ok := button.ParseContext(p.e.View.Private)
	if !ok || of.Mark != button.Mark(b.opts.ID) {
		return elsewhere, nil
	}
	p.of = of
	return b.find(p)
}

func (b *Buttons) find(p *press) (said, error) {
	err := b.opts.Store.View(func(tx *store.Tx) (err error) {
		p.run, err = tx.Run(p.of.Run)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return said(fmt.Sprintf("This did not count: nothing is known of #%d any more.", p.of.Run)), nil
	}
	return "", err
}

// samePlan says why a plan is not the one that somebody saw who pressed; empty if it is.
func samePlan(p *press) said {
	if plan := p.run.Plan; plan != nil && (p.of.Digest == plan.Shown() || p.of.Digest == plan.Digest) {
		return ""
	}
	return said(fmt.Sprintf("This did not count: the plan of #%d is another one than this message showed. Look at it again.", p.run.ID))
}
