package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"sallyport/agent/control"
	"sallyport/notify/redact"
	"sallyport/store"
)

const (
	followWait  = 30 * time.Second // of one long poll
	followRetry = time.Second      // between tries while no agent answers
	// followPatience is how long an agent may be away: a restart or an upgrade takes seconds.
	followPatience = 2 * time.Minute
)

// follow waits for a run's end and tells its way on stderr. The error is nil for applied and no_changes only.
func (a *app) follow(ctx context.Context, client *control.Client, id int) error {
	run, err := client.Run(ctx, runRef(id))
	told := ""
	for err == nil {
		if now := a.progress(run); now != told {
			a.talk("%s", now)
			told = now
		}
		if run.Status.Terminal() {
			return a.followed(run)
		}
		run, err = a.wait(ctx, client, run)
	}
	if ctx.Err() != nil {
		return control.Errorf(control.Internal, "stopped waiting; #%d goes on without", id).
			WithHint("sallyport show %d; to stop the run itself: sallyport cancel %d", id, id)
	}
	return fmt.Errorf("following #%d: %w", id, err)
}

// wait is one long poll that outlives a restart of the agent.
func (a *app) wait(ctx context.Context, client *control.Client, run control.Run) (control.Run, error) {
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
			a.talk("the agent went away; waiting for it to come back")
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

// progress is one line on where a run stands; it changes when there is something new to say.
func (a *app) progress(r control.Run) string {
	line := fmt.Sprintf("#%d %s", r.ID, r.Status)
	if r.Held != "" && !r.Status.Terminal() {
		line += ": " + waits(r.Held)
		if r.Hint != "" {
			line += "; hint: " + r.Hint
		}
		return redact.CleanLine(line)
	}
	switch r.Status {
	case store.Planned:
		line += ": " + counts(r.Plan) + "; to go on: " + r.Decisive()
	case store.Applying:
		line += applyProgress(r.Apply)
	}
	return redact.CleanLine(line)
}

// applyProgress is ": 3 of 7, aws_instance.web"; empty before anything is known.
func applyProgress(p *control.Apply) string {
	if p == nil || p.Total == 0 {
		return ""
	}
	text := fmt.Sprintf(": %d of %d", p.Done, p.Total)
	if p.Current != "" {
		text += ", " + p.Current
	}
	return text
}

// followed says how a run ended.
func (a *app) followed(r control.Run) error {
	if a.json {
		if err := a.writeJSON(r); err != nil {
			return err
		}
	}
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
