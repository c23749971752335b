package socket

import (
	"context"
	"io"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"sallyport/agent/archive"
	"sallyport/agent/control"
	"sallyport/agent/patience"
	"sallyport/store"
)

// fake is an agent whose answers are set by the test.
type fake struct {
	run      func(ref string) (control.Run, error)
	decide   func(control.DecideRequest) (control.DecideResponse, error)
	start    func(control.StartRequest) (control.StartResponse, error)
	backup   func(io.Writer) error
	audit    func(control.AuditQuery) (control.Audit, error)
	exec     func(context.Context, control.ExecRequest, control.Streams) (int, error)
	asked    chan control.RunsQuery
	planText string
	around   control.Around
}

func (f *fake) Status(context.Context) (control.Status, error) {
	return control.Status{Agent: control.Agent{Running: true, Version: "1.2.3"}}, nil
}
func (f *fake) Runs(_ context.Context, q control.RunsQuery) ([]control.Run, error) {
	f.asked <- q
	return nil, nil
}
func (f *fake) Run(_ context.Context, ref string) (control.Run, error) { return f.run(ref) }
func (f *fake) Around(context.Context, string) (control.Around, error) { return f.around, nil }
func (f *fake) PlanText(_ context.Context, ref string) (string, error) { return f.planText + ref, nil }
func (f *fake) Log(context.Context, string) (string, error) {
	return "", control.NoLog(3, store.Planned)
}
func (f *fake) Audit(_ context.Context, q control.AuditQuery) (control.Audit, error) {
	return f.audit(q)
}
func (f *fake) Verify(context.Context) (control.Verification, error) {
	return control.Verification{}, nil
}
func (f *fake) Start(_ context.Context, r control.StartRequest) (control.StartResponse, error) {
	return f.start(r)
}
func (f *fake) Decide(_ context.Context, r control.DecideRequest) (control.DecideResponse, error) {
	return f.decide(r)
}
func (f *fake) Review(context.Context, control.ReviewRequest) (control.DecideResponse, error) {
	return control.DecideResponse{Message: "reviewed"}, nil
}
func (f *fake) Cancel(context.Context, control.CancelRequest) (control.CancelResponse, error) {
	return control.CancelResponse{Message: "stopped"}, nil
}
func (f *fake) Pause(context.Context, control.PauseRequest) error { return nil }
func (f *fake) Resume(context.Context, control.ResumeRequest) (control.ResumeResponse, error) {
	return control.ResumeResponse{}, nil
}
func (f *fake) Accept(context.Context, control.AcceptRequest) error { return nil }
func (f *fake) Unlock(_ context.Context, r control.UnlockRequest) (control.RepairResponse, error) {
	return control.RepairResponse{Message: r.Stack + " " + r.LockID}, nil
}
func (f *fake) RestoreState(_ context.Context, r control.RestoreStateRequest) (control.RepairResponse, error) {
	return control.RepairResponse{Message: r.By.By() + " restored " + r.Ref}, nil
}
func (f *fake) MoveState(_ context.Context, r control.MoveStateRequest) (control.RepairResponse, error) {
	return control.RepairResponse{Message: r.By.By() + " moved " + r.Old + " to " + r.New}, nil
}
func (f *fake) MigrateState(_ context.Context, r control.MigrateStateRequest) (control.RepairResponse, error) {
	return control.RepairResponse{Message: r.By.By() + " migrated " + r.Stack + r.From}, nil
}
func (f *fake) States(context.Context, string) ([]archive.StateCopy, error) {
	return []archive.StateCopy{}, nil
}
func (f *fake) Exec(ctx context.Context, r control.ExecRequest, s control.Streams) (int, error) {
	return f.exec(ctx, r, s)
}
func (f *fake) Why(context.Context, string) (control.Why, error) { return control.Why{}, nil }
func (f *fake) PushState(_ context.Context, r control.PushStateRequest) (control.RepairResponse, error) {
	return control.RepairResponse{Message: r.Ref}, nil
}
func (f *fake) Backup(_ context.Context, _ control.BackupRequest, w io.Writer) error {
	return f.backup(w)
}

// served starts a server for the fake and returns a client of it.
func served(t *testing.T, f *fake, change func(*ServerOptions)) (*Client, string) {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s.sock")
	never := make(chan struct{})
	o := ServerOptions{
		Socket: socket, Reader: f, Operator: f, Log: slog.New(slog.DiscardHandler),
		Changes: func() <-chan struct{} { return never },
	}
	if change != nil {
		change(&o)
	}
	s, err := Listen(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	c := NewClient(socket)
	t.Cleanup(func() {
		c.Close()
		stop()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("serving: %v", err)
			}
		case <-time.After(patience.Limit()):
			t.Error("the server does not stop")
		}
	})
	return c, socket
}

// at is a fixed time, so that what is compared does not move.
// at is a fixed time, so that what is compared does not move.
func at(minute int) time.Time { return time.Date(2026, 3, 1, 3, minute, 0, 0, time.UTC) }
