package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"sallyport/agent/archive"
	"sallyport/agent/control"
	"sallyport/agent/datadir"
	"sallyport/store"
)

// standIn answers as an agent does, from a real store, and decides nothing by itself: scripts move the runs.
type standIn struct {
	dataDir, socket string
	version         string // that its answers are of; empty: they do not say
	pages           string // the socket at which it shows pages; empty: it shows none

	store *store.Store
	quit  func() error
	told  chan string // "RUN STATUS" of every answer about a run

	ticks atomic.Int64

	mu      sync.Mutex
	changed chan struct{}
}

// open opens the store if it is not.
func (a *standIn) open() error {
	if a.store != nil {
		return nil
	}
	if a.told == nil {
		a.told, a.changed = make(chan string, 1000), make(chan struct{})
	}
	var err error
	a.store, err = store.Open(store.Options{Path: datadir.Store(a.dataDir), Now: a.tick})
	return err
}

// tick is the store's clock: clients tell by its times that a run changed.
func (a *standIn) tick() time.Time {
	return clock().Add(time.Duration(a.ticks.Add(1)) * time.Millisecond)
}

// with changes the store, also while no agent runs.
func (a *standIn) with(fn func(*store.Tx) error) error {
	running := a.quit != nil
	if err := a.open(); err != nil {
		return err
	}
	if err := a.update(fn); err != nil || running {
		return err
	}
	return a.stop()
}

func (a *standIn) update(fn func(*store.Tx) error) error {
	err := a.store.Update(fn)
	a.mu.Lock()
	defer a.mu.Unlock()
	close(a.changed)
	a.changed = make(chan struct{})
	return err
}

func (a *standIn) next() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.changed
}

func (a *standIn) Status(context.Context) (control.Status, error) {
	started := before(3e12)
	s := control.Status{
		Agent:        control.Agent{Running: true, Version: "1.2.3", StartedAt: &started, ID: "a1", Web: a.pages},
		Repositories: []control.Repository{}, Stacks: []control.Stack{}, PullRequests: []control.Run{}, Problems: []control.Problem{}, Names: []control.Name{},
	}
	if a.pages == "broken" {
		s.Problems = append(s.Problems, control.Problem{Source: "web", Error: "permission denied"})
	}
	err := a.store.View(func(tx *store.Tx) error {
		agent, err := tx.Agent()
		if err != nil {
			return err
		}
		s.Agent.Paused, s.Agent.Pause = agent.Paused != nil, control.PauseOf(agent.Paused)
		stacks, err := tx.Stacks()
		for _, st := range stacks {
			run, err := tx.Run(st.NewestRun)
			if err != nil {
				return err
			}
			s.Stacks = append(s.Stacks, control.StackOf(st, run))
		}
		return err
	})
	return s, err
}

func (a *standIn) Runs(_ context.Context, q control.RunsQuery) ([]control.Run, error) {
	return control.RunsIn(a.store, q, control.Shown{})
}

func (a *standIn) Run(_ context.Context, ref string) (control.Run, error) {
	run, err := control.FindShown(a.store, ref)
	if err != nil {
		return control.Run{}, err
	}
	a.told <- fmt.Sprintf("%d %s", run.ID, run.Status)
	return control.RunOf(run), nil
}

func (a *standIn) Around(_ context.Context, ref string) (out control.Around, err error) {
	run, err := control.FindShown(a.store, ref)
	if err != nil {
		return out, err
	}
	err = a.with(func(tx *store.Tx) error {
		out, err = control.AroundOf(tx, run, func(stack string) *control.Configured { return &control.Configured{Label: "PROD"} })
		return err
	})
	return out, err
}

