package cli

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"sallyport/agent/cli/call"
	"sallyport/agent/cli/render"
	"sallyport/agent/control"
	"sallyport/notify/words"
)

// usualRuns fits on a screen.
const usualRuns = 20

func newRunsCommand(a *call.Call) *cobra.Command {
	limit, verify := usualRuns, false
	c := &cobra.Command{
		Use:   "runs [STACK] [--limit N] [--verify]",
		Short: "List runs, newest first",
		Args:  call.Between(0, 1),
		RunE: func(c *cobra.Command, args []string) error {
			if limit < 1 || limit > control.MaxRuns {
				return call.Usage(fmt.Sprintf("--limit takes a number from 1 to %d", control.MaxRuns), "sallyport runs --limit 100")
			}
			if verify {
				return verifyHistory(c.Context(), a.Streams, a.At, args)
			}
			return a.At.Look(a.Streams, func(r call.Source) error {
				runs, err := r.Runs(c.Context(), control.RunsQuery{Stack: cmp.Or(args...), Limit: limit})
				if err != nil {
					return err
				}
				if a.Streams.JSON {
					return a.Streams.WriteJSON(runs)
				}
				if len(runs) == 0 {
					a.Streams.Talk("no runs")
					return nil
				}
				return a.Streams.Write(render.Width(a.Streams.Wide()).Runs(named(runs), a.Now()))
			})
		},
	}
	c.Flags().IntVar(&limit, "limit", usualRuns, "how many, at most `N`")
	c.Flags().BoolVar(&verify, "verify", false, "prove that records and history are what was written, instead of listing")
	return c
}

// verifyHistory exits 1 if anything is not what was written, with each place.
func verifyHistory(ctx context.Context, s *call.Streams, at *call.Installation, args []string) error {
	if len(args) > 0 {
		return call.Usage("--verify looks at the whole history, not at one stack's", "sallyport runs --verify")
	}
	return at.Look(s, func(r call.Source) error {
		v, err := r.Verify(ctx)
		if err != nil {
			return err
		}
		if s.JSON {
			err = s.WriteJSON(v)
		} else if v.OK {
			err = s.Say("The history is whole: %s, %d to %d, and every record is what was written.\nhead %d %s",
				words.CountOf(v.Entries, "entry", "entries"), v.First, v.Head, v.Head, v.Hash)
		}
		if err != nil || v.OK {
			return err
		}
		return control.Errorf(control.Internal, "%s", strings.Join(v.Faults, "\n")).
			WithHint("the next start moves the store aside and goes on with the newest good snapshot: systemctl restart sallyport")
	})
}

// named are runs for people: with names in the place of accounts.
func named(runs []control.Run) []control.Run {
	out := make([]control.Run, len(runs))
	for i, r := range runs {
		out[i] = r.Called()
	}
	return out
}
