package agenttest

import (
	"context"
	"fmt"
	"time"

	"sallyport/agent/control"
	"sallyport/agent/patience"
	"sallyport/store"
)

// moment is between two looks at something that has no event to wait for.
const moment = 20 * time.Millisecond

// Tick lets a moment pass.
func (i *Installation) Tick(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(moment):
	}
}

// Until waits for a run to be as wanted, which the agent's long poll answers as soon as the run changes. ref is a number, or a
// stack with an open run, of which the number is followed then.
func (i *Installation) Until(ref, what string, want func(control.Run) bool) control.Run {
	i.T.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience.Limit())
	defer cancel()
	var last control.Run
	for {
		run, err := i.Client.Run(ctx, ref)
		if err == nil && run.Status.Terminal() && !control.Numbered(ref) {
			last = run // a stack without an open run has its newest, and the next one is waited for
			i.Tick(ctx)
		} else if err == nil {
			if last = run; want(run) {
				return run
			}
			ref = fmt.Sprint(run.ID)
			if run.Status.Terminal() { // the long poll answers at once then: what still comes to it is looked for
				i.Tick(ctx)
			}
			_, err = i.Client.Wait(ctx, run.ID, *run.UpdatedAt, 5*time.Second)
		} else if ctx.Err() == nil {
			i.Tick(ctx)
		}
		if ctx.Err() != nil {
			i.T.Fatalf("run %s never was %s; it is %s (held %q, error %q): %v", ref, what, last.Status, last.Held, last.Error, err)
		}
	}
}

// Reaches waits for a run's status. A run that has ended as something else never gets there.
func (i *Installation) Reaches(ref string, s store.Status) control.Run {
	i.T.Helper()
	return i.Until(ref, string(s), func(r control.Run) bool {
		i.T.Helper()
		if r.Status != s && r.Status.Terminal() {
			i.T.Fatalf("run %d ended as %s (error %q), and was to be %s", r.ID, r.Status, r.Error, s)
		}
		return r.Status == s
	})
}

// Eventually waits for the whole status to be as wanted.
func (i *Installation) Eventually(what string, want func(control.Status) bool) control.Status {
	i.T.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience.Limit())
	defer cancel()
	for {
		s, err := i.Client.Status(ctx)
		if err == nil && want(s) {
			return s
		}
		if ctx.Err() != nil {
			i.T.Fatalf("it never happened: %s; status %+v, error %v", what, s, err)
		}
		i.Tick(ctx)
	}
}

// Decide says words about a run, as somebody in a shell.
func (i *Installation) Decide(ref, words string) error {
	_, err := i.Client.Decide(context.Background(), control.DecideRequest{Ref: ref, Words: words})
	return err
}

// MustDecide is Decide of what has to count.
func (i *Installation) MustDecide(ref, words string) {
	i.T.Helper()
	if err := i.Decide(ref, words); err != nil {
		i.T.Fatal(err)
	}
}

// Plan asks for a run and returns its number.
func (i *Installation) Plan(r control.StartRequest) int {
	i.T.Helper()
	started, err := i.Client.Start(context.Background(), r)
	if err != nil {
		i.T.Fatal(err)
	}
	return started.Run
}
