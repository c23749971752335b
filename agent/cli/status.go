package cli

import (
	"context"
	"io"
	"os"
	"time"

	"github.com/charmbracelet/colorprofile"
	"github.com/spf13/cobra"

	"sallyport/agent/cli/follow"
	"sallyport/agent/cli/render"
	"sallyport/agent/cli/screen"
	"sallyport/agent/control"
)

func newStatusCommand(a *app) *cobra.Command {
	watch := false
	c := &cobra.Command{
		Use:   "status [--watch]",
		Short: "Show repositories, stacks, and what waits for whom",
		Long: "Show repositories, stacks, and what waits for whom. With --watch it is drawn again whenever something changes, until Ctrl-C; where\n" +
			"there is no terminal to draw on it is printed again.",
		Args: between(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			if watch {
				ctx, stop := interruptible(c)
				defer stop()
				return watchStatus(ctx, a)
			}
			return a.at.look(a.streams, func(r source) error {
				s, err := r.Status(c.Context())
				if err != nil {
					return err
				}
				if s.Agent.Running {
					a.compareVersions(s.Agent.Version) // an older agent does not say it with each answer
				}
				if a.streams.json {
					return a.streams.writeJSON(s)
				}
				return a.streams.write(statusText(a, s))
			})
		},
	}
	c.Flags().BoolVar(&watch, "watch", false, "show it again whenever something changes")
	return c
}

// watchStatus shows the status until ctx ends: on a terminal in the place of the one before, elsewhere whenever it is another one.
func watchStatus(ctx context.Context, a *app) error {
	said := a.streams
	w := follow.Watch{Ask: func(ctx context.Context) (s control.Status, err error) {
		err = a.at.look(said, func(r source) (err error) { s, err = r.Status(ctx); return err })
		said = newStreams(Invocation{Stdout: io.Discard, Stderr: io.Discard}) // where it comes from is told once
		return s, err
	}}
	terminal, isFile := a.streams.stdout.(*os.File)
	switch {
	case a.streams.json:
		w.Show = func(s control.Status, _ bool) error { return a.streams.writeJSON(s) }
	case isFile && a.streams.out.Profile > colorprofile.NoTTY:
		on := screen.New(a.streams.out, terminal)
		defer on.Close()
		w.Always, w.Show = true, func(s control.Status, _ bool) error { return on.Draw(statusText(a, s)) }
	default:
		w.Show = func(s control.Status, again bool) error {
			head := ""
			if again {
				head = "\n== " + a.now().UTC().Format(time.DateTime+" MST") + "\n"
			}
			return a.streams.write(head + statusText(a, s))
		}
	}
	return w.Run(ctx)
}

func statusText(a *app, s control.Status) string {
	return render.Width(a.streams.wide()).Status(s.Called(), a.now())
}
