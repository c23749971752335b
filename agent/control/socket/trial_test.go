package socket

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"sallyport/agent/control"
	"sallyport/agent/peercred"
)

// triedBy plays the agent's part of a trial.
type triedBy func(ctx context.Context, q control.TrialRequest, tell func(control.TrialNews) error) error

func (f triedBy) Trial(ctx context.Context, q control.TrialRequest, tell func(control.TrialNews) error) error {
	return f(ctx, q, tell)
}

func TestTrial(t *testing.T) {
	t.Parallel()
	begun := control.TrialNews{Tool: "terraform 1.15.1", Stacks: 2}
	one := control.TrialNews{Result: &control.TrialResult{Stack: "net", Outcome: control.TrialSame}}
	for name, c := range map[string]struct {
		agent triedBy
		allow error
		told  int
		want  string // part of the error; empty: there is none
	}{
		"it ends well": {func(_ context.Context, q control.TrialRequest, tell func(control.TrialNews) error) error {
			if q.Engine != "tofu" || q.Version != "1.10.0" || q.By.User == "" {
				return errors.New("another request")
			}
			return errors.Join(tell(begun), tell(one), tell(one))
		}, nil, 3, ""},
		"it is refused": {func(context.Context, control.TrialRequest, func(control.TrialNews) error) error {
			return control.Errorf(control.Refused, "there is no such version")
		}, nil, 0, "there is no such version"},
		"it fails half-way": {func(_ context.Context, _ control.TrialRequest, tell func(control.TrialNews) error) error {
			return errors.Join(tell(begun), tell(one), control.Errorf(control.Refused, "the disk is full"))
		}, nil, 2, "the disk is full"},
		"the agent goes away": {func(_ context.Context, _ control.TrialRequest, tell func(control.TrialNews) error) error {
			_ = errors.Join(tell(begun), tell(one))
			panic(http.ErrAbortHandler)
		}, nil, 2, "the agent stopped in the middle of it; nothing was changed"},
		"nobody lets it":     {nil, errors.New("runs inside a plan"), 0, "runs inside a plan"},
		"an agent of before": {nil, nil, 0, "no POST /v1/trial here"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, _ := served(t, &fake{}, func(o *ServerOptions) {
				if c.agent != nil || c.allow != nil {
					o.Trials = c.agent
				}
				o.Allow = func(peercred.Caller) error { return c.allow }
			})
			told := 0
			err := client.Trial(t.Context(), control.TrialRequest{Engine: "tofu", Version: "1.10.0"}, func(control.TrialNews) error { told++; return nil })
			if told != c.told || (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("told %d, error %v", told, err)
			}
		})
	}
}

// Whoever goes away ends the trial, and is told that.
func TestTrialEndsWithItsClient(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	client, _ := served(t, &fake{}, func(o *ServerOptions) {
		o.Trials = triedBy(func(ctx context.Context, _ control.TrialRequest, tell func(control.TrialNews) error) error {
			defer close(ended)
			_ = tell(control.TrialNews{Stacks: 2})
			<-ctx.Done()
			return ctx.Err()
		})
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := client.Trial(ctx, control.TrialRequest{}, func(control.TrialNews) error { cancel(); return nil })
	if err == nil || !strings.Contains(err.Error(), "it was ended before all stacks were planned") {
		t.Errorf("error %v", err)
	}
	<-ended
}
