package agent

import (
	"context"
	"errors"
	"github.com/coreos/go-systemd/v22/daemon"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"sallyport/agent/asuser"
	"sallyport/agent/config"
	"sallyport/agent/housekeeping"
	"sallyport/agent/outbox"
)

// ownBinary is the file that this process was started from, even when an upgrade has put another one in its place, or
// nothing: the runner of an apply is always of the same version as the agent that starts it.
const ownBinary = "/proc/self/exe"

// DaemonOptions say how `sallyport agent` runs.
type DaemonOptions struct {
	Load    func() (*config.Config, error) // reads the configuration, now and at SIGHUP
	Log     *slog.Logger
	Version string
}

// Daemon runs the agent in the foreground until ctx ends: SIGHUP reloads the configuration, systemd is told when the
// agent is ready, that it lives, and that it stops.
func Daemon(ctx context.Context, o DaemonOptions) error {
	// Before anything is started: the unit's capabilities are for becoming terraform.user and for nothing else.
	if err := asuser.Renounce(); err != nil {
		return err
	}
	cfg, err := o.Load()
	if err != nil {
		return err
	}
	a, err := New(Options{
		Config: cfg, Reload: o.Load, Version: o.Version, Executable: ownBinary, Log: o.Log,
		Ready: func() { tellSystemd(o.Log, daemon.SdNotifyReady) },
		Stopping: func(text string) {
			tellSystemd(o.Log, daemon.SdNotifyStopping+"\nSTATUS="+text)
		},
	})
	if err != nil {
		return err
	}
	if err := housekeeping.AdoptOrphans(); err != nil {
		return err
	}
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	beside, done := context.WithCancel(context.WithoutCancel(ctx)) // systemd is told that the agent lives while it stops, too
	defer done()
	go a.health.Tend(beside, "waiting for SIGHUP", func(context.Context) {
		for {
			select {
			case <-hangups:
				tellSystemd(o.Log, daemon.SdNotifyReloading)
				_ = a.Reload(ctx) // logged, and shown by status
				tellSystemd(o.Log, daemon.SdNotifyReady)
			case <-beside.Done():
				return
			}
		}
	})
	go a.health.Tend(beside, "telling the watchdog", a.watchdog)
	go a.health.Tend(beside, "burying what plans left behind", a.housekeeper.Orphans)
	err = a.Run(ctx)
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// watchdog tells systemd that the agent lives, as long as its loop answers.
func (a *Agent) watchdog(ctx context.Context) {
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil || interval == 0 {
		return
	}
	ticker := time.NewTicker(interval / 3)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if a.alive(interval) {
				tellSystemd(a.log, daemon.SdNotifyWatchdog)
			}
		}
	}
}

// alive reports whether the loop has passed lately. It passes at least every [idlePass].
func (a *Agent) alive(within time.Duration) bool {
	last := time.Unix(0, a.lastPass.Load())
	return time.Since(last) < max(within, 2*outbox.IdlePass)
}

func tellSystemd(log *slog.Logger, state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		log.Warn("telling systemd", "err", err)
	}
}
