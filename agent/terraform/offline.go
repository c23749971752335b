package terraform

import (
	"fmt"
	"maps"
	"slices"
)

// Offline is what is kept of a stack for a plan while neither git host nor registry answers.
type Offline struct {
	Commit  string   // whose modules and lock file are kept
	Missing []string // providers of that lock file that are not in the store
}

// Offline looks at what is kept of a stack's last good init; nil if nothing is: it was never planned, or needs nothing but
// what is built into terraform. The error says what of it cannot be read.
func (c *Cache) Offline(stack string) (*Offline, error) {
	last := c.lastInit(stack)
	if last == nil {
		return nil, nil
	}
	text, err := last.lock()
	if err != nil {
		return nil, fmt.Errorf("reading the kept lock file: %w", err)
	}
	out := &Offline{Commit: last.Commit}
	if text == nil {
		return out, nil
	}
	lock, err := parseLock(text)
	if err != nil {
		return nil, err
	}
	if len(lock) == 0 && !last.Modules {
		return nil, nil
	}
	for _, address := range slices.Sorted(maps.Keys(lock)) {
		if !c.has(lock[address]) {
			out.Missing = append(out.Missing, address+" "+lock[address].Version)
		}
	}
	return out, nil
}
