package standbytest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"sallyport/agent/patience"
)

// order is what the member's program wants to know; its own words for it are in its source, which no test may import.
type order struct {
	Name    string `json:"name"`
	Peer    string `json:"peer"`
	Client  string `json:"client"`
	Known   string `json:"known"`
	Cluster string `json:"cluster"`
	Address string `json:"address"`
}

// flags are the same for a program that is not ours.
func (o order) flags() []string {
	return []string{
		"--name", o.Name, "--data-dir", "data", "--initial-cluster", o.Cluster, "--initial-advertise-peer-urls", o.Known,
		"--listen-peer-urls", o.Peer, "--listen-client-urls", o.Client, "--advertise-client-urls", o.Address,
		"--logger", "zap", "--log-outputs", "stderr", "--log-level", "warn", "--auto-compaction-mode", "periodic", "--auto-compaction-retention", "1h",
	}
}

// member is one member of a cluster, running or not.
type member struct {
	program string
	flags   []string // nil: it is ours, and reads its order
	dir     string
	order   order

	cmd   *exec.Cmd     // nil: it does not run
	stdin io.Closer     // the member ends when this does, which it does with the test at the latest
	ended chan struct{} // closed when it has
}

// start starts the member. It does not wait until it serves, for which it may need others.
func (m *member) start() error {
	if m.cmd != nil {
		return fmt.Errorf("etcd %s runs already", m.order.Name)
	}
	orders, err := json.Marshal(m.order)
	if err != nil {
		return fmt.Errorf("telling etcd %s what to do: %w", m.order.Name, err)
	}
	said, err := os.OpenFile(m.saidPath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("starting etcd %s: %w", m.order.Name, err)
	}
	defer said.Close()
	cmd := exec.Command(m.program, m.flags...)
	cmd.Dir, cmd.Stderr = m.dir, said
	cmd.Env = append(os.Environ(), "NO_PROXY=*", "no_proxy=*") // what it finds in its directory is not to be had elsewhere
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("starting etcd %s: %w", m.order.Name, err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("starting etcd %s: %w", m.order.Name, err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting etcd %s: %w", m.order.Name, err)
	}
	m.cmd, m.stdin, m.ended = cmd, stdin, make(chan struct{})
	go func(ended chan<- struct{}) {
		_, _ = io.Copy(io.Discard, stdout)
		close(ended)
	}(m.ended)
	if _, err := stdin.Write(append(orders, '\n')); err != nil && m.flags == nil {
		return errors.Join(fmt.Errorf("telling etcd %s what to do: %w", m.order.Name, err), m.kill())
	}
	return nil
}

// serves waits until a member that was started serves: it knows who leads, and answers.
func (m *member) serves() error {
	if m.cmd == nil {
		return fmt.Errorf("etcd %s does not run", m.order.Name)
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(m.dir, users))
	}
	client := &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}, Timeout: 2 * time.Second}
	late := time.NewTimer(patience.Limit())
	defer late.Stop()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		if healthy(client) {
			return nil
		}
		select {
		case <-again.C:
		case <-m.ended:
			return fmt.Errorf("etcd %s ended before it served:\n%s", m.order.Name, m.said())
		case <-late.C:
			return fmt.Errorf("etcd %s does not serve:\n%s", m.order.Name, m.said())
		}
	}
}

func healthy(client *http.Client) bool {
	answer, err := client.Get("http://etcd/health")
	if err != nil {
		return false
	}
	_ = answer.Body.Close() // its status says it all
	return answer.StatusCode == http.StatusOK
}

// kill ends the member as a failing machine does. One that has ended by itself is an error.
func (m *member) kill() error {
	if m.cmd == nil {
		return nil
	}
	_ = m.cmd.Process.Kill() // it may have ended, which its state says below
	err := m.cmd.Wait()
	_ = m.stdin.Close()
	m.cmd = nil
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signal() == syscall.SIGKILL {
			return nil
		}
	}
	return fmt.Errorf("etcd %s ended by itself (%w):\n%s", m.order.Name, err, m.said())
}

func (m *member) halt() error   { return m.signal(syscall.SIGSTOP) }
func (m *member) resume() error { return m.signal(syscall.SIGCONT) }

func (m *member) signal(s syscall.Signal) error {
	if m.cmd == nil {
		return fmt.Errorf("etcd %s does not run", m.order.Name)
	}
	if err := m.cmd.Process.Signal(s); err != nil {
		return fmt.Errorf("sending %s to etcd %s: %w", s, m.order.Name, err)
	}
	return nil
}

func (m *member) saidPath() string { return filepath.Join(m.dir, "said") }

// said is the end of what the member has written to standard error.
func (m *member) said() string {
	raw, err := os.ReadFile(m.saidPath())
	if err != nil {
		return err.Error()
	}
	return string(raw[max(0, len(raw)-16<<10):])
}
