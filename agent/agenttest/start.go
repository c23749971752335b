package agenttest

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"time"

	"sallyport/agent"
	"sallyport/agent/patience"
)

// Running is an agent in the test's process.
type Running struct {
	*agent.Agent
	// Stop ends it as a signal would, and waits for its end. Again, it does nothing.
	Stop func()
}

// Start runs an agent in this process and returns once it is ready. Of the options, those that the installation knows better are
// set here: the configuration, the log, and where notices go.
func (i *Installation) Start(o agent.Options) Running {
	i.T.Helper()
	cfg, err := i.Load()
	if err != nil {
		i.T.Fatal(err)
	}
	ready := make(chan struct{})
	o.Config, o.Reload, o.Notices, o.Ready = cfg, i.Load, i.Tell, func() { close(ready) }
	o.Log = slog.New(slog.NewTextHandler(i, &slog.HandlerOptions{Level: slog.LevelDebug}))
	a, err := agent.New(o)
	if err != nil {
		i.T.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			i.T.Error(err)
		}
	})
	i.T.Cleanup(stop)
	select {
	case <-ready:
	case err := <-done:
		done <- nil // the clean-up waits for an end as well
		i.T.Fatal("the agent ended at once: ", err)
	case <-time.After(patience.Limit()):
		i.T.Fatal("the agent does not get ready")
	}
	return Running{Agent: a, Stop: stop}
}

// Command is a call of a binary on this installation. Its environment is made from nothing but the search path: what the
// developer's shell holds is no part of a test.
func (i *Installation) Command(binary string, args ...string) *exec.Cmd {
	cmd := exec.Command(binary, args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + i.Dir, "LANG=C.UTF-8", "SALLYPORT_CONFIG=" + i.File()}
	cmd.Dir = "/"
	return cmd
}
