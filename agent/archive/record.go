package archive

import (
	"time"

	"sallyport/store"
)

// recordSetting keeps the record.
const recordSetting store.Key[Record] = "backup"

// Record is what the store remembers of the backups that leave the machine.
type Record struct {
	Schedule string    `json:"schedule"`
	At       time.Time `json:"at,omitzero"` // of the last one that was sent
	Bytes    int64     `json:"bytes,omitempty"`
	Verified bool      `json:"verified,omitempty"` // it was read back whole before it was sent
	TriedAt  time.Time `json:"tried_at,omitzero"`
	Error    string    `json:"error,omitempty"` // of the last try; empty if that went well
	ErrorAt  time.Time `json:"error_at,omitzero"`
	Failures int       `json:"failures,omitempty"` // in a row
	Told     bool      `json:"told,omitempty"`     // people were told of them
}

// SaveRecord writes the record to the store.
func SaveRecord(tx *store.Tx, r Record) error { return recordSetting.Put(tx, r) }

// LoadRecord reads the record from the store; the zero one if no backup was ever tried.
func LoadRecord(tx *store.Tx) (r Record, err error) {
	r, _, err = recordSetting.Get(tx)
	return r, err
}
