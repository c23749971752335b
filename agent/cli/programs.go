package cli

import (
	"context"

	"sallyport/agent"
	"sallyport/agent/demo"
)

// programs are the verbs that are programs of their own, unless a test brings others.
func programs(given Programs) Programs {
	if given.Agent == nil {
		given.Agent = func(ctx context.Context, o AgentOptions) error {
			return agent.Daemon(ctx, agent.DaemonOptions{Load: o.Load, Log: o.Log, Version: o.Version})
		}
	}
	if given.Demo == nil {
		given.Demo = func(ctx context.Context, o DemoOptions) error {
			return demo.Run(ctx, demo.Options{Stdin: o.Stdin, Stdout: o.Stdout, Yes: o.Yes, Color: o.Color, Version: o.Version})
		}
	}
	return given
}
