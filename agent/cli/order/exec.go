package order

import (
	"bytes"
	"context"

	"github.com/spf13/cobra"

	"sallyport/agent/cli/call"
	"sallyport/agent/cli/screen"
	"sallyport/agent/control"
)

// executed is the result of exec for machines.
type executed struct {
	ExitCode int    `json:"exit_code"`
	Stdout   string `json:"stdout"`
	Stderr   string `json:"stderr"`
}

func newExecCommand(a *call.Call) *cobra.Command {
	var commit string
	c := &cobra.Command{
		Use:   "exec STACK -- COMMAND [ARGS...], with [--commit SHA] before STACK",
		Short: "Run terraform state, output, import and the like in a stack",
		Long: "Run a command of terraform's in a stack: its own binary, variables, credentials, backend and workspace, at the applied\n" +
			"commit. The agent runs it and keeps a record; nothing of the stack is planned or applied meanwhile. It ends with\n" +
			"terraform's exit code. Where no apply of that commit was approved (it had nothing to do, another name of the stack had\n" +
			"applied it, or nothing was applied) nobody has approved the files: to change the state with what only applies get takes\n" +
			"--commit with the commit that you have looked at.\n\n" +
			"  sallyport exec ghe -- state list\n" +
			"  sallyport exec ghe -- state mv aws_instance.a aws_instance.b\n" +
			"  sallyport exec ghe -- import aws_ebs_volume.data vol-0123456789\n" +
			"  sallyport exec ghe -- state pull > ghe.tfstate",
		Args: call.Between(2, call.Unlimited),
		RunE: func(c *cobra.Command, args []string) error {
			ctx, stop := call.Interruptible(c)
			defer stop()
			command := args[1:]
			if command[0] == "--" {
				command = command[1:]
			}
			if len(command) == 0 {
				return call.Between(2, call.Unlimited)(c, args[:1])
			}
			context.AfterFunc(ctx, stop) // a second Ctrl-C does not wait for terraform
			return execute(ctx, a.Streams, a.At, control.ExecRequest{Stack: args[0], Args: command, Commit: commit})
		},
	}
	c.Flags().StringVar(&commit, "commit", "", "the `SHA` that you have looked at: refused if the command would run at another one")
	c.Flags().SetInterspersed(false) // what follows belongs to terraform
	return c
}

func execute(ctx context.Context, s *call.Streams, at *call.Installation, r control.ExecRequest) error {
	client, err := at.Client()
	if err != nil {
		return err
	}
	defer client.Close()
	var stdout, stderr bytes.Buffer
	terraform := control.Streams{Stdin: s.Stdin, Stdout: screen.Clean(s.Stdout), Stderr: screen.Clean(s.Stderr)}
	if terraform.Stdin == nil {
		terraform.Stdin = bytes.NewReader(nil)
	}
	if s.JSON {
		terraform.Stdout, terraform.Stderr = &stdout, &stderr
	}
	code, err := client.Exec(ctx, r, terraform)
	if err != nil {
		return err
	}
	if s.JSON {
		if err := s.WriteJSON(executed{code, stdout.String(), stderr.String()}); err != nil {
			return err
		}
	}
	if code != call.ExitDone {
		return call.ExitCode(code)
	}
	return nil
}
