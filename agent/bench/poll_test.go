package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sallyport/agent/repo/gittest"
)

// Polls in one operation, so that few operations give a steady figure.
const (
	pollsPerTurn    = 20
	gitPollsPerTurn = 3
)

// BenchmarkPoll is a poll that finds nothing new: what the agent does all day. One operation is several polls; all metrics
// are per poll. cpu-ms/poll is the processor time of the client alone, B-up and B-down what went through the socket
// (handshakes included where each poll makes one), and a process started by the agent's poll fails the benchmark.
// Its first twenty polls, with the connection's handshake, are not counted.
func BenchmarkPoll(b *testing.B) {
	for _, refs := range []int{2, 10_002} {
		b.Run(fmt.Sprintf("https/%drefs", refs), func(b *testing.B) { pollHTTPS(b, refs) })
	}
	for _, refs := range []int{2, 10_002} {
		b.Run(fmt.Sprintf("ssh/%drefs", refs), func(b *testing.B) { pollSSH(b, refs) })
	}
}

// withRefs is a repository with that many references: HEAD, main and pull requests.
func withRefs(b *testing.B, refs int) *gittest.Repo {
	b.Helper()
	r := gittest.NewRepo(b, "", "infra")
	head := r.Commit("first", map[string]string{"main.tf": "# nothing\n"})
	if refs == 2 {
		return r
	}
	var packed strings.Builder
	packed.WriteString("# pack-refs with: peeled fully-peeled sorted \n" + head + " refs/heads/main\n")
	names := make([]string, 0, refs)
	for n := range refs - 2 {
		names = append(names, fmt.Sprintf("refs/pull/%06d/head", n)) // sorted as git wants them
	}
	for _, name := range names {
		packed.WriteString(head + " " + name + "\n")
	}
	must(b, os.WriteFile(filepath.Join(r.Bare, "packed-refs"), []byte(packed.String()), 0o644))
	must(b, os.Remove(filepath.Join(r.Bare, "refs", "heads", "main")))
	return r
}

func pollHTTPS(b *testing.B, refs int) {
	r := withRefs(b, refs)
	h := gittest.NewHTTP(b, r.Root(), gittest.HTTPOptions{})
	wire := gittest.NewProxy(b, h.Addr)
	url := "https://" + wire.Addr + "/" + r.Name
	b.Run("sallyport", func(b *testing.B) {
		m := meter{wire: wire, trips: h.Requests, conns: h.Conns}
		m.agent(b, place{URL: url, CAFile: h.CAFile}, r.Head())
	})
	b.Run("git", func(b *testing.B) {
		m := meter{wire: wire, trips: h.Requests, conns: h.Conns}
		m.git(b, "GIT_SSL_CAINFO="+h.CAFile, url, r.Head())
	})
}

func pollSSH(b *testing.B, refs int) {
	r := withRefs(b, refs)
	s := gittest.NewSSHD(b, gittest.SSHDOptions{})
	b.Run("sallyport", func(b *testing.B) {
		m := meter{wire: s.Proxy, conns: s.Connections}
		m.agent(b, place{URL: s.URL(r.Bare), SSHKeyFile: s.KeyFile, KnownHostsFile: s.KnownHostsFile}, r.Head())
	})
	b.Run("git", func(b *testing.B) {
		m := meter{wire: s.Proxy, conns: s.Connections}
		ssh := fmt.Sprintf("GIT_SSH_COMMAND=ssh -F none -i %s -o UserKnownHostsFile=%s -o IdentitiesOnly=yes -o BatchMode=yes", s.KeyFile, s.KnownHostsFile)
		m.git(b, ssh, s.URL(r.Bare), r.Head())
	})
}

// meter counts what polls use.
type meter struct {
	wire  *gittest.Proxy
	trips func() int // requests; nil where the server counts none
	conns func() int
}

// run does the polls of a benchmark. one does n of them and returns the processor time.
func (m meter) run(b *testing.B, turn int, one func(n int) time.Duration) {
	up, down, conns, trips := m.wire.Up(), m.wire.Down(), m.conns(), 0
	if m.trips != nil {
		trips = m.trips()
	}
	var cpu time.Duration
	polls := 0
	start := time.Now()
	for b.Loop() {
		cpu += one(turn)
		polls += turn
	}
	per := func(n float64, unit string) { b.ReportMetric(n/float64(polls), unit+"/poll") }
	per(ms(time.Since(start)), "ms")
	per(ms(cpu), "cpu-ms") // of the agent's: below 1
	per(float64(m.wire.Up()-up), "B-up")
	per(float64(m.wire.Down()-down), "B-down")
	per(float64(m.conns()-conns), "conns")
	if m.trips != nil {
		per(float64(m.trips()-trips), "requests")
	}
	noTime(b)
}

func (m meter) agent(b *testing.B, at place, head string) {
	p := newPoller(b, at)
	p.poll(pollsPerTurn, head)
	m.run(b, pollsPerTurn, func(n int) time.Duration { return p.poll(n, head).CPU })
}

// git asks with git's own client for the same one branch. --heads makes it ask for branches only, which is the best that it
// can do: a pattern alone filters what has come already.
func (m meter) git(b *testing.B, env, url, head string) {
	m.run(b, gitPollsPerTurn, func(n int) time.Duration {
		var cpu time.Duration
		for range n {
			cmd := exec.Command("git", "ls-remote", "--heads", url, "refs/heads/main")
			cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + b.TempDir(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_TERMINAL_PROMPT=0", env}
			out, err := cmd.Output()
			if err != nil || !strings.HasPrefix(string(out), head+"\t") {
				b.Fatalf("git ls-remote: %v\n%s", err, out)
			}
			cpu += processorTime(*cmd.ProcessState.SysUsage().(*syscall.Rusage)) // and that of its helpers
		}
		return cpu
	})
}
