package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"sallyport/agent/cli/audit"
	"sallyport/agent/cli/call"
	"sallyport/agent/cli/render"
	"sallyport/agent/control"
	"sallyport/store"
)

func newAuditCommand(a *call.Call) *cobra.Command {
	since, until, csv := "", "", false
	c := &cobra.Command{
		Use:   "audit [STACK] [--since T] [--until T] [--csv]",
		Short: "List who asked for, decided and changed what, and prove that nothing is missing",
		Long: "List the history, oldest first: who asked for, decided, applied and changed what, when, from where, about which plan,\n" +
			"and what came of it. The last line says whether the chain of hashes holds; if it does not, the exit code is 1.\n\n" +
			"With --json it is one list, a line each, whose last element is {\"chain\": \"ok\"} or the first break; with --csv\n" +
			"the last line is of an event \"chain\". T is a time (2026-11-30, 2026-11-30T18:00:00Z) or how long ago (90m, 24h, 30d).",
		Args: call.Between(0, 1),
		RunE: func(c *cobra.Command, args []string) error {
			if csv && a.Streams.JSON {
				return call.Usage("--csv and --json are two answers", "name one of them")
			}
			q := control.AuditQuery{Names: !csv && !a.Streams.JSON}
			if len(args) > 0 {
				q.Stack = args[0]
			}
			for _, bound := range []struct {
				flag, text string
				into       *time.Time
			}{{"--since", since, &q.Since}, {"--until", until, &q.Until}} {
				t, err := audit.Time(bound.text, a.Now())
				if err != nil {
					return call.Usage(fmt.Sprintf("%s: %v", bound.flag, err), "a date (2026-11-30), a time (2026-11-30T18:00:00Z), or how long ago: 90m, 24h, 30d")
				}
				*bound.into = t
			}
			if !q.Since.IsZero() && !q.Until.IsZero() && !q.Since.Before(q.Until) {
				return call.Usage("--since is not before --until, so that nothing is between them", "an hour of yesterday: --since 25h --until 24h")
			}
			return a.At.Look(a.Streams, func(r call.Source) error {
				out, read := auditWriter(a, csv), false
				for {
					part, err := r.Audit(c.Context(), q)
					if err != nil && read {
						// In other words than that no agent answers: beginning again elsewhere would print everything twice.
						return control.Errorf(control.Internal, "the history ends here, the agent went away: %v", err).WithHint("ask again")
					}
					if err != nil {
						return err
					}
					read = true
					if err := out.Part(part); err != nil {
						return call.Printed(err)
					}
					if part.End {
						return auditEnd(out)
					}
					q.After = store.HistoryMark{Seq: part.Seq, Hash: part.Hash}
				}
			})
		},
	}
	c.Flags().StringVar(&since, "since", "", "nothing before `T`")
	c.Flags().StringVar(&until, "until", "", "nothing from `T` on")
	c.Flags().BoolVar(&csv, "csv", false, "print a table for spreadsheets")
	return c
}

func auditWriter(a *call.Call, csv bool) audit.Writer {
	switch {
	case a.Streams.JSON:
		return audit.NewJSON(a.Streams.Stdout)
	case csv:
		return audit.NewCSV(a.Streams.Stdout)
	}
	return audit.NewText(a.Streams.Out, a.Now().Location(), render.Width(a.Streams.Wide()).Folded)
}

// auditEnd writes what the chain is like, and fails if it does not hold.
func auditEnd(out audit.Writer) error {
	broken, err := out.End()
	if err != nil {
		return call.Printed(err)
	}
	if broken == "" {
		return nil
	}
	return control.Errorf(control.Internal, "%s", broken).WithHint("what else is not what was written: sallyport runs --verify")
}
