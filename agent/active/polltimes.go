package active

import (
	"sync"
	"time"
)

// PollTimes remembers when repositories answered; an empty poll writes nothing to the store. It counts polls, too.
type PollTimes struct {
	mu            sync.Mutex
	polls         map[string]time.Time
	tried, failed map[string]int
}

// NewPollTimes begins with no answer remembered.
func NewPollTimes() *PollTimes {
	return &PollTimes{polls: map[string]time.Time{}, tried: map[string]int{}, failed: map[string]int{}}
}

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

// Tried counts a poll by how it ended.
func (p *PollTimes) Tried(repository string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tried[repository]++
	if err != nil {
		p.failed[repository]++
	}
}

// Counts are how many polls of a repository have ended since the start, and how many of them without an answer.
func (p *PollTimes) Counts(repository string) (tried, failed int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tried[repository], p.failed[repository]
}
