package order

import (
	"github.com/spf13/cobra"

	"sallyport/agent/cli/call"
	"sallyport/agent/control"
)

func newRecoverCommand(a *call.Call) *cobra.Command {
	return startCommand(a, control.StartRequest{Applied: true}, "recover STACK [--replace ADDRESS]... [--target ADDRESS]... [--refresh-only] [--reason TEXT] [--wait]",
		"Start a run at the applied commit: bring back what is gone, nothing new")
}
