package triggers

import (
	"sallyport/agent/announce"
	"sallyport/store"
)

// batchesKey is where it is kept how many batches there were.
const batchesKey store.Key[int] = "batch"

// batchOf gives the runs of stacks that are seen for the first time together, or are observed no more, one number, so that one message
// can sum them up. Zero when there are fewer than two.
func (t *Triggers) batchOf(tx *store.Tx, findings []*finding) (int, error) {
	first := 0
	for _, f := range findings {
		st, err := tx.Stack(f.stack.Name)
		if err != nil {
			return 0, err
		}
		observed, err := forgetObserved(tx, f.stack, st)
		if err != nil {
			return 0, err
		}
		if f.err == nil && st.AppliedCommit == "" && (st.NewestRun == 0 || observed) {
			first++
		}
	}
	if first < 2 {
		return 0, nil
	}
	last, _, err := batchesKey.Get(tx)
	if err != nil {
		return 0, err
	}
	return last + 1, nil
}

// closeBatch remembers which runs belong to a batch once they are made.
func (t *Triggers) closeBatch(tx *store.Tx, batch int) error {
	if batch == 0 {
		return nil
	}
	if err := batchesKey.Put(tx, batch); err != nil {
		return err
	}
	runs, err := tx.OpenRuns()
	if err != nil {
		return err
	}
	var ids []int
	for _, r := range runs {
		if r.Batch == batch {
			ids = append(ids, r.ID)
		}
	}
	return announce.BatchKey(batch).Put(tx, announce.OpenBatch{Runs: ids})
}
