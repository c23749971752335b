package agent

import (
	"errors"
	"os"

	"sallyport/agent/datadir"
	"sallyport/store"
)

// planText is the plan in terraform's words: from the store, or a file if it was too long for that.
func (a *engines) planText(run int) (string, error) {
	var text string
	err := a.store.View(func(tx *store.Tx) (err error) {
		text, err = tx.PlanText(run)
		return err
	})
	if !errors.Is(err, store.ErrNotFound) {
		return text, err
	}
	open, ended := datadir.PlanText(a.cfg().DataDir, run)
	for _, file := range []string{ended, open} {
		if data, err := os.ReadFile(file); err == nil {
			return string(data), nil
		}
	}
	return "", err
}

// keepPlanText moves a plan's whole text out of the directory that goes away.
func keepPlanText(dataDir string, run int) {
	open, ended := datadir.PlanText(dataDir, run)
	_ = os.Rename(open, ended) // absent: the store has it
}
