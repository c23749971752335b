package cache

import (
	"fmt"
	"maps"
	"slices"
)

// Offline says with what a stack could be planned while neither git host nor registry answers.
type Offline struct {
	Commit  string   // the commit whose modules and lock file are kept
	Missing []string // providers of that lock file that are not in the store
}

// Offline looks at what is kept of a stack's last good init. It is nil if nothing is kept: the stack was never planned, or needs only
// providers that are built into terraform. The error says what cannot be read.
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
