package cli

import (
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"sallyport/agent"
	"sallyport/agent/config"
)

// agentVerb runs the agent in the foreground, for a service manager.
const agentVerb = "agent"

func newAgentCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   agentVerb + " [--config FILE]",
		Short: "Run the agent in the foreground",
		Long: "Run the agent in the foreground until SIGTERM or Ctrl-C. A running apply goes on by itself and is followed again by\n" +
			"the next agent. SIGHUP reads the configuration again. The log goes to stderr, as JSON with --json.",
		Args: between(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, stop := interruptible(c)
			defer stop()
			return agent.Daemon(ctx, agent.DaemonOptions{
				Load: a.loadConfig, Log: slog.New(a.logHandler()), Version: a.version(),
			})
		},
	}
}

// loadConfig reads the whole configuration, as the agent does. A socket on the command line wins.
func (a *app) loadConfig() (*config.Config, error) {
	c, err := config.Load(a.configPath, config.LoadOptions{})
	if err != nil {
		return nil, a.configError(err)
	}
	if err := c.CheckPrograms(os.Getenv("PATH")); err != nil {
		return nil, err
	}
	if a.socket != "" {
		if c.Socket, err = filepath.Abs(a.socket); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// logHandler writes the log to stderr. Under systemd the journal knows the time of each line.
func (a *app) logHandler() slog.Handler {
	if a.json {
		return slog.NewJSONHandler(a.inv.Stderr, nil)
	}
	o := &slog.HandlerOptions{}
	if a.env("JOURNAL_STREAM", "") != "" {
		o.ReplaceAttr = func(groups []string, attr slog.Attr) slog.Attr {
			if len(groups) == 0 && attr.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return attr
		}
	}
	return slog.NewTextHandler(a.inv.Stderr, o)
}
