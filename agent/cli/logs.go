package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"sallyport/agent/cli/call"
	"sallyport/agent/cli/follow"
	"sallyport/agent/cli/render"
	"sallyport/agent/control/socket"
	"sallyport/notify/redact"
)

func newLogsCommand(a *call.Call) *cobra.Command {
	grows := false
	c := &cobra.Command{
		Use:   "logs RUN [-f]",
		Short: "Print what terraform said of a run: its plan, and what it said while it applied",
		Long: "Print what terraform said of a run: its plan, and what it said while it applied. With -f it is printed as it grows, until the run\n" +
			"has ended; where the run stands is told beside it. Secrets are left out of it, as everywhere.",
		Args: call.Between(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			ctx, stop := call.Interruptible(c)
			defer stop()
			if grows {
				err := followLog(ctx, a, args[0])
				if !errors.Is(err, socket.ErrNoAgent) {
					return err
				}
				// What there is is read from the data directory, which says that nobody goes on with it.
			}
			return a.At.Look(a.Streams, func(r call.Source) error { return logs(ctx, a.Streams, r, args[0]) })
		},
	}
	c.Flags().BoolVarP(&grows, "follow", "f", false, "go on until the run has ended")
	return c
}

func logs(ctx context.Context, s *call.Streams, r call.Source, ref string) error {
	run, err := r.Run(ctx, ref)
	if err != nil {
		return err
	}
	said, err := follow.Said(ctx, r, run)
	switch {
	case err != nil && (s.JSON || said == ""):
		return err
	case err != nil: // the plan, and that it is not all
		return errors.Join(s.Write(s.Coloured(redact.Clean(said), saidColours)), err)
	case s.JSON:
		return s.WriteJSON(shownText{ref, run.ID, said})
	case said == "":
		s.Talk("%s; terraform said nothing of it yet", render.Progress(run.Called()))
		return nil
	}
	return s.Page(ctx, "", s.Coloured(redact.Clean(said), saidColours), "")
}

// saidColours colours a plan and what was said while it was applied.
func saidColours(text string) string { return render.LogColours(render.PlanColours(text)) }

// followLog prints a log as it grows. That a run ends badly is no error of whoever reads its log.
func followLog(ctx context.Context, a *call.Call, ref string) error {
	s := a.Streams
	client, err := a.At.Client()
	if err != nil {
		return err
	}
	defer client.Close()
	f := follow.Follower{Client: client, Talk: func(line string) { s.Talk("%s", line) }, Print: func(text string) error {
		if s.JSON {
			return nil
		}
		return s.Write(s.Coloured(redact.Clean(text), saidColours))
	}}
	run, said, err := f.Log(ctx, ref)
	if err == nil && s.JSON {
		return s.WriteJSON(shownText{ref, run.ID, said})
	}
	return err
}
