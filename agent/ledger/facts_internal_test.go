package ledger

import (
	"testing"

	"sallyport/agent/config"
	"sallyport/agent/datadir/datadirtest"
	"sallyport/store"
)

// What depends on something and was never seen is read without a word: it has no repository yet, and its first run takes everything in.
func TestUsesOfWhatWasNeverSeen(t *testing.T) {
	_, s := datadirtest.New(t)
	err := s.View(func(tx *store.Tx) error {
		r := NewRecordReader(tx)
		r.Uses(&config.Stack{Name: "app", DependsOn: []string{"net"}})
		if len(r.Out.Stacks) != 2 {
			t.Errorf("%d stacks were read", len(r.Out.Stacks))
		}
		return r.Err
	})
	if err != nil {
		t.Error(err)
	}
}
