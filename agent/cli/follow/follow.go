// Package follow goes along with a run until it has ended: it tells each new thing about it once, and prints what terraform says as
// that grows. It outlives a restart of the agent, which takes seconds.
package follow

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"sallyport/agent/cli/render"
	"sallyport/agent/control"
	"sallyport/agent/control/socket"
)

const (
	longWait = 30 * time.Second // of one question, where the run's record tells of everything new
	logWait  = time.Second      // of one while terraform applies: the log grows beside the record
	retry    = time.Second      // between tries while no agent answers
	// patience is how long an agent may be away: a restart or an upgrade takes seconds.
	patience = 2 * time.Minute
)

// Follower follows runs of one agent.
type Follower struct {
	Client *socket.Client
	Talk   func(line string)       // beside the result
	Print  func(text string) error // of the result; only [Follower.Log] needs it
}

// Run waits for a run's end, tells its way and returns how it ended.
func (f *Follower) Run(ctx context.Context, id int) (control.Run, error) {
	run, err := f.Client.Run(ctx, strconv.Itoa(id))
	told := ""
	for err == nil {
		told = f.tell(run, told)
		if run.Status.Terminal() {
			return run, nil
		}
		run, err = f.wait(ctx, run, longWait)
	}
	return run, f.stopped(ctx, id, err)
}

// tell says where a run stands, if that was not said yet.
func (f *Follower) tell(run control.Run, told string) string {
	now := render.Progress(run.Called())
	if now != told {
		f.Talk(now)
	}
	return now
}

// stopped words why a run is not followed to its end.
func (f *Follower) stopped(ctx context.Context, id int, err error) error {
	if ctx.Err() != nil {
		return control.Errorf(control.Internal, "stopped waiting; #%d goes on without", id).
			WithHint("sallyport show %d; to stop the run itself: sallyport cancel %d", id, id)
	}
	return fmt.Errorf("following #%d: %w", id, err)
}

// wait is one question that is answered when the run has changed. It outlives a restart of the agent.
func (f *Follower) wait(ctx context.Context, run control.Run, most time.Duration) (control.Run, error) {
	var updated time.Time
	if run.UpdatedAt != nil {
		updated = *run.UpdatedAt
	}
	var gone time.Time
	for {
		next, err := f.Client.Wait(ctx, run.ID, updated, most)
		var answer *control.Error
		if err == nil || errors.As(err, &answer) || ctx.Err() != nil {
			return next, err
		}
		switch {
		case gone.IsZero():
			gone = time.Now()
			f.Talk("the agent went away; waiting for it to come back")
		case time.Since(gone) > patience:
			return next, err
		}
		select {
		case <-ctx.Done():
			return next, ctx.Err()
		case <-time.After(retry):
		}
	}
}
