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
	tx.counted(bucketRuns)
	return b.SetSequence(b.Sequence() + uint64(n))
}

// reserve makes sure that run numbers given from now on are higher than id.
func (tx *Tx) reserve(id int) (err error) {
	defer tx.writing(bucketRuns, nil, &err)
	b, err := tx.bucket(bucketRuns)
	if err != nil || b.Sequence() >= uint64(id) {
		return err
	}
	tx.counted(bucketRuns)
	return b.SetSequence(uint64(id))
}

// NextRun is the number that the next run gets.
func (tx *Tx) NextRun() (int, error) {
	b, err := tx.bucket(bucketRuns)
	if err != nil {
		return 0, fmt.Errorf("reading the next run's number: %w", err)
	}
	return int(b.Sequence()) + 1, nil
}

// HasRun says whether there is a run of that number, without reading what it says.
func (tx *Tx) HasRun(id int) (bool, error) {
	payload, err := tx.payload(bucketRuns, number(id))
	if err != nil {
		return false, fmt.Errorf("looking for run #%d: %w", id, err)
	}
	return payload != nil, nil
}
