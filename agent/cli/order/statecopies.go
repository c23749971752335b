package order

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"sallyport/agent/cli/call"
	"sallyport/agent/cli/render"
	"sallyport/agent/control"
)

func newStateListCommand(a *call.Call) *cobra.Command {
	return &cobra.Command{
		Use:                   "list STACK",
		Short:                 "List the kept copies of a stack's state, newest first",
		Args:                  call.Between(1, 1),
		DisableFlagsInUseLine: true,
		RunE: func(c *cobra.Command, args []string) error {
			return a.At.Look(a.Streams, func(r call.Source) error {
				copies, err := r.States(c.Context(), args[0])
				if err != nil {
					return err
				}
				if a.Streams.JSON {
					return a.Streams.WriteJSON(copies)
				}
				if len(copies) == 0 {
					a.Streams.Talk("sallyport: no copy of the state of %s is kept yet; one is made before each apply", args[0])
					return nil
				}
				return a.Streams.Write(render.Width(a.Streams.Wide()).StateCopies(copies, a.Now()))
			})
		},
	}
}

func newStateRestoreCommand(a *call.Call) *cobra.Command {
	yes := false
	c := &cobra.Command{
		Use:   "restore STACK SERIAL|NAME [--yes]",
		Short: "Make a kept copy the state of a stack again",
		Long: "Make a kept copy the state of a stack again, in the stack's own backend. What it replaces is kept first, so that it can\n" +
			"be taken back. Nothing that the state describes is touched: plan the stack to see what differs.",
		Args:                  call.Between(2, 2),
		DisableFlagsInUseLine: true,
		RunE: func(c *cobra.Command, args []string) error {
			if !yes {
				if err := a.Streams.Confirm("This replaces the state of "+args[0]+" by the copy "+args[1]+".", "restore "+args[0]); err != nil {
					return err
				}
			}
			client, err := a.At.Client()
			if err != nil {
				return err
			}
			defer client.Close()
			done, err := client.RestoreState(c.Context(), control.RestoreStateRequest{Stack: args[0], Ref: args[1]})
			if err != nil {
				return err
			}
			return a.Streams.Result(repaired{done.Message}, "%s", done.Message)
		},
	}
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return c
}

func newStateMigrateCommand(a *call.Call) *cobra.Command {
	yes, from, commit := false, "", ""
	c := &cobra.Command{
		Use:   "migrate STACK [--from FILE] [--commit SHA] [--yes]",
		Short: "Bring the state of a stack to where the configuration says now that it is",
		Long: "Bring the state of a stack to where the branch's newest commit says that it is, after that has named another backend. It is\n" +
			"copied from where the agent keeps it, or from the backend in FILE, a terraform block as it was before. Nothing may be where\n" +
			"it goes. It is done only if a plan there finds nothing to do; else both places stay as they were. A copy is kept.\n" +
			"--from takes root: a backend can run programs. Where applies get secrets of their own, --commit names the newest commit, which\n" +
			"gets them before anybody has approved it.",
		Args:                  call.Between(1, 1),
		DisableFlagsInUseLine: true,
		RunE: func(c *cobra.Command, args []string) error {
			r := control.MigrateStateRequest{Stack: args[0], Commit: commit}
			if from != "" {
				text, err := os.ReadFile(from)
				if err != nil {
					return fmt.Errorf("reading the backend of before: %w", err)
				}
				r.From = string(text)
			}
			if !yes {
				if err := a.Streams.Confirm("This writes the state of "+args[0]+" to the backend of the branch's newest commit.", "migrate "+args[0]); err != nil {
					return err
				}
			}
			client, err := a.At.Client()
			if err != nil {
				return err
			}
			defer client.Close()
			done, err := client.MigrateState(c.Context(), r)
			if err != nil {
				return err
			}
			return a.Streams.Result(repaired{done.Message}, "%s", done.Message)
		},
	}
	c.Flags().StringVar(&commit, "commit", "", "the `SHA` that you have looked at: refused if another one is the newest")
	c.Flags().StringVar(&from, "from", "", "a `file` with the terraform block of before, with its backend")
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return c
}
