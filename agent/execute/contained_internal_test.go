package execute

import (
	"context"
	"testing"

	"sallyport/agent/contain"
	"sallyport/agent/workers"
	"sallyport/store"
)

// A run whose work rests is not planned: each try would count as one that nobody saw the end of, and eight of them end it.
func TestRestIsNoAttempt(t *testing.T) {
	e := &Executor{work: workers.New(func() {}, func(string, int, *contain.Panic) {})}
	e.work.Start(context.Background())
	e.work.Backoff(1)
	if err := e.StartPlan(nil, &store.Run{ID: 1, Status: store.Planning}, nil); err != nil { // it would use the store, which is not there
		t.Error(err)
	}
}
