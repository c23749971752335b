package bench

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"sallyport/agent/agenttest"
	"sallyport/agent/control"
)

// daemon is an installation whose agent is a process of its own, started as systemd would.
type daemon struct {
	*agenttest.Installation
	tb testing.TB

	cmd    *exec.Cmd
	notify *net.UnixConn // where it says that it is ready
}

func newDaemon(tb testing.TB, i *agenttest.Installation) *daemon {
	tb.Helper()
	d := &daemon{Installation: i, tb: tb}
	var err error
	d.notify, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: i.Path("n.sock"), Net: "unixgram"})
	must(tb, err)
	tb.Cleanup(func() {
		d.kill()
		_ = d.notify.Close()
	})
	return d
}

func (d *daemon) command(args ...string) *exec.Cmd {
	cmd := d.Command(binary(d.tb), args...)
	cmd.Env = append(cmd.Env, "TMPDIR="+os.TempDir(), "NOTIFY_SOCKET="+d.notify.LocalAddr().String())
	return cmd
}

// start starts the agent and waits until it says that it is ready.
func (d *daemon) start() {
	d.tb.Helper()
	d.cmd = d.command("agent")
	d.cmd.Stdout, d.cmd.Stderr = d, d
	must(d.tb, d.cmd.Start())
	must(d.tb, d.notify.SetReadDeadline(time.Now().Add(patience)))
	buffer := make([]byte, 512)
	for {
		n, err := d.notify.Read(buffer)
		if err != nil {
			d.tb.Fatalf("the agent does not say that it is ready: %v", err)
		}
		if strings.Contains(string(buffer[:n]), "READY=1") {
			return
		}
	}
}

// kill ends the agent as a crash does; it may be called again.
func (d *daemon) kill() {
	if d.cmd == nil {
		return
	}
	_ = d.cmd.Process.Kill()
	_ = d.cmd.Wait() // an error: it was killed
	d.cmd = nil
}

// rest waits until the repository was read since a time and all stacks were found in it.
func (d *daemon) rest(since time.Time) {
	d.tb.Helper()
	d.Eventually("the repository is polled", func(s control.Status) bool {
		return len(s.Stacks) == manyStacks && s.Repositories[0].PolledAt != nil && s.Repositories[0].PolledAt.After(since)
	})
}

// memory is what /proc/PID/status says of the agent, in MB: VmRSS, RssAnon, VmHWM.
func (d *daemon) memory(name string) float64 {
	d.tb.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", d.cmd.Process.Pid))
	must(d.tb, err)
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			kb, err := strconv.ParseFloat(strings.Fields(value)[0], 64)
			must(d.tb, err)
			return kb * 1024 / 1e6
		}
	}
	d.tb.Fatalf("/proc has no %s", name)
	return 0
}

// processorTime is what all threads of the agent have used. /proc/PID/stat counts in hundredths of a second, in which an
// idle agent uses none at all.
func (d *daemon) processorTime() time.Duration {
	d.tb.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", d.cmd.Process.Pid))
	must(d.tb, err)
	var total time.Duration
	for _, file := range files {
		text, err := os.ReadFile(file)
		must(d.tb, err)
		ns, err := strconv.ParseInt(strings.Fields(string(text))[0], 10, 64)
		must(d.tb, err)
		total += time.Duration(ns)
	}
	return total
}
