// Package bell wakes who waits: the agent's loop, and everybody who wants to know that something has changed. It carries no
// news. Who is woken looks at the store, so that a call that is missed costs time and nothing else.
package bell

import (
	"sync"
)

// Bell wakes the loop, and whoever waits for a change.
type Bell struct {
	Changes *Broadcast
	Wakes   chan struct{}
}

// New makes a bell that nobody has rung.
func New(changes *Broadcast) *Bell { return &Bell{Changes: changes, Wakes: make(chan struct{}, 1)} }

// Wake makes the loop look again.
func (b *Bell) Wake() {
	select {
	case b.Wakes <- struct{}{}:
	default: // it is awake already
	}
	b.Changes.Tell()
}

// Broadcast tells any number of waiting goroutines that something changed.
type Broadcast struct {
	mu sync.Mutex
	ch chan struct{}
}

// NewBroadcast makes one that nobody waits for.
func NewBroadcast() *Broadcast { return &Broadcast{ch: make(chan struct{})} }

// Next is closed at the next change.
func (b *Broadcast) Next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ch
}

// Tell wakes everybody who waits for a change.
func (b *Broadcast) Tell() {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.ch)
	b.ch = make(chan struct{})
}
