package cli

import (
	"fmt"
	"strconv"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"sallyport/agent/control"
)

func newStateListCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:                   "list STACK",
		Short:                 "List the kept copies of a stack's state, newest first",
		Args:                  between(1, 1),
		DisableFlagsInUseLine: true,
		RunE: func(c *cobra.Command, args []string) error {
			return a.look(func(r source) error {
				copies, err := r.States(c.Context(), args[0])
				if err != nil {
					return err
				}
				if a.json {
					return a.writeJSON(copies)
				}
				if len(copies) == 0 {
					a.talk("sallyport: no copy of the state of %s is kept yet; one is made before each apply", args[0])
					return nil
				}
				return a.write(a.copiesTable(copies))
			})
		},
	}
}

func (a *app) copiesTable(copies []control.StateCopy) string {
	var rows [][]string
	for _, c := range copies {
		from := "before a restore or a command"
		if c.Run != 0 {
			from = fmt.Sprintf("before the apply of #%d", c.Run)
		}
		rows = append(rows, []string{c.Name, strconv.FormatInt(c.Serial, 10), a.ago(&c.At), strconv.Itoa(c.Resources), humanize.IBytes(uint64(max(0, c.Bytes))), from})
	}
	return columns([]string{"NAME", "SERIAL", "KEPT", "RESOURCES", "SIZE", "FROM"}, rows, func(int, int) style { return plain })
}

func newStateRestoreCommand(a *app) *cobra.Command {
	yes := false
	c := &cobra.Command{
		Use:   "restore STACK SERIAL|NAME [--yes]",
		Short: "Make a kept copy the state of a stack again",
		Long: "Make a kept copy the state of a stack again, in the stack's own backend. What it replaces is kept first, so that it can\n" +
			"be taken back. Nothing that the state describes is touched: plan the stack to see what differs.",
		Args:                  between(2, 2),
		DisableFlagsInUseLine: true,
		RunE: func(c *cobra.Command, args []string) error {
			if err := a.confirm(yes, "This replaces the state of "+args[0]+" by the copy "+args[1]+".", "restore "+args[0]); err != nil {
				return err
			}
			client, err := a.client()
			if err != nil {
				return err
			}
			defer client.Close()
			done, err := client.RestoreState(c.Context(), control.RestoreStateRequest{Stack: args[0], Ref: args[1]})
			if err != nil {
				return err
			}
			return a.result(repaired{done.Message}, "%s", done.Message)
		},
	}
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return c
}

// confirm lets a person type words before something that is hard to take back. Nobody is asked where nobody can answer: a
// script that means it says --yes.
func (a *app) confirm(yes bool, what, words string) error {
	if yes {
		return nil
	}
	if !a.asks() {
		return &usageError{"this has to be confirmed, and nobody is at a terminal", "say --yes if it is meant"}
	}
	typed, err := a.ask(what + " To go on, type: " + words + "\n")
	if err != nil || typed != words {
		return control.Errorf(control.Refused, "not confirmed; nothing was done")
	}
	return nil
}
