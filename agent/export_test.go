package agent

import (
	"context"
	"time"

	"sallyport/store"
)

// Trim forgets what is old as of now, which a running agent does every hour.
func (a *Agent) Trim(ctx context.Context, now time.Time) error { return a.trim(ctx, now) }

// RecordedPoll is when the store saw a repository polled last.
func (a *Agent) RecordedPoll(repository string) (at time.Time) {
	_ = a.store.View(func(tx *store.Tx) error {
		r, err := tx.Repository(repository)
		if err == nil {
			at = r.PolledAt
		}
		return err
	})
	return at
}
