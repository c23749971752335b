// Package daemon runs the agent in the foreground, as systemd's unit does: SIGHUP reads the configuration again, and systemd is
// told when the agent is ready, that it lives, and what goes on without it when it stops.
package daemon

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	systemd "github.com/coreos/go-systemd/v22/daemon"

	"sallyport/agent"
	"sallyport/agent/asuser"
	"sallyport/agent/config"
	"sallyport/agent/housekeeping"
)

// ownBinary is the file that this process was started from, even when an upgrade has put another one in its place, or
// nothing: the runner of an apply is always of the same version as the agent that starts it.
const ownBinary = "/proc/self/exe"

// Options say how `sallyport agent` runs.
type Options struct {
	Load    func() (*config.Config, error) // reads the configuration, now and at SIGHUP
	Log     *slog.Logger
	Version string
}

// Run runs the agent in the foreground until ctx ends: SIGHUP reloads the configuration, systemd is told when the
// agent is ready, that it lives, and that it stops.
func Run(ctx context.Context, o Options) error {
	// Before anything is started: the unit's capabilities are for becoming terraform.user and for nothing else.
	if err := asuser.Renounce(); err != nil {
		return err
	}
	cfg, err := o.Load()
	if err != nil {
		return err
	}
	a, err := agent.New(agent.Options{
		Config: cfg, Reload: o.Load, Version: o.Version, Executable: ownBinary, Log: o.Log,
		Ready: func() { notifySystemd(o.Log, systemd.SdNotifyReady) },
		Stopping: func(text string) {
			notifySystemd(o.Log, systemd.SdNotifyStopping+"\nSTATUS="+text)
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
	go a.Tend(beside, "waiting for SIGHUP", func(context.Context) {
		for {
			select {
			case <-hangups:
				notifySystemd(o.Log, systemd.SdNotifyReloading)
				_ = a.Reload(ctx) // logged, and shown by status
				notifySystemd(o.Log, systemd.SdNotifyReady)
			case <-beside.Done():
				return
			}
		}
	})
	go a.Tend(beside, "telling the watchdog", func(ctx context.Context) { watchdog(ctx, a, o.Log) })
	go a.Tend(beside, "burying what plans left behind", a.BuryOrphans)
	err = a.Run(ctx)
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// watchdog tells systemd that the agent lives, as long as its loop answers.
func watchdog(ctx context.Context, a *agent.Agent, log *slog.Logger) {
	interval, err := systemd.SdWatchdogEnabled(false)
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
			if a.Alive(interval) {
				notifySystemd(log, systemd.SdNotifyWatchdog)
			}
		}
	}
}

func notifySystemd(log *slog.Logger, state string) {
	if _, err := systemd.SdNotify(false, state); err != nil {
		log.Warn("telling systemd", "err", err)
	}
}
