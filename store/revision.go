package store

import "fmt"

// Revision is a number that grows with every transaction that changed something, and with nothing else. Two equal ones
// of one file mean that nothing happened in between.
func (s *Store) Revision() (int, error) {
	n := 0
	err := s.View(func(tx *Tx) error {
		n = tx.bolt.ID()
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("reading the store's revision: %w", err)
	}
	return n, nil
}
