package announce

import (
	"fmt"
	"strings"

	"sallyport/notify"
	"sallyport/store"
)

// TellChecks posts the card of a run that ends without a word, because checks fail of which nobody was told.
func (ms *Messages) TellChecks(tx *store.Tx, run *store.Run) error {
	return tx.Enqueue(store.Message{Kind: store.MessageCard, Run: run.ID, Key: CardKey(run.ID)})
}

// ChecksNote tells of checks that a drift check found failing, where nothing else is to be done.
func (ms *Messages) ChecksNote(stack, key string, showAddresses bool, checks []store.FailedCheck) store.Message {
	text := fmt.Sprintf("%s: %s, and there is nothing to change", stack, notify.ChecksCount(checks))
	if showAddresses {
		text += ": " + strings.Join(notify.ChecksLines(checks), "; ")
	}
	return ms.Note("checks/"+stack+"/"+key, text+".")
}
