package follow

import (
	"context"
	"reflect"
	"slices"
	"time"

	"sallyport/agent/control"
)

// statusWait is how often an agent is asked whether something has changed.
const statusWait = time.Second

// Watch is a status that is shown whenever it has changed.
type Watch struct {
	// Ask asks for it. The first error ends the watch; later on an agent that went away comes back.
	Ask func(ctx context.Context) (control.Status, error)
	// Show shows it; again says that one was shown before.
	Show func(s control.Status, again bool) error
	// Always is set where the age of things is news, too: then whoever shows it sees what is new.
	Always bool
}

// Run watches until ctx ends, which is no error.
func (w Watch) Run(ctx context.Context) error {
	var last *control.Status
	for first := true; ; first = false {
		now, err := w.Ask(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && first:
			return err
		case err == nil:
			bare := withoutPolls(now)
			if last == nil || w.Always || !reflect.DeepEqual(*last, bare) {
				if err := w.Show(now, last != nil); err != nil {
					return err
				}
			}
			last = &bare
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(statusWait):
		}
	}
}

// withoutPolls is a status without what every poll changes.
func withoutPolls(s control.Status) control.Status {
	s.Repositories = slices.Clone(s.Repositories)
	for i := range s.Repositories {
		s.Repositories[i].PolledAt = nil
	}
	return s
}
