package store

import "fmt"

// SkipRuns leaves out the next n run numbers. A restored store goes on with higher numbers than the one that was lost
// ever gave, so that no number means two runs.
func (tx *Tx) SkipRuns(n int) (err error) {
	defer tx.writing(bucketRuns, nil, &err)
	if n < 0 {
		return fmt.Errorf("skipping %d runs: numbers never go back", n)
	}
	b, err := tx.bucket(bucketRuns)
	if err != nil {
		return err
	}
	tx.dirty = true
	return b.SetSequence(b.Sequence() + uint64(n))
}

// reserve makes sure that run numbers given from now on are higher than id.
func (tx *Tx) reserve(id int) (err error) {
	defer tx.writing(bucketRuns, nil, &err)
	b, err := tx.bucket(bucketRuns)
	if err != nil || b.Sequence() >= uint64(id) {
		return err
	}
	tx.dirty = true
	return b.SetSequence(uint64(id))
}
