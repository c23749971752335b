package buttons

import (
	"sallyport/agent/active"
	"sallyport/agent/journal"
	"sallyport/store"
)

// shownKey is whether cards have buttons, as far as they were brought up to date.
const shownKey store.Key[bool] = "slack/buttons"

// Follow has the cards of open runs edited after clicks began, or ceased, to be heard: until then those that wait have no buttons, or ones
// that lead nowhere. Where nothing changed it does nothing.
func (b *Buttons) Follow(conf *active.Config) error {
	heard := conf.Slack != nil && !conf.Cfg.Slack.AppToken.IsZero()
	known := "no"
	if heard {
		known = "yes"
	}
	if last, _ := b.followed.Load().(string); last == known {
		return nil
	}
	var shown bool
	err := b.opts.Store.View(func(tx *store.Tx) (err error) {
		shown, _, err = shownKey.Get(tx)
		return err
	})
	if err == nil && shown != heard {
		err = b.opts.Journal.Update(func(tx *journal.Tx) error { return b.refresh(tx.Tx, heard) })
	}
	if err == nil {
		b.followed.Store(known)
	}
	return err
}

func (b *Buttons) refresh(tx *store.Tx, heard bool) error {
	runs, err := tx.OpenRuns()
	if err != nil {
		return err
	}
	for _, run := range runs {
		if err := b.opts.Ledger.RefreshCard(tx, run); err != nil {
			return err
		}
	}
	return shownKey.Put(tx, heard)
}
