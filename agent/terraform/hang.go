package terraform

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
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
	go func() {
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
				killMarked(mark)
				return
			case <-time.After(wait):
				killMarked(mark)
			}
			wait = killEvery
		}
	}()
	return func() {
		close(done)
		<-over
	}
}

// killMarked kills every process with an entry in its environment. What goes on between the look and the kill cannot hit a
// stranger: the process is held by a descriptor.
func killMarked(mark string) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil || pid == os.Getpid() {
			continue
		}
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			continue // gone
		}
		environ, err := os.ReadFile(filepath.Join(dir, "environ"))
		if err == nil && slices.ContainsFunc(bytes.Split(environ, []byte{0}), func(kv []byte) bool { return string(kv) == mark }) {
			_ = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0) // gone meanwhile is as good
		}
		_ = unix.Close(fd)
	}
}
