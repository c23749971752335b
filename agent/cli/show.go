package cli

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"sallyport/agent/cli/render"
	"sallyport/agent/control"
	"sallyport/notify/redact"
)

// shownText is the result of show --plan and --log for machines.
type shownText struct {
	Run  string `json:"run"`
	Text string `json:"text"`
}

func newShowCommand(a *app) *cobra.Command {
	var plan, log bool
	c := &cobra.Command{
		Use:   "show RUN [--plan|--log]",
		Short: "Show one run: its changes, decisions, plan or log",
		Long: "Show one run, by its number or as the open or else the newest one of a stack: what it is, what it changes and who decided. --plan prints the whole plan in terraform's own words,\n" +
			"--log what terraform said while it applied. Without either, a plan that is kept is printed after the summary.",
		Args: between(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			if plan && log {
				return &usageError{"--plan and --log exclude each other", "one at a time"}
			}
			return a.at.look(a.streams, func(r source) error {
				switch {
				case plan:
					return showText(c.Context(), a.streams, args[0], render.PlanColours, func() (string, error) { return r.PlanText(c.Context(), args[0]) })
				case log:
					return showText(c.Context(), a.streams, args[0], render.LogColours, func() (string, error) { return r.Log(c.Context(), args[0]) })
				}
				return show(c.Context(), a, r, args[0])
			})
		},
	}
	c.Flags().BoolVar(&plan, "plan", false, "the whole plan in terraform's words")
	c.Flags().BoolVar(&log, "log", false, "what terraform said while it applied")
	return c
}

func showText(ctx context.Context, s *streams, ref string, colour func(string) string, read func() (string, error)) error {
	text, err := read()
	if err != nil {
		return err
	}
	if s.json {
		return s.writeJSON(shownText{ref, text})
	}
	return s.page(ctx, "", s.coloured(shown(text), colour), "")
}

func show(ctx context.Context, a *app, r control.Reader, ref string) error {
	run, err := r.Run(ctx, ref)
	if err != nil {
		return err
	}
	if a.streams.json {
		return a.streams.writeJSON(run)
	}
	summary := render.Run(run.Called(), a.now())
	if run.Plan == nil {
		return a.streams.write(summary)
	}
	text, err := r.PlanText(ctx, runRef(run.ID))
	var answer *control.Error
	if errors.As(err, &answer) && answer.Kind == control.NotFound {
		return a.streams.write(summary) // the text is not kept any more; this says the rest
	}
	if err != nil {
		return err
	}
	return a.streams.page(ctx, summary+"\n", a.streams.coloured(shown(text), render.PlanColours), "\n"+summary)
}

// shown is a text of terraform's, ready to print.
func shown(text string) string { return strings.TrimRight(redact.Clean(text), "\n") + "\n" }
