package e2e

import (
	"context"
	"encoding/json"
	"time"
)

// glances are cheap looks at the agent through its socket. These tests look through the command line, as people and scripts do,
// and that is a process each time: it is asked when there may be something new to see.
type glances struct {
	ask  func(context.Context) (any, error)
	seen string
	at   time.Time // of the last look that was worth it
}

// However little changes, the command line is asked this often: it might see what the socket does not show. The shorter one is
// for an agent that does not answer, of which the command line reads the files.
const (
	lookAnyway  = 3 * time.Second
	lookOffline = 300 * time.Millisecond
)

func (h *house) glances(ask func(context.Context) (any, error)) *glances { return &glances{ask: ask} }

// allStatus is what `sallyport status` shows.
func (h *house) allStatus(ctx context.Context) (any, error) { return h.Client.Status(ctx) }

// worth reports whether it is worth asking the command line.
func (g *glances) worth() bool {
	ctx, cancel := context.WithTimeout(context.Background(), lookAnyway)
	defer cancel()
	anyway, seen := lookAnyway, ""
	if answer, err := g.ask(ctx); err != nil {
		anyway, seen = lookOffline, err.Error()
	} else if text, err := json.Marshal(answer); err == nil {
		seen = string(text)
	}
	if seen == g.seen && time.Since(g.at) < anyway {
		return false
	}
	g.seen, g.at = seen, time.Now()
	return true
}
