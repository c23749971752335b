package control

import (
	"time"

	"sallyport/store"
)

// backupSetting is the name of the store's record of backups that leave the machine.
const backupSetting = "backup"

// BackupRecord is what the store remembers of the backups that leave the machine.
type BackupRecord struct {
	Schedule string    `json:"schedule"`
	At       time.Time `json:"at,omitzero"` // of the last one that was sent
	Bytes    int64     `json:"bytes,omitempty"`
	TriedAt  time.Time `json:"tried_at,omitzero"`
	Error    string    `json:"error,omitempty"` // of the last try; empty if that went well
	ErrorAt  time.Time `json:"error_at,omitzero"`
	Failures int       `json:"failures,omitempty"` // in a row
	Told     bool      `json:"told,omitempty"`     // people were told of them
}

// Backups is how the backups that leave the machine stand, in a status.
type Backups struct {
	Schedule string     `json:"schedule"`
	At       *time.Time `json:"at"` // of the last one that was sent; null if none ever was
	Bytes    int64      `json:"bytes"`
	Error    string     `json:"error"` // why the last try failed; empty if it did not
	ErrorAt  *time.Time `json:"error_at"`
}

// LoadBackups reads the store's record; nil if there is none.
func LoadBackups(tx *store.Tx) (*Backups, error) {
	var r BackupRecord
	found, err := tx.Setting(backupSetting, &r)
	if err != nil || !found {
		return nil, err
	}
	return &Backups{Schedule: r.Schedule, At: instant(r.At), Bytes: r.Bytes, Error: r.Error, ErrorAt: instant(r.ErrorAt)}, nil
}

// SaveBackups writes the store's record.
func SaveBackups(tx *store.Tx, r BackupRecord) error { return tx.PutSetting(backupSetting, r) }

// BackupsRecord reads the record for who keeps it; a zero one if there is none.
func BackupsRecord(tx *store.Tx) (r BackupRecord, err error) {
	_, err = tx.Setting(backupSetting, &r)
	return r, err
}