func (a *standIn) PlanText(ctx context.Context, ref string) (string, error) {
	r, err := a.Run(ctx, ref)
	if err != nil {
		return "", err
	}
	var text string
	err = a.store.View(func(tx *store.Tx) (err error) {
		text, err = tx.PlanText(r.ID)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return "", control.NoPlan(r.ID, r.Status)
	}
	return text, err
}

func (a *standIn) Log(context.Context, string) (string, error) {
	return "aws_instance.web: Creating...\n\x1b]0;owned\aError: no such key\n", nil
}

func (a *standIn) Start(_ context.Context, r control.StartRequest) (control.StartResponse, error) {
	if r.Stack == "none" {
		return control.StartResponse{}, control.Errorf(control.NotFound, `there is no stack "none"`).WithHint("the stacks are: ghe, net")
	}
	run := &store.Run{Stack: r.Stack, Kind: store.KindManual, Reason: r.Reason, AtApplied: r.Applied, RequestedBy: "cli:jane"}
	run.Options = store.PlanOptions{Replace: r.Replace, Targets: r.Targets, RefreshOnly: r.RefreshOnly, Destroy: r.Destroy, Commit: r.Commit != ""}
	warnings := []string{"the repository cannot be reached since 3 minutes"}
	for _, name := range slices.Sorted(maps.Keys(r.Vars)) {
		run.Options.Vars = append(run.Options.Vars, name)
		warnings = append(warnings, fmt.Sprintf("%s has %d letters", name, len(r.Vars[name])))
	}
	err := a.update(func(tx *store.Tx) error {
		st, err := tx.Stack(r.Stack)
		if err != nil {
			return err
		}
		if st.OpenRun != 0 {
			if err := move(tx, st.OpenRun, store.Superseded); err != nil {
				return err
			}
		}
		return tx.CreateRun(run)
	})
	return control.StartResponse{Run: run.ID, Warnings: warnings}, err
}

func (a *standIn) Decide(ctx context.Context, r control.DecideRequest) (control.DecideResponse, error) {
	run, err := a.Run(ctx, r.Ref)
	if err != nil {
		return control.DecideResponse{}, err
	}
	if run.Plan != nil && !strings.HasPrefix(run.Plan.Digest, r.Digest) {
		return control.DecideResponse{}, control.Errorf(control.Refused, "another plan than %s waits", r.Digest)
	}
	to := store.Approved
	if strings.HasPrefix(r.Words, "deny") {
		to = store.Discarded
	}
	if run.Plan.Destroys() && !strings.Contains(r.Words, "destroy") && to == store.Approved {
		return control.DecideResponse{}, control.Errorf(control.Refused, "#%d destroys something", run.ID).WithHint("%s", run.Decisive())
	}
	if err := a.update(func(tx *store.Tx) error { return move(tx, run.ID, to) }); err != nil {
		return control.DecideResponse{}, err
	}
	after, err := a.Run(ctx, strconv.Itoa(run.ID))
	return control.DecideResponse{Run: after, Message: fmt.Sprintf("#%d is %s: %q.", run.ID, to, r.Words)}, err
}

func (a *standIn) Review(ctx context.Context, r control.ReviewRequest) (control.DecideResponse, error) {
	run, err := a.Run(ctx, r.Ref)
	if err != nil {
		return control.DecideResponse{}, err
	}
	return control.DecideResponse{Run: run, Message: fmt.Sprintf("#%d %s is reviewed.", run.ID, run.Stack)}, nil
}

func (a *standIn) Cancel(ctx context.Context, r control.CancelRequest) (control.CancelResponse, error) {
	run, err := a.Run(ctx, r.Ref)
	if err != nil {
		return control.CancelResponse{}, err
	}
	return control.CancelResponse{Run: run, Message: fmt.Sprintf("#%d is being canceled.", run.ID)}, nil
}

func (a *standIn) Pause(_ context.Context, r control.PauseRequest) error {
	return a.setPause(r.Stack, &store.Pause{By: "cli:jane", At: clock(), Reason: r.Reason})
}

func (a *standIn) Resume(_ context.Context, r control.ResumeRequest) (control.ResumeResponse, error) {
	s, err := a.Status(context.Background())
	held := r.Stack == "" && s.Agent.Paused
	for _, st := range s.Stacks {
		held = held || st.Name == r.Stack && st.Paused
	}
	return control.ResumeResponse{Held: held}, errors.Join(err, a.setPause(r.Stack, nil))
}

func (a *standIn) setPause(stack string, p *store.Pause) error {
	return a.update(func(tx *store.Tx) error {
		if stack != "" {
			st, err := tx.Stack(stack)
			if err != nil {
				return err
			}
			st.Paused = p
			return tx.PutStack(st)
		}
		s, err := tx.Agent()
		if err != nil {
			return err
		}
		s.Paused = p
		return tx.PutAgent(s)
	})
}

func (a *standIn) Accept(_ context.Context, r control.AcceptRequest) error {
	if r.Repository != "infra" {
		return control.Errorf(control.NotFound, "there is no repository %q", r.Repository)
	}
	return nil
}

func (a *standIn) Unlock(_ context.Context, r control.UnlockRequest) (control.RepairResponse, error) {
	if r.LockID != "c46f-1" {
		return control.RepairResponse{}, control.Errorf(control.Refused, "the state lock that was met is c46f-1, not %s", r.LockID).
			WithHint("sallyport unlock %s c46f-1", r.Stack)
	}
	return control.RepairResponse{Message: "The state of " + r.Stack + " is unlocked (c46f-1)."}, nil
}

func (a *standIn) PushState(_ context.Context, r control.PushStateRequest) (control.RepairResponse, error) {
	return control.RepairResponse{Message: "The state of " + r.Ref + " is pushed."}, nil
}

func (a *standIn) Why(_ context.Context, stack string) (control.Why, error) {
	var out control.Why
	err := a.store.View(func(tx *store.Tx) (err error) {
		out, err = control.WhyOf(tx, stack, "infra")
		return err
	})
	return out, err
}

func (a *standIn) States(context.Context, string) ([]archive.StateCopy, error) {
	return []archive.StateCopy{{Name: "run-2", Run: 2, Serial: 7, Resources: 3, Bytes: 2048, At: before(time.Hour)}, {Name: "1_20260301T000000.000Z", Serial: 6, At: before(48 * time.Hour)}}, nil
}

func (a *standIn) MigrateState(_ context.Context, r control.MigrateStateRequest) (control.RepairResponse, error) {
	return control.RepairResponse{Message: fmt.Sprintf("The state of %s is migrated from %q.", r.Stack, r.From)}, nil
}

func (a *standIn) RestoreState(_ context.Context, r control.RestoreStateRequest) (control.RepairResponse, error) {
	return control.RepairResponse{Message: "The state of " + r.Stack + " is again that of " + r.Ref + "."}, nil
}

func (a *standIn) MoveState(_ context.Context, r control.MoveStateRequest) (control.RepairResponse, error) {
	if r.Old == r.New {
		return control.RepairResponse{Message: "The state kept for " + r.New + " is that of its directory of now."}, nil
	}
	return control.RepairResponse{}, control.Errorf(control.Refused, "%s was applied itself, and has a state of its own", r.New)
}

func (a *standIn) Exec(_ context.Context, r control.ExecRequest, s control.Streams) (int, error) {
	if r.Args[0] == "apply" {
		return 0, control.Errorf(control.Refused, "exec does not run terraform apply").WithHint("sallyport plan %s", r.Stack)
	}
	typed, err := io.ReadAll(s.Stdin)
	if err == nil {
		_, err = fmt.Fprintf(s.Stdout, "%s %q\n%s", r.Stack, r.Args, typed)
	}
	if err == nil {
		_, err = fmt.Fprintln(s.Stderr, "beside it")
	}
	return len(r.Args) % 3, err
}

func (a *standIn) Backup(_ context.Context, _ control.BackupRequest, w io.Writer) error {
	return archive.Write(w, archive.Source{DataDir: a.dataDir, Store: a.store, Now: clock})
}

func (a *standIn) Verify(context.Context) (control.Verification, error) {
	return control.VerificationOf(a.store), nil
}

func (a *standIn) Audit(_ context.Context, q control.AuditQuery) (control.Audit, error) {
	return control.AuditIn(a.store, q, nil)
}
