package cli

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"sallyport/agent/cli/call"
	"sallyport/agent/cli/render"
	"sallyport/agent/control"
	"sallyport/notify/redact"
)

// shownText is the result of show --plan, show --log and logs for machines.
type shownText struct {
	Run  string `json:"run"` // as it was named
	ID   int    `json:"id"`
	Text string `json:"text"`
}

func newShowCommand(a *call.Call) *cobra.Command {
	var plan, log bool
	var html string
	c := &cobra.Command{
		Use:   "show RUN [--plan|--log|--html FILE]",
		Short: "Show one run: its changes, decisions, plan or log",
		Long: "Show one run, by its number or as the open or else the newest one of a stack: what it is, what it changes and who decided. --plan prints the whole plan in terraform's own words,\n" +
			"--log what terraform said while it applied. Without either, a plan that is kept is printed after the summary. --html writes all of it as a page for a\n" +
			"browser, - to stdout: one file without a script, which asks for nothing and has nothing sensitive in it. Only you can read it; a file of before is replaced.",
		Args: call.Between(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			if plan && log {
				return call.Usage("--plan and --log exclude each other", "one at a time")
			}
			if c.Flags().Changed("html") {
				switch {
				case plan || log:
					return call.Usage("--html has the plan and the log in it", "without --plan and --log")
				case html == "":
					return call.Usage("--html needs a file", "--html FILE, or - for stdout")
				}
			}
			return a.At.Look(a.Streams, func(r call.Source) error {
				switch {
				case html != "":
					return showHTML(c.Context(), a, r, args[0], html)
				case plan:
					return showText(c.Context(), a.Streams, r, args[0], textOf{render.PlanColours, r.PlanText})
				case log:
					return showText(c.Context(), a.Streams, r, args[0], textOf{render.LogColours, r.Log})
				}
				return show(c.Context(), a, r, args[0])
			})
		},
	}
	c.Flags().BoolVar(&plan, "plan", false, "the whole plan in terraform's words")
	c.Flags().BoolVar(&log, "log", false, "what terraform said while it applied")
	c.Flags().StringVar(&html, "html", "", "write it as a page to this `file`")
	return c
}

// textOf is a text of a run's: how it is read, and how it is coloured.
type textOf struct {
	colour func(string) string
	read   func(ctx context.Context, ref string) (string, error)
}

func showText(ctx context.Context, s *call.Streams, r call.Source, ref string, of textOf) error {
	text, err := of.read(ctx, ref)
	if err != nil {
		return err
	}
	if !s.JSON {
		return s.Page(ctx, "", s.Coloured(shown(text), of.colour), "")
	}
	run, err := r.Run(ctx, ref)
	if err != nil {
		return err
	}
	return s.WriteJSON(shownText{ref, run.ID, text})
}

func show(ctx context.Context, a *call.Call, r control.Reader, ref string) error {
	run, err := r.Run(ctx, ref)
	if err != nil {
		return err
	}
	if a.Streams.JSON {
		return a.Streams.WriteJSON(run)
	}
	summary := render.Run(run.Called(), a.Now())
	if run.Plan == nil {
		return a.Streams.Write(summary)
	}
	text, err := r.PlanText(ctx, strconv.Itoa(run.ID))
	var answer *control.Error
	if errors.As(err, &answer) && answer.Kind == control.NotFound {
		return a.Streams.Write(summary) // the text is not kept any more; this says the rest
	}
	if err != nil {
		return err
	}
	return a.Streams.Page(ctx, summary+"\n", a.Streams.Coloured(shown(text), render.PlanColours), "\n"+summary)
}

// shown is a text of terraform's, ready to print.
func shown(text string) string { return strings.TrimRight(redact.Clean(text), "\n") + "\n" }
