package cli

import (
	"log/slog"

	"github.com/spf13/cobra"

	"sallyport/agent/cli/call"
	"sallyport/agent/cli/screen"
	"sallyport/agent/daemon"
)

// agentVerb runs the agent in the foreground, for a service manager.
const agentVerb = "agent"

func newAgentCommand(a *call.Call) *cobra.Command {
	return &cobra.Command{
		Use:   agentVerb + " [--config FILE]",
		Short: "Run the agent in the foreground",
		Long: "Run the agent in the foreground until SIGTERM or Ctrl-C. A running apply goes on by itself and is followed again by\n" +
			"the next agent. SIGHUP reads the configuration again. The log goes to stderr, as JSON with --json.",
		Args: call.Between(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, stop := call.Interruptible(c)
			defer stop()
			return daemon.Run(ctx, daemon.Options{
				Load: a.At.LoadConfig, Log: slog.New(logHandler(a.Streams, a.Inv.Environ)), Version: call.Version(a.Inv.Version),
			})
		},
	}
}

// logHandler writes the log to stderr. Under systemd the journal knows the time of each line. On a terminal a notice stands as the text
// that people are to read; a journal and a file keep one line for each: whoever looks through them goes by lines and keys, and the
// lines of a block would be entries of nobody's.
func logHandler(s *call.Streams, environ []string) slog.Handler {
	if s.JSON {
		return slog.NewJSONHandler(s.Stderr, nil)
	}
	o := &slog.HandlerOptions{}
	if call.Env(environ, "JOURNAL_STREAM", "") != "" {
		o.ReplaceAttr = func(groups []string, attr slog.Attr) slog.Attr {
			if len(groups) == 0 && attr.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return attr
		}
	}
	text := slog.NewTextHandler(s.Stderr, o)
	if s.Width() > 0 {
		return screen.Notices(text, s.Stderr)
	}
	return text
}
