package active

import (
	"sync"
	"time"
)

// PollTimes remembers when repositories answered; an empty poll writes nothing to the store.
type PollTimes struct {
	mu    sync.Mutex
	polls map[string]time.Time
}

// NewPollTimes begins with no answer remembered.
func NewPollTimes() *PollTimes { return &PollTimes{polls: map[string]time.Time{}} }

// Polled notes that a repository answered.
func (p *PollTimes) Polled(repository string, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.polls[repository] = at.UTC()
}

// LastPoll is when a repository answered last; zero if it did not since the start.
func (p *PollTimes) LastPoll(repository string) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.polls[repository]
}
