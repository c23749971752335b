package order

import (
	"context"

	"github.com/spf13/cobra"

	"sallyport/agent/cli/call"
	"sallyport/agent/control"
)

func newPlanCommand(a *call.Call) *cobra.Command {
	return startCommand(a, control.StartRequest{},
		"plan STACK [--commit SHA] [--replace ADDRESS]... [--target ADDRESS]... [--refresh-only] [--destroy] [--empty-state] [--var NAME]... [--image NAME=ID]... "+
			"[--pull-request N] [--reason TEXT] [--wait] [--all --terraform VERSION] [--all --tofu VERSION]",
		"Start a manual run at the branch head, or at another commit of the branch")
}

const planHelp = "Start a manual run at the branch head, or at another commit of the branch. It takes the place of a plan of the stack that waits.\n\n" +
	"With --all and no stack, try another terraform: every stack is planned with the one that is configured and with the other one, at the\n" +
	"branch's newest commit, and one table at the end compares the two: same plan, other plan, error. There are no runs, so that\n" +
	"nothing can be approved; no state lock is taken, and no state, lock file or workspace is written. Real runs go before, and the\n" +
	"trial uses half of terraform.parallel at most. Ctrl-C ends it. The exit code is 0 if every plan is the same, else 1."

// startCommand makes the two verbs that start a run; they differ in the commit only.
func startCommand(a *call.Call, r control.StartRequest, use, short string) *cobra.Command {
	wait := false
	special, trial := planFlags{}, trialFlags{}
	c := &cobra.Command{
		Use: use, Short: short,
		Args: func(c *cobra.Command, args []string) error {
			if trial.wanted() {
				return nil // said to be wrong, if they are, in the words of a trial
			}
			return call.Between(1, 1)(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			ctx, stop := call.Interruptible(c)
			defer stop()
			if trial.wanted() {
				asked, err := trial.request(c, args)
				if err != nil {
					return err
				}
				return try(ctx, a.Streams, a.At, asked)
			}
			r.Stack = args[0]
			if err := special.into(a.Streams, &r); err != nil {
				return err
			}
			return start(ctx, a.Streams, a.At, starting{r, wait})
		},
	}
	c.Flags().StringVar(&r.Reason, "reason", "", "why, for the people who are asked")
	c.Flags().BoolVar(&wait, "wait", false, "follow the run to its end")
	if !r.Applied {
		c.Flags().IntVar(&r.PullRequest, "pull-request", 0, "plan what this pull request changes, though it changes a backend, providers or the lock file")
		trial.add(c.Flags())
		c.Long = planHelp
	}
	special.add(c.Flags(), r.Applied)
	return c
}

// starting is a run that somebody wants.
type starting struct {
	request control.StartRequest
	wait    bool // follow it to its end
}

func start(ctx context.Context, s *call.Streams, at *call.Installation, wanted starting) error {
	client, err := at.Client()
	if err != nil {
		return err
	}
	defer client.Close()
	started, err := client.Start(ctx, wanted.request)
	if err != nil {
		return err
	}
	if !s.JSON {
		// First of all, and at once: scripts read it, and people may press Ctrl-C.
		if err := s.Say("#%d", started.Run); err != nil {
			return err
		}
	}
	for _, w := range started.Warnings {
		s.Talk("sallyport: warning: %s", w)
	}
	if wanted.wait {
		return waitFor(ctx, s, client, started.Run)
	}
	if !s.JSON {
		return nil
	}
	run, err := client.Run(ctx, runRef(started.Run))
	if err != nil {
		return err
	}
	return s.WriteJSON(run)
}
