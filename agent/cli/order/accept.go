package order

import (
	"github.com/spf13/cobra"

	"sallyport/agent/cli/call"
	"sallyport/agent/control"
	"sallyport/notify/words"
)

// accepted is the result of accept for machines.
type accepted struct {
	Repository string `json:"repository"`
	Commit     string `json:"commit"`
	Accepted   bool   `json:"accepted"`
}

func newAcceptCommand(a *call.Call) *cobra.Command {
	return &cobra.Command{
		Use:   "accept REPOSITORY COMMIT",
		Short: "Take a branch whose history was rewritten",
		Args:  call.Between(2, 2),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := a.At.Client()
			if err != nil {
				return err
			}
			defer client.Close()
			r := control.AcceptRequest{Repository: args[0], Commit: args[1]}
			if err := client.Accept(c.Context(), r); err != nil {
				return err
			}
			return a.Streams.Result(accepted{r.Repository, r.Commit, true}, "%s now goes on from %s", r.Repository, words.Short(r.Commit))
		},
	}
}
