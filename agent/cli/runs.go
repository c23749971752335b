package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"sallyport/agent/control"
	"sallyport/store"
)

// usualRuns fits on a screen.
const usualRuns = 20

func newRunsCommand(a *app) *cobra.Command {
	limit, verify := usualRuns, false
	c := &cobra.Command{
		Use:   "runs [STACK] [--limit N]",
		Short: "List runs, newest first",
		Args:  between(0, 1),
		RunE: func(c *cobra.Command, args []string) error {
			if limit < 1 || limit > control.MaxRuns {
				return &usageError{fmt.Sprintf("--limit takes a number from 1 to %d", control.MaxRuns), "sallyport runs --limit 100"}
			}
			if verify {
				return a.verify(c.Context(), args)
			}
			return a.look(func(r source) error {
				runs, err := r.Runs(c.Context(), control.RunsQuery{Stack: first(args), Limit: limit})
				if err != nil {
					return err
				}
				if a.json {
					return a.writeJSON(runs)
				}
				if len(runs) == 0 {
					a.talk("no runs")
					return nil
				}
				return a.write(a.runsTable(runs))
			})
		},
	}
	c.Flags().IntVar(&limit, "limit", usualRuns, "how many, at most `N`")
	c.Flags().BoolVar(&verify, "verify", false, "prove that records and history are what was written, instead of listing")
	return c
}

// verify exits 1 if anything is not what was written, with each place.
func (a *app) verify(ctx context.Context, args []string) error {
	if len(args) > 0 {
		return &usageError{"--verify looks at the whole history, not at one stack's", "sallyport runs --verify"}
	}
	return a.look(func(r source) error {
		v, err := r.Verify(ctx)
		if err != nil {
			return err
		}
		if a.json {
			err = a.writeJSON(v)
		} else if v.OK {
			err = a.say("The history is whole: %s, %d to %d, and every record is what was written.\nhead %d %s",
				count(v.Entries, "entry", "entries"), v.First, v.Head, v.Head, v.Hash)
		}
		if err != nil || v.OK {
			return err
		}
		return control.Errorf(control.Internal, "%s", strings.Join(v.Faults, "\n")).
			WithHint("the next start moves the store aside and goes on with the newest good snapshot: systemctl restart sallyport")
	})
}

func (a *app) runsTable(runs []control.Run) string {
	var rows [][]string
	for _, r := range runs {
		rows = append(rows, []string{
			runName(r), r.Stack, string(r.Kind), string(r.Status), short(r.Commit), a.ago(r.CreatedAt), counts(r.Plan), runNote(r),
		})
	}
	headings := []string{"RUN", "STACK", "KIND", "STATUS", "COMMIT", "CREATED", "PLAN", "ABOUT"}
	return columns(headings, rows, func(row, column int) style {
		if column == 3 {
			return statusStyle(runs[row].Status)
		}
		return plain
	})
}

// runNote is what went wrong with a run, or what it was for.
func runNote(r control.Run) string {
	switch {
	case r.Error != "" && r.Status != store.Applied && r.Status != store.NoChanges:
		return cut(r.Error, maxNote)
	case r.Kind == store.KindCommit || r.Reason == "":
		return cut(r.Subject, maxNote)
	}
	return cut(r.Reason, maxNote)
}
