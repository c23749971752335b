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

// shownText is the result of show --plan and --log for machines.
type shownText struct {
	Run  string `json:"run"`
	Text string `json:"text"`
}

func newShowCommand(a *call.Call) *cobra.Command {
	var plan, log bool
	c := &cobra.Command{
		Use:   "show RUN [--plan|--log]",
		Short: "Show one run: its changes, decisions, plan or log",
		Long: "Show one run, by its number or as the open or else the newest one of a stack: what it is, what it changes and who decided. --plan prints the whole plan in terraform's own words,\n" +
			"--log what terraform said while it applied. Without either, a plan that is kept is printed after the summary.",
		Args: call.Between(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			if plan && log {
				return call.Usage("--plan and --log exclude each other", "one at a time")
			}
			return a.At.Look(a.Streams, func(r call.Source) error {
				switch {
				case plan:
					return showText(c.Context(), a.Streams, args[0], render.PlanColours, func() (string, error) { return r.PlanText(c.Context(), args[0]) })
				case log:
					return showText(c.Context(), a.Streams, args[0], render.LogColours, func() (string, error) { return r.Log(c.Context(), args[0]) })
				}
				return show(c.Context(), a, r, args[0])
			})
		},
	}
	c.Flags().BoolVar(&plan, "plan", false, "the whole plan in terraform's words")
	c.Flags().BoolVar(&log, "log", false, "what terraform said while it applied")
	return c
}

func showText(ctx context.Context, s *call.Streams, ref string, colour func(string) string, read func() (string, error)) error {
	text, err := read()
	if err != nil {
		return err
	}
	if s.JSON {
		return s.WriteJSON(shownText{ref, text})
	}
	return s.Page(ctx, "", s.Coloured(shown(text), colour), "")
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
