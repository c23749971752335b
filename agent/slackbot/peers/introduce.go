package peers

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"

	"sallyport/agent/journal"
	"sallyport/store"
)

// Identity is who an agent is. It travels in every message, so that agents recognize each other in Slack, and a copy of a data
// directory is told from the directory.
type Identity struct {
	ID     string   // of the data directory
	Epoch  string   // of this process
	Epochs []string // of our own processes, this one included
}

// Introduce gives an agent that begins an identity of its own, and records its start.
func Introduce(j *journal.Journal, version string, started time.Time) (me Identity, err error) {
	if me.Epoch, err = randomID(); err != nil {
		return me, err
	}
	err = j.Write(func(tx *journal.Tx) error {
		s, err := tx.Agent()
		if err != nil {
			return err
		}
		if s.ID == "" {
			if s.ID, err = randomID(); err != nil {
				return err
			}
		}
		if me.Epochs, err = addEpoch(tx.Tx, me.Epoch); err != nil {
			return err
		}
		s.Version, s.StartedAt = version, started.UTC()
		me.ID = s.ID
		if err := tx.PutAgent(s); err != nil {
			return err
		}
		return tx.AddEvent(store.Event{Type: "start", Text: version})
	})
	return me, err
}

func randomID() (string, error) {
	b := make([]byte, 8)
	if _, err := rand.Read(b); err != nil {
		return "", fmt.Errorf("making a random id: %w", err)
	}
	return hex.EncodeToString(b), nil
}
