package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"sallyport/agent"
	"sallyport/agent/config"
	"sallyport/agent/datadir"
	"sallyport/agent/runner"
)

const (
	startPatience  = 15 * time.Second
	noticePatience = 20 * time.Second
	// runnerPatience is how long an apply may go on after the demo was interrupted. Those of the demo take a second.
	runnerPatience = 30 * time.Second
)

// backstage is the agent at work.
type backstage struct {
	ctx     context.Context // ends with the demo's own, or when the agent stops by itself
	halt    context.CancelFunc
	done    chan struct{}
	err     error // of the agent; valid when done is closed
	dataDir string
	notices *notices
}

// startAgent starts the real agent and waits until its socket answers.
func startAgent(ctx context.Context, o Options, s *stage) (*backstage, error) {
	ready := make(chan struct{})
	b := &backstage{done: make(chan struct{}), dataDir: s.config.DataDir, notices: &notices{news: make(chan struct{}, 1)}}
	a, err := agent.New(agent.Options{
		Config: s.config, Version: o.Version, Executable: o.Executable,
		Log:     slog.New(slog.NewTextHandler(s.log, nil)),
		Ready:   func() { close(ready) },
		Notices: b.notices.add,
		Reload:  func() (*config.Config, error) { return s.config, nil },
	})
	if err != nil {
		return nil, fmt.Errorf("starting the agent: %w", err)
	}
	var told context.CancelCauseFunc
	b.ctx, told = context.WithCancelCause(ctx)
	// The agent outlives ctx by a moment: it is stopped in order, not in the middle.
	running, halt := context.WithCancel(context.WithoutCancel(ctx))
	b.halt = halt
	go func() {
		defer close(b.done)
		b.err = a.Run(running)
		told(fmt.Errorf("the agent has stopped: %w", errors.Join(b.err, running.Err())))
	}()
	select {
	case <-ready:
		return b, nil
	case <-b.ctx.Done():
		return nil, errors.Join(context.Cause(b.ctx), b.stop())
	case <-time.After(startPatience):
		return nil, errors.Join(errors.New("starting the agent: it is not ready in time"), b.stop())
	}
}

// stop ends the agent, and waits for an apply that goes on by itself, as applies do: its files are about to go.
func (b *backstage) stop() error {
	b.halt()
	<-b.done
	entries, err := os.ReadDir(datadir.Runs(b.dataDir))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return errors.Join(b.err, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), runnerPatience)
	defer cancel()
	for _, e := range entries {
		if _, err := runner.Follow(ctx, filepath.Join(datadir.Runs(b.dataDir), e.Name()), nil); err != nil {
			return errors.Join(b.err, fmt.Errorf("waiting for an apply to end: %w", err))
		}
	}
	return b.err
}

// notices keeps what the agent would say in Slack until the story comes to it.
type notices struct {
	mu    sync.Mutex
	texts []string
	news  chan struct{}
}

func (n *notices) add(text string) {
	n.mu.Lock()
	n.texts = append(n.texts, text)
	n.mu.Unlock()
	select {
	case n.news <- struct{}{}:
	default: // whoever waits looks at all of them
	}
}

// take waits for the notice that begins with a text, and drops those before it: edits on the way there.
func (n *notices) take(ctx context.Context, begin string) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, noticePatience, fmt.Errorf("the agent did not say: %s", begin))
	defer cancel()
	for {
		n.mu.Lock()
		for i, text := range n.texts {
			if strings.HasPrefix(text, begin) {
				n.texts = n.texts[i+1:]
				n.mu.Unlock()
				return text, nil
			}
		}
		n.mu.Unlock()
		select {
		case <-n.news:
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
	}
}
