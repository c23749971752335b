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
		Long: "Show one run: what it is, what it changes and who decided. --plan prints the whole plan in terraform's own words,\n" +
			"--log what terraform said while it applied. Without either, a plan that is kept is printed after the summary.",
		Args: between(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			if plan && log {
				return &usageError{"--plan and --log exclude each other", "one at a time"}
			}
			return a.at.look(a.streams, func(r source) error {
				switch {
				case plan:
					return showText(a.streams, args[0], render.PlanColours, func() (string, error) { return r.PlanText(c.Context(), args[0]) })
				case log:
					return showText(a.streams, args[0], render.LogColours, func() (string, error) { return r.Log(c.Context(), args[0]) })
				}
				return show(c.Context(), a, r, args[0])
			})
		},
	}
	c.Flags().BoolVar(&plan, "plan", false, "the whole plan in terraform's words")
	c.Flags().BoolVar(&log, "log", false, "what terraform said while it applied")
	return c
}

func showText(s *streams, ref string, colour func(string) string, read func() (string, error)) error {
	text, err := read()
	if err != nil {
		return err
	}
	if s.json {
		return s.writeJSON(shownText{ref, text})
	}
	text = redact.Clean(text)
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return s.writeText(text, colour)
}

func show(ctx context.Context, a *app, r control.Reader, ref string) error {
	run, err := r.Run(ctx, ref)
	if err != nil {
		return err
	}
	if a.streams.json {
		return a.streams.writeJSON(run)
	}
	if err := a.streams.write(render.Run(run.Called(), a.now())); err != nil || run.Plan == nil {
		return err
	}
	text, err := r.PlanText(ctx, runRef(run.ID))
	var answer *control.Error
	if errors.As(err, &answer) && answer.Kind == control.NotFound {
		return nil // not kept any more; the summary said the rest
	}
	if err != nil {
		return err
	}
	return a.streams.writeText("\n"+strings.TrimRight(redact.Clean(text), "\n")+"\n", render.PlanColours)
}
