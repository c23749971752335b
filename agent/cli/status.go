package cli

import (
	"context"
	"io"
	"os"
	"time"

	"github.com/charmbracelet/colorprofile"
	"github.com/spf13/cobra"

	"sallyport/agent/cli/call"
	"sallyport/agent/cli/follow"
	"sallyport/agent/cli/render"
	"sallyport/agent/cli/screen"
	"sallyport/agent/control"
)

func newStatusCommand(a *call.Call) *cobra.Command {
	watch := false
	c := &cobra.Command{
		Use:   "status [--watch]",
		Short: "Show repositories, stacks, and what waits for whom",
		Long: "Show repositories, stacks, and what waits for whom. With --watch it is drawn again whenever something changes, until Ctrl-C; where\n" +
			"there is no terminal to draw on it is printed again.",
		Args: call.Between(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			if watch {
				ctx, stop := call.Interruptible(c)
				defer stop()
				return watchStatus(ctx, a)
			}
			return a.At.Look(a.Streams, func(r call.Source) error {
				s, err := r.Status(c.Context())
				if err != nil {
					return err
				}
				if s.Agent.Running {
					a.CompareVersions(s.Agent.Version) // an older agent does not say it with each answer
				}
				if a.Streams.JSON {
					return a.Streams.WriteJSON(s)
				}
				return a.Streams.Write(statusText(a, s))
			})
		},
	}
	c.Flags().BoolVar(&watch, "watch", false, "show it again whenever something changes")
	return c
}

// watchStatus shows the status until ctx ends: on a terminal in the place of the one before, elsewhere whenever it is another one.
func watchStatus(ctx context.Context, a *call.Call) error {
	said := a.Streams
	w := follow.Watch{Ask: func(ctx context.Context) (s control.Status, err error) {
		err = a.At.Look(said, func(r call.Source) (err error) { s, err = r.Status(ctx); return err })
		said = call.NewStreams(Invocation{Stdout: io.Discard, Stderr: io.Discard}) // where it comes from is told once
		return s, err
	}}
	terminal, isFile := a.Streams.Stdout.(*os.File)
	switch {
	case a.Streams.JSON:
		w.Show = func(s control.Status, _ bool) error { return a.Streams.WriteJSON(s) }
	case isFile && a.Streams.Out.Profile > colorprofile.NoTTY:
		on := screen.New(a.Streams.Out, terminal)
		defer on.Close()
		w.Always, w.Show = true, func(s control.Status, _ bool) error { return on.Draw(statusText(a, s)) }
	default:
		w.Show = func(s control.Status, again bool) error {
			head := ""
			if again {
				head = "\n== " + a.Now().Format(time.DateTime+" MST") + "\n"
			}
			return a.Streams.Write(head + statusText(a, s))
		}
	}
	return w.Run(ctx)
}

func statusText(a *call.Call, s control.Status) string {
	return render.Width(a.Streams.Wide()).Status(s.Called(), a.Now())
}
