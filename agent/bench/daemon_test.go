package bench

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/agent/control"
)

// daemon is an agent as a process of its own, started as systemd would.
type daemon struct {
	tb     testing.TB
	dir    string // of configuration, data directory and socket
	client *control.Client

	cmd    *exec.Cmd
	notify *net.UnixConn // where it says that it is ready

	mu  sync.Mutex
	log bytes.Buffer
}

func newDaemon(tb testing.TB, dir string) *daemon {
	tb.Helper()
	d := &daemon{tb: tb, dir: dir, client: control.NewClient(filepath.Join(dir, "s.sock"))}
	address := &net.UnixAddr{Name: filepath.Join(shortDir(tb), "n.sock"), Net: "unixgram"}
	var err error
	d.notify, err = net.ListenUnixgram("unixgram", address)
	must(tb, err)
	tb.Cleanup(func() {
		d.kill()
		d.client.Close()
		_ = d.notify.Close()
		if tb.Failed() {
			tb.Logf("the agent's log:\n%s", d.log.String())
		}
	})
	return d
}

// Write makes a daemon its log's writer.
func (d *daemon) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.log.Write(p)
}

// command is a call of the binary on this installation, with an environment made from nothing.
func (d *daemon) command(args ...string) *exec.Cmd {
	cmd := exec.Command(binary(d.tb), args...)
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + d.dir, "TMPDIR=" + os.TempDir(), "LANG=C.UTF-8",
		"SALLYPORT_CONFIG=" + filepath.Join(d.dir, "sallyport.hcl"), "NOTIFY_SOCKET=" + d.notify.LocalAddr().String(),
	}
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
	d.eventually("the repository is polled", func(s control.Status) bool {
		return len(s.Stacks) == manyStacks && s.Repositories[0].PolledAt != nil && s.Repositories[0].PolledAt.After(since)
	})
}

func (d *daemon) eventually(what string, want func(control.Status) bool) control.Status {
	d.tb.Helper()
	return (&house{tb: d.tb, client: d.client}).eventually(what, want)
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
