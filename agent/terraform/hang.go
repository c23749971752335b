package terraform

import (
	"context"
	"os/exec"
	"slices"
	"strings"
	"time"

	"sallyport/agent/asuser"
	"sallyport/agent/contain"
	"sallyport/agent/proc"
)

// killEvery is how often what does not die is looked for again.
const killEvery = 500 * time.Millisecond

// guard ends what is left of an operation whose context has ended. Killing terraform is not enough: as long as anything that
// it started holds its output open, reading that output does not end, and neither would the plan, ever. The returned
// function is to be called when the operation has ended; after a cancelled one it also ends what lives on.
//
// Whatever terraform starts is known by the TMPDIR in its environment, which no other plan has: that finds a process in a
// session or group of its own, too.
func (s *session) guard(ctx context.Context, env []string) func() {
	i := slices.IndexFunc(env, func(kv string) bool { return strings.HasPrefix(kv, "TMPDIR=/") })
	if i < 0 {
		return func() {}
	}
	mark := env[i]
	done, over := make(chan struct{}), make(chan struct{})
	var helper contain.Carrier
	helper.Go("guarding terraform", func() {
		defer close(over)
		select {
		case <-done:
			return
		case <-ctx.Done():
		}
		wait := s.grace + killEvery // terraform itself gets its SIGKILL in between
		for {
			select {
			case <-done:
				s.kill(mark)
				return
			case <-time.After(wait):
				s.kill(mark)
			}
			wait = killEvery
		}
	})
	return func() {
		close(done)
		<-over
		helper.Deliver()
	}
}

// kill kills every process with an entry in its environment. Only their own user may see it.
func (s *session) kill(mark string) {
	if s.user == nil {
		proc.KillMarked(mark)
		return
	}
	if s.user.Exclusive {
		_ = s.user.End() // it is tried again, or too late
		return
	}
	_ = s.user.Raise(func() error { // it is tried again, or too late
		cmd := exec.Command(asuser.Executable)
		cmd.Env = []string{s.user.Environ(asuser.Program{Kill: mark})}
		return cmd.Run()
	})
}
