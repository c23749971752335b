package agent

import (
	"errors"
	"fmt"

	"sallyport/agent/config"
	"sallyport/agent/lifecycle"
	"sallyport/notify"
	"sallyport/store"
)

// upstream says what a run has to wait for: each stack that it depends on must have ended well at this commit.
func (a *Agent) upstream(w *world, run *store.Run, s *config.Stack) (why, hint string, err error) {
	if len(s.DependsOn) == 0 || run.Kind == store.KindRecovery || run.Kind == store.KindDrift {
		return "", "", nil
	}
	var warnings []string
	err = a.store.View(func(tx *store.Tx) error {
		for _, name := range s.DependsOn {
			text, err := a.upstreamOf(tx, w, run, name)
			if err != nil {
				return err
			}
			if text != "" {
				warnings = append(warnings, text)
			}
		}
		if len(warnings) == 0 {
			text, err := a.unquiet(tx, w, s)
			if err != nil || text == "" {
				return err
			}
			warnings = append(warnings, text)
		}
		return nil
	})
	if err != nil || len(warnings) == 0 {
		return "", "", err
	}
	if run.RequestedBy == "" {
		return warnings[0], fmt.Sprintf("it goes on by itself when that has ended well; to go ahead without: sallyport plan %s", run.Stack), nil
	}
	// A person asked: go ahead, and say so on the card.
	return "", "", a.warn(run, warnings)
}

func (a *Agent) upstreamOf(tx *store.Tx, w *world, run *store.Run, name string) (string, error) {
	up := w.stack(name)
	if up == nil {
		return fmt.Sprintf("depends on stack %s, which is not on the branch", name), nil
	}
	st, err := tx.Stack(name)
	if err != nil || up.Mode == config.ModeObserve {
		return "", err
	}
	if st.NewestRun == 0 {
		if st.Error != "" {
			return fmt.Sprintf("waits for %s, which cannot be planned: %s", name, st.Error), nil
		}
		return fmt.Sprintf("waits for %s, which was not planned yet", name), nil
	}
	newest, err := tx.Run(st.NewestRun)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil // history was trimmed: it ended long ago
	}
	if err != nil {
		return "", err
	}
	switch {
	case !newest.Status.Terminal():
		return fmt.Sprintf("waits for %s #%d, which is %s", name, newest.ID, newest.Status), nil
	case st.Behind != 0 && (newest.Status == store.Applied || newest.Status == store.NoChanges):
		return fmt.Sprintf("waits for %s, of which newer commits are not applied yet", name), nil
	case newest.Status == store.Applied || newest.Status == store.NoChanges:
		return "", nil
	case st.Partly != 0 && newest.ID != st.Partly:
		return fmt.Sprintf("waits for %s, of which %s", name, notify.PartlyText(st.Partly)), nil
	case lifecycle.TakenBack(st, newest):
		return "", nil
	}
	return fmt.Sprintf("waits for %s, whose run #%d ended %s", name, newest.ID, newest.Status), nil
}

// warn puts warnings on a run's card, each once.
func (a *Agent) warn(run *store.Run, warnings []string) error {
	var fresh []string
	for _, text := range warnings {
		known := false
		for _, have := range run.Warnings {
			known = known || have == text
		}
		if !known {
			fresh = append(fresh, text)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	return a.update(func(tx *store.Tx) error {
		_, err := tx.ChangeRun(run.ID, func(r *store.Run) error {
			r.Warnings = append(r.Warnings, fresh...)
			return nil
		})
		return err
	})
}
