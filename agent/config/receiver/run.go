package receiver

import (
	"bytes"
	"context"
	"os"

	"sallyport/agent/hostcommand"
)

// Run runs the command with a text as its standard input, in an environment that is built from nothing. It is a failure if it does
// not end with 0, or not in time; said is the end of what it printed.
func (r *Receiver) Run(ctx context.Context, home string, stdin []byte) (said *hostcommand.Tail, err error) {
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home}
	for name, value := range r.Env {
		env = append(env, name+"="+value.Reveal())
	}
	return hostcommand.Command{Words: r.Command, Dir: "/", Env: env, Stdin: bytes.NewReader(stdin), Timeout: r.Timeout}.Run(ctx)
}
