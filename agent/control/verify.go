package control

import (
	"errors"
	"strings"

	"sallyport/store"
)

// Verification is how a check of all records and of the history's chain went.
type Verification struct {
	OK      bool   `json:"ok"`
	Entries int    `json:"entries"` // of the history that are good
	First   uint64 `json:"first"`   // number of the oldest that is kept; older ones were trimmed
	Head    uint64 `json:"head"`    // number of the newest
	Hash    string `json:"hash"`    // of the newest, which stands for all before it
	// Faults are the places where something is not what was written.
	Faults []string `json:"faults"`
}

// VerificationOf checks a store.
func VerificationOf(s *store.Store) Verification {
	h, err := s.Verify()
	v := Verification{OK: err == nil, Entries: h.Entries, First: h.First, Head: h.Head, Hash: h.Hash, Faults: []string{}}
	if err == nil {
		return v
	}
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		for _, e := range joined.Unwrap() {
			v.Faults = append(v.Faults, e.Error())
		}
		return v
	}
	v.Faults = strings.Split(err.Error(), "\n")
	return v
}
