package control

import (
	"time"

	"sallyport/agent/archive"
	"sallyport/store"
)

// Backups is how the backups that leave the machine stand, in a status.
type Backups struct {
	Schedule string     `json:"schedule"`
	At       *time.Time `json:"at"` // of the last one that was sent; null if none ever was
	Bytes    int64      `json:"bytes"`
	Verified bool       `json:"verified"` // it was read back whole before it was sent
	Error    string     `json:"error"`    // why the last try failed; empty if it did not
	ErrorAt  *time.Time `json:"error_at"`
}

// LoadBackups reads how they stand from the store; nil if none was ever tried.
func LoadBackups(tx *store.Tx) (*Backups, error) {
	r, err := archive.LoadRecord(tx)
	if err != nil || r == (archive.Record{}) {
		return nil, err
	}
	return &Backups{Schedule: r.Schedule, At: instant(r.At), Bytes: r.Bytes, Verified: r.Verified, Error: r.Error, ErrorAt: instant(r.ErrorAt)}, nil
}
