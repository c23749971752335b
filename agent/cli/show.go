package cli

import (
	"context"
	"errors"
	"strings"

	"github.com/charmbracelet/colorprofile"
	"github.com/spf13/cobra"

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
			return a.look(func(r source) error {
				switch {
				case plan:
					return a.showText(args[0], terraformColours, func() (string, error) { return r.PlanText(c.Context(), args[0]) })
				case log:
					return a.showText(args[0], logColours, func() (string, error) { return r.Log(c.Context(), args[0]) })
				}
				return a.show(c.Context(), r, args[0])
			})
		},
	}
	c.Flags().BoolVar(&plan, "plan", false, "the whole plan in terraform's words")
	c.Flags().BoolVar(&log, "log", false, "what terraform said while it applied")
	return c
}

func (a *app) showText(ref string, colour func(string) string, read func() (string, error)) error {
	text, err := read()
	if err != nil {
		return err
	}
	if a.json {
		return a.writeJSON(shownText{ref, text})
	}
	text = redact.Clean(text)
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return a.writeText(text, colour)
}

func (a *app) show(ctx context.Context, r control.Reader, ref string) error {
	run, err := r.Run(ctx, ref)
	if err != nil {
		return err
	}
	if a.json {
		return a.writeJSON(run)
	}
	if err := a.write(a.runText(run)); err != nil || run.Plan == nil {
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
	return a.writeText("\n"+strings.TrimRight(redact.Clean(text), "\n")+"\n", terraformColours)
}

// writeText prints a long text, and spares the work of colouring it for a pipe.
func (a *app) writeText(text string, colour func(string) string) error {
	if a.out.Profile > colorprofile.ASCII {
		text = colour(text)
	}
	return a.write(text)
}
