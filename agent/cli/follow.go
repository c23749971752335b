package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"sallyport/agent/cli/render"
	"sallyport/agent/control"
	"sallyport/store"
)

const (
	followWait  = 30 * time.Second // of one long poll
	followRetry = time.Second      // between tries while no agent answers
	// followPatience is how long an agent may be away: a restart or an upgrade takes seconds.
	followPatience = 2 * time.Minute
)

// follow waits for a run's end and tells its way on stderr. The error is nil for applied and no_changes only.
func follow(ctx context.Context, s *streams, client *control.Client, id int) error {
	run, err := client.Run(ctx, runRef(id))
	told := ""
	for err == nil {
		if now := render.Progress(run.Called()); now != told {
			s.talk("%s", now)
			told = now
		}
		if run.Status.Terminal() {
			return followed(s, run)
		}
		run, err = wait(ctx, s, client, run)
	}
	if ctx.Err() != nil {
		return control.Errorf(control.Internal, "stopped waiting; #%d goes on without", id).
			WithHint("sallyport show %d; to stop the run itself: sallyport cancel %d", id, id)
	}
	return fmt.Errorf("following #%d: %w", id, err)
}

// wait is one long poll that outlives a restart of the agent.
func wait(ctx context.Context, s *streams, client *control.Client, run control.Run) (control.Run, error) {
	var updated time.Time
	if run.UpdatedAt != nil {
		updated = *run.UpdatedAt
	}
	var gone time.Time
	for {
		next, err := client.Wait(ctx, run.ID, updated, followWait)
		var answer *control.Error
		if err == nil || errors.As(err, &answer) || ctx.Err() != nil {
			return next, err
		}
		switch {
		case gone.IsZero():
			gone = time.Now()
			s.talk("the agent went away; waiting for it to come back")
		case time.Since(gone) > followPatience:
			return next, err
		}
		select {
		case <-ctx.Done():
			return next, ctx.Err()
		case <-time.After(followRetry):
		}
	}
}

// followed says how a run ended.
func followed(s *streams, r control.Run) error {
	if s.json {
		if err := s.writeJSON(r); err != nil {
			return err
		}
	}
	r = r.Called()
	if r.Status == store.Applied || r.Status == store.NoChanges {
		return nil
	}
	why := fmt.Sprintf("#%d ended as %s", r.ID, r.Status)
	if r.Error != "" {
		why += ": " + strings.TrimSpace(r.Error)
	}
	e := control.Errorf(control.Refused, "%s", why)
	if r.Hint != "" {
		return e.WithHint("%s", r.Hint)
	}
	return e.WithHint("sallyport show %d", r.ID)
}

// runRef is a run's number as a reference.
func runRef(id int) string { return strconv.Itoa(id) }
