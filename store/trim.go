package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	trimBatch  = 100       // records per transaction: nobody waits long for his own
	historyKey = "history" // in bucket meta: see anchor
)

// Retention says what may be forgotten. Runs go when they ended before RunsBefore, or when more than Runs are kept;
// entries of the history when they are older than HistoryBefore, or when more than History are kept. A zero time or
// number is no bound.
//
// Kept in any case: runs that have not ended; the newest PerStack of each stack; what a stack's state names (what is
// applied, its newest runs); what an open run takes over from; what the outbox still has to tell of; the newest entry
// of the history.
type Retention struct {
	RunsBefore    time.Time
	Runs          int
	PerStack      int
	HistoryBefore time.Time
	History       int
	// Forget is called for each run before its record goes, outside of any transaction: files that belong to a run must
	// not outlive what says so. False keeps the run for now; so does an error, which Trim returns.
	Forget func(*Run) (bool, error)
}

func (r Retention) validate() error {
	if r.Runs < 0 || r.PerStack < 0 || r.History < 0 {
		return errors.New("numbers of what is kept cannot be negative")
	}
	return nil
}

// Trimmed is what a [Store.Trim] took away.
type Trimmed struct{ Runs, Events int }

// Trim forgets what r allows, oldest first, in many short transactions. It stops early, without an error, when ctx
// ends; errors of Forget are joined and the other runs still go.
func (s *Store) Trim(ctx context.Context, r Retention) (Trimmed, error) {
	var done Trimmed
	if err := r.validate(); err != nil {
		return done, fmt.Errorf("trimming: %w", err)
	}
	var kept []error
	after := 0
	for ctx.Err() == nil {
		runs, next, err := s.forgettable(r, after)
		if err != nil {
			return done, fmt.Errorf("trimming runs: %w", err)
		}
		var gone []int
		for _, run := range runs {
			if r.Forget != nil {
				goes, err := r.Forget(run)
				if err != nil {
					kept = append(kept, fmt.Errorf("forgetting run #%d: %w", run.ID, err))
				}
				if err != nil || !goes {
					continue
				}
			}
			gone = append(gone, run.ID)
		}
		n := 0
		err = s.Update(func(tx *Tx) (err error) {
			n, err = tx.forgetRuns(gone)
			return err
		})
		if err != nil {
			return done, fmt.Errorf("trimming runs: %w", err)
		}
		done.Runs += n
		if after = next; next == 0 {
			break
		}
	}
	for ctx.Err() == nil {
		n := 0
		err := s.Update(func(tx *Tx) (err error) {
			n, err = tx.trimHistory(r)
			return err
		})
		if err != nil {
			return done, fmt.Errorf("trimming the history: %w", err)
		}
		if done.Events += n; n < trimBatch {
			break
		}
	}
	return done, errors.Join(kept...)
}

// forgettable lists up to a batch of runs after a number that may go, and where to go on; 0 at the end.
func (s *Store) forgettable(r Retention, after int) (out []*Run, next int, err error) {
	err = s.View(func(tx *Tx) error {
		needed, err := tx.needed()
		if err != nil {
			return err
		}
		floor, err := tx.floor(bucketRuns, nil, r.Runs)
		if err != nil {
			return err
		}
		floors := map[string]uint64{} // below: not among the newest of its stack
		visited := 0
		return tx.walkFrom(bucketRuns, number(after+1), func(key, payload []byte) error {
			if visited++; visited > 5*trimBatch || len(out) == trimBatch {
				return errStop
			}
			run, err := decode(bucketRuns, key, payload, runKey)
			if err != nil {
				return err
			}
			next = run.ID
			old := !r.RunsBefore.IsZero() && endOf(run).Before(r.RunsBefore) || uint64(run.ID) < floor
			if !run.Status.Terminal() || !old || needed[run.ID] {
				return nil
			}
			least, known := floors[run.Stack]
			if !known {
				if least, err = tx.floor(bucketStackRuns, namePrefix(run.Stack), r.PerStack); err != nil {
					return err
				}
				floors[run.Stack] = least
			}
			if r.PerStack == 0 || uint64(run.ID) < least {
				out = append(out, run)
			}
			return nil
		})
	})
	if err != nil {
		return nil, 0, err
	}
	if last, lastErr := s.lastRun(); lastErr != nil || next >= last {
		return out, 0, lastErr
	}
	return out, next, nil
}

// endOf is when a run ended, or was last heard of: one that was taken in from elsewhere may not say when it ended.
func endOf(run *Run) time.Time {
	for _, at := range []time.Time{run.EndedAt, run.UpdatedAt} {
		if !at.IsZero() {
			return at
		}
	}
	return run.CreatedAt
}

func (s *Store) lastRun() (id int, err error) {
	err = s.View(func(tx *Tx) error {
		return tx.walk(bucketRuns, span{before: newest()}, func(key, _ []byte) error {
			n, err := numberOf(key)
			id = int(n)
			return errors.Join(err, errStop)
		})
	})
	return id, err
}

// floor is the number of the n-th newest record under a prefix: those below are more than n. 0 if there are no more
// than n, or if n is 0.
func (tx *Tx) floor(bucket string, prefix []byte, n int) (id uint64, err error) {
	seen := 0
	err = tx.walk(bucket, span{prefix: prefix, before: newest()}, func(key, _ []byte) (err error) {
		if seen++; seen < n {
			return nil
		}
		if n > 0 {
			id, err = numberOf(key)
		}
		return errors.Join(err, errStop)
	})
	return id, err
}

