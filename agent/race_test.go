package agent

import (
	"errors"
	"log/slog"
	"path/filepath"
	"testing"

	"sallyport/agent/config"
	"sallyport/store"
)

// The loop reads a run as planning, its plan ends, and then the loop finds nobody at work on it. A second plan at that
// point would overwrite the plan file that people are asked about.
func TestAPlanThatJustEndedIsNotMadeAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cfg := &config.Config{DataDir: filepath.Join(dir, "data"), Socket: filepath.Join(dir, "s.sock")}
	a, err := New(Options{Config: cfg, Executable: "/bin/true", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer a.store.Close()
	a.work.Start(t.Context())
	var stale *store.Run
	err = a.store.Update(func(tx *store.Tx) error {
		run := &store.Run{Stack: "box", Repository: "infra", Kind: store.KindManual, Commit: "c"}
		if err := tx.CreateRun(run); err != nil {
			return err
		}
		if stale, err = tx.Transition(run.ID, store.Move{From: store.Pending, To: store.Planning}, nil); err != nil {
			return err
		}
		_, err := tx.Transition(run.ID, store.Move{From: store.Planning, To: store.Planned}, func(r *store.Run) error {
			r.Plan = &store.Plan{Digest: "d"}
			return nil
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.executor.StartPlan(a.active.Current.Load(), stale, &config.Stack{Name: "box"}); !errors.Is(err, store.ErrConflict) {
		t.Errorf("the plan was started again: %v", err)
	}
	a.work.Wait()
	err = a.store.View(func(tx *store.Tx) error {
		run, err := tx.Run(stale.ID)
		if err == nil && (run.Attempts != 0 || run.Status != store.Planned) {
			t.Errorf("the run is %s after %d attempts", run.Status, run.Attempts)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
