package offline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/agent/control"
	"sallyport/agent/datadir"
	"sallyport/agent/datadir/datadirtest"
	"sallyport/agent/hint"
	"sallyport/store"
)

// statusOf is a status with something that only the store tells.
func statusOf(tx *store.Tx) (control.Status, error) {
	agent, err := tx.Agent()
	return control.Status{Agent: control.Agent{ID: agent.ID}}, err
}

// kindOf is the kind of one of the errors that are told to people.
func kindOf(err error) control.Kind {
	var told *control.Error
	if !errors.As(err, &told) {
		return ""
	}
	return told.Kind
}

func openedOffline(t *testing.T, dir string) *Reader {
	t.Helper()
	o, err := Open(Options{
		DataDir: dir, Status: statusOf, Log: func(d string) (string, error) { return "log of " + d, nil },
		Process: func(d string) control.ApplyProcess { return control.ApplyProcess("as in " + d) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.Close() })
	return o
}

func TestOffline(t *testing.T) {
	dir, s := datadirtest.New(t)
	applied := datadirtest.Run(t, s, store.Run{Stack: "ghe", Kind: store.KindCommit},
		store.Planning, store.Planned, store.Approved, store.Applying, store.Applied)
	open := datadirtest.Run(t, s, store.Run{Stack: "ghe", Kind: store.KindManual}, store.Planning, store.Planned)
	datadirtest.Update(t, s, func(tx *store.Tx) error {
		return errors.Join(
			tx.PutPlanText(open, "the text"),
			tx.PutRepository(&store.RepositoryState{Name: "infra", Branch: "main", Head: "1111111111aa", HeldHead: "2222222222bb"}),
			tx.PutAgent(&store.AgentState{ID: "a1", Paused: &store.Pause{By: "cli:jane", At: time.Unix(1700000000, 0)}}),
			tx.Enqueue(store.Message{Kind: store.MessageNote, Key: "k"}))
	})
	if err := os.MkdirAll(datadir.Run(dir, applied), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(datadir.Run(dir, applied), "plan.txt"), []byte("a long text"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	ctx, o := context.Background(), openedOffline(t, dir)
	status, err := o.Status(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if status.Agent.ID != "a1" {
		t.Errorf("status is %s", fmt.Sprint(status))
	}
	runs, err := o.Runs(ctx, control.RunsQuery{Stack: "ghe"})
	if err != nil || len(runs) != 2 || runs[0].ID != open {
		t.Errorf("runs are %v, %v", runs, err)
	}
	if r, err := o.Run(ctx, "ghe"); err != nil || r.ID != open {
		t.Errorf("the open run is %d, %v", r.ID, err)
	}
	if text, err := o.PlanText(ctx, "#2"); err != nil || text != "the text" {
		t.Errorf("plan is %q, %v", text, err)
	}
	if text, err := o.PlanText(ctx, "1"); err != nil || text != "a long text" {
		t.Errorf("plan that was too large for the store is %q, %v", text, err)
	}
	if text, err := o.Log(ctx, "1"); err != nil || text != "log of "+datadir.Run(dir, 1) {
		t.Errorf("log is %q, %v", text, err)
	}
	if _, err := o.Log(ctx, "2"); kindOf(err) != control.NotFound {
		t.Errorf("log of a run that was not applied: %v", err)
	}
	if _, err := o.Run(ctx, "99"); kindOf(err) != control.NotFound {
		t.Errorf("a run that does not exist: %v", err)
	}
}

func TestOfflineWithoutAWay(t *testing.T) {
	o := Options{DataDir: t.TempDir(), Status: statusOf, Log: func(string) (string, error) { return "", nil }}
	if _, err := Open(o); kindOf(err) != control.NotFound || !errors.As(err, new(*control.Error)) {
		t.Errorf("no store: %v", err)
	}
	err := unreadable("/d", fs.ErrPermission)
	if hint.Of(err) != "use sudo" {
		t.Errorf("permission: %v, %q", err, hint.Of(err))
	}
	err = unreadable("/d", &store.LockedError{Path: "/d/x", PID: 7})
	if kindOf(err) != control.Conflict || !strings.Contains(hint.Of(err), "--socket") || !strings.Contains(err.Error(), "process 7") {
		t.Errorf("locked: %v, %q", err, hint.Of(err))
	}
}

// Whoever looks at a run that made way for another one is told which: the hint to plan again would supersede that in turn.
func TestWhatTookThePlace(t *testing.T) {
	dir, s := datadirtest.New(t)
	old := datadirtest.Run(t, s, store.Run{Stack: "ghe", Kind: store.KindCommit}, store.Planning, store.Planned, store.Superseded)
	over := datadirtest.Run(t, s, store.Run{Stack: "jira", Kind: store.KindCommit}, store.Planning, store.Planned, store.Superseded)
	datadirtest.Run(t, s, store.Run{Stack: "ghe", Kind: store.KindManual}, store.Planning, store.Planned)
	refusal := errors.New("it has ended")
	datadirtest.Update(t, s, func(tx *store.Tx) error {
		for id, want := range map[int]string{old: "#3 is the run of ghe now (planned): sallyport show 3", over: "", 3: ""} {
			run, err := tx.Run(id)
			if err != nil {
				return err
			}
			if err := control.Late(tx, run, refusal); err.Error() != refusal.Error() || hint.Of(err) != want {
				t.Errorf("#%d: %v, hint %q, want %q", id, err, hint.Of(err), want)
			}
		}
		return nil
	})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	o := openedOffline(t, dir)
	for id, want := range map[string]string{"1": "#3 is the run of ghe now (planned): sallyport show 3", "2": "", "3": ""} {
		if run, err := o.Run(t.Context(), id); err != nil || run.Hint != want {
			t.Errorf("#%s: %q, %v, want %q", id, run.Hint, err, want)
		}
	}
}

// Of an apply that nobody follows it is said whether it goes on; of no other run.
func TestOfflineApply(t *testing.T) {
	dir, s := datadirtest.New(t)
	applying := datadirtest.Run(t, s, store.Run{Stack: "ghe", Kind: store.KindCommit}, store.Planning, store.Planned, store.Approved, store.Applying)
	waiting := datadirtest.Run(t, s, store.Run{Stack: "net", Kind: store.KindCommit}, store.Planning, store.Planned)
	datadirtest.Update(t, s, func(tx *store.Tx) error {
		for _, id := range []int{applying, waiting} {
			if _, err := tx.ChangeRun(id, func(r *store.Run) error { r.Apply = &store.Apply{Total: 1}; return nil }); err != nil {
				return err
			}
		}
		return nil
	})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	o := openedOffline(t, dir)
	for ref, want := range map[string]control.ApplyProcess{"ghe": control.ApplyProcess("as in " + datadir.Run(dir, applying)), "net": ""} {
		run, err := o.Run(context.Background(), ref)
		if err != nil || run.Apply == nil || run.Apply.Process != want {
			t.Errorf("%s: %+v, %v; want %q", ref, run.Apply, err, want)
		}
	}
	o.opts.Status = func(tx *store.Tx) (s control.Status, err error) {
		for _, id := range []int{applying, waiting} {
			r, err := tx.Run(id)
			if err != nil {
				return s, err
			}
			shown := control.RunOf(r)
			s.Stacks = append(s.Stacks, control.Stack{Name: r.Stack, Run: &shown})
		}
		return s, nil
	}
	status, err := o.Status(context.Background())
	if err != nil || len(status.Stacks) != 2 {
		t.Fatal(status, err)
	}
	for _, st := range status.Stacks {
		if has := st.Run.Apply.Process != ""; has != (st.Name == "ghe") {
			t.Errorf("%s: %+v", st.Name, st.Run.Apply)
		}
	}
}