// needed are runs that something else refers to.
func (tx *Tx) needed() (map[int]bool, error) {
	needed := map[int]bool{}
	stacks, err := tx.Stacks()
	if err != nil {
		return nil, err
	}
	for _, s := range stacks {
		for _, id := range s.runs() {
			needed[id] = true
		}
	}
	messages, err := tx.Outbox()
	if err != nil {
		return nil, err
	}
	for _, m := range messages {
		needed[m.Run] = true
	}
	open, err := tx.OpenRuns()
	if err != nil {
		return nil, err
	}
	for _, run := range open {
		// Recoveries of recoveries: what the first one was about must still be told.
		for run.After != 0 && !needed[run.After] {
			needed[run.After] = true
			before, err := tx.Run(run.After)
			if errors.Is(err, ErrNotFound) {
				break
			}
			if err != nil {
				return nil, err
			}
			run = before
		}
	}
	return needed, nil
}

// runs are the runs that a stack's state names. A state or a lock that was left behind is cleared by what its run's record
// says, however long that takes.
func (s *StackState) runs() []int {
	ids := []int{s.AppliedRun, s.LastCommitRun, s.NewestRun, s.OpenRun, s.LastApply, s.Unfinished, s.Partly}
	if s.Planning != nil {
		ids = append(ids, s.Planning.Run)
	}
	if s.Drift != nil {
		ids = append(ids, s.Drift.Run)
	}
	if s.LeftLock != nil {
		ids = append(ids, s.LeftLock.Run)
	}
	for _, u := range s.Unseen {
		ids = append(ids, u.Run)
	}
	for _, use := range s.Images { // the builds of what it runs on
		ids = append(ids, use.Run)
	}
	return ids
}

// forgetRuns deletes ended runs with everything that belongs to them alone, and returns how many. Their entries in the
// history stay until their own time is over. What came to need a run since it was chosen, a late reply's answer or a run
// that takes over from it, keeps it.
func (tx *Tx) forgetRuns(ids []int) (n int, err error) {
	if len(ids) == 0 {
		return 0, nil
	}
	needed, err := tx.needed()
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		run, err := tx.Run(id)
		if errors.Is(err, ErrNotFound) || err == nil && (needed[id] || !run.Status.Terminal()) {
			continue
		}
		if err != nil {
			return n, err
		}
		key := number(id)
		for _, err := range []error{
			tx.remove(bucketRuns, key), tx.remove(bucketStackRuns, nameAndNumber(run.Stack, id)),
			tx.remove(bucketTexts, key), tx.remove(bucketThreads, key),
		} {
			if err != nil {
				return n, err
			}
		}
		n++
	}
	return n, nil
}

// An anchor stands for the part of the history that was trimmed: its last entry's number and hash. The chain that is
// left proves itself against it.
type anchor struct {
	Seq  uint64 `json:"seq"`
	Hash string `json:"hash"`
}

func (tx *Tx) anchor() (a anchor, err error) {
	_, err = tx.load(bucketMeta, []byte(historyKey), &a)
	return a, err
}

// trimHistory takes a batch of the oldest entries away and returns how many.
func (tx *Tx) trimHistory(r Retention) (int, error) {
	a, err := tx.anchor()
	if err != nil {
		return 0, err
	}
	head, _, err := tx.HistoryHead()
	if err != nil {
		return 0, err
	}
	var old []*Event
	err = tx.walk(bucketEvents, span{}, func(key, payload []byte) error {
		e, err := decode(bucketEvents, key, payload, eventKey)
		if err != nil {
			return err
		}
		tooMany := r.History > 0 && head-e.Seq >= uint64(r.History)
		if len(old) == trimBatch || e.Seq == head || !tooMany && (r.HistoryBefore.IsZero() || !e.At.Before(r.HistoryBefore)) {
			return errStop
		}
		if e.Seq != a.Seq+1 || e.Prev != a.Hash {
			return brokenAt(key, errors.New("the history breaks here and is not trimmed"))
		}
		a = anchor{Seq: e.Seq, Hash: link(payload)}
		old = append(old, e)
		return nil
	})
	if err != nil || len(old) == 0 {
		return 0, err
	}
	for _, e := range old {
		if err := tx.remove(bucketEvents, number(e.Seq)); err != nil {
			return 0, err
		}
		if e.Run != 0 {
			if err := tx.remove(bucketRunEvents, runEvent(e.Run, e.Seq)); err != nil {
				return 0, err
			}
		}
	}
	return len(old), tx.save(bucketMeta, []byte(historyKey), &a)
}

// walkFrom visits records from a key on, oldest first; see walk.
func (tx *Tx) walkFrom(bucket string, from []byte, fn func(key, payload []byte) error) (err error) {
	defer shield(bucket, "", &err)
	b, err := tx.bucket(bucket)
	if err != nil {
		return err
	}
	tx.reading(bucket, nil)
	c := b.Cursor()
	for key, raw := c.Seek(from); key != nil; key, raw = c.Next() {
		payload, err := unseal(raw)
		if err == nil {
			err = fn(bytes.Clone(key), payload)
		} else {
			err = &DamagedError{Bucket: bucket, Key: keyText(bucket, key), Err: err}
		}
		if errors.Is(err, errStop) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}
