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

// Polls in one turn, so that few turns give a steady figure.
const (
	pollsPerTurn    = 20
	gitPollsPerTurn = 3
)

// BenchmarkPoll is a poll that finds nothing new: what the agent does all day. One operation is several turns of polls by the agent
// and by git; all metrics are per poll, git's with git- in front. cpu-ms is the processor time of the client alone, B-up and
// B-down what went through the socket (handshakes included where each poll makes one), and a process started by the
// agent's poll fails the benchmark. Its first twenty polls, with the connection's handshake, are not counted.
func BenchmarkPoll(b *testing.B) {
	for _, refs := range []int{2, 10_002} {
		b.Run(fmt.Sprintf("https/%drefs", refs), func(b *testing.B) { pollHTTPS(b, pollRow(b, "https", refs), refs) })
	}
	for _, refs := range []int{2, 10_002} {
		b.Run(fmt.Sprintf("ssh/%drefs", refs), func(b *testing.B) { pollSSH(b, pollRow(b, "ssh", refs), refs) })
	}
}

// pollRow is a row of the table: the processor time of one poll.
func pollRow(b *testing.B, way string, refs int) *row {
	b.Helper()
	return begin(b, partPoll, fmt.Sprintf("poll that finds nothing, %s, %s refs, CPU", way, commas(refs)), "ms", atMost(0.6))
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

func pollHTTPS(b *testing.B, entry *row, refs int) {
	r := withRefs(b, refs)
	h := gittest.NewHTTP(b, r.Root(), gittest.HTTPOptions{})
	wire := gittest.NewProxy(b, h.Addr)
	m := meter{wire: wire, trips: h.Requests, conns: h.Conns}
	at := place{URL: "https://" + wire.Addr + "/" + r.Name, CAFile: h.CAFile}
	m.duel(b, entry, at, "GIT_SSL_CAINFO="+h.CAFile, r.Head())
}

func pollSSH(b *testing.B, entry *row, refs int) {
	r := withRefs(b, refs)
	s := gittest.NewSSHD(b, gittest.SSHDOptions{})
	m := meter{wire: s.Proxy, conns: s.Connections}
	at := place{URL: s.URL(r.Bare), SSHKeyFile: s.KeyFile, KnownHostsFile: s.KnownHostsFile}
	ssh := fmt.Sprintf("GIT_SSH_COMMAND=ssh -F none -i %s -o UserKnownHostsFile=%s -o IdentitiesOnly=yes -o BatchMode=yes", s.KeyFile, s.KnownHostsFile)
	m.duel(b, entry, at, ssh, r.Head())
}

// meter reads the counters of a server and of the wire before it. A nil one counts nothing.
type meter struct {
	wire  *gittest.Proxy
	trips func() int // requests
	conns func() int
}

func (m meter) read() (up, down, conns, trips float64) {
	if m.wire != nil {
		up, down = float64(m.wire.Up()), float64(m.wire.Down())
	}
	if m.conns != nil {
		conns = float64(m.conns())
	}
	if m.trips != nil {
		trips = float64(m.trips())
	}
	return up, down, conns, trips
}

// polls is what the polls of one client used.
type polls struct {
	n                      int
	wall                   time.Duration
	cpu                    samples // of one poll, in each turn
	up, down, conns, trips float64
}

// turn lets a client poll n times. one does it and returns its processor time.
func (p *polls) turn(m meter, n int, one func(n int) time.Duration) {
	up, down, conns, trips := m.read()
	start := time.Now()
	p.cpu.add(one(n) / time.Duration(n))
	p.wall += time.Since(start)
	p.n += n
	up1, down1, conns1, trips1 := m.read()
	p.up, p.down, p.conns, p.trips = p.up+up1-up, p.down+down1-down, p.conns+conns1-conns, p.trips+trips1-trips
}

func (p *polls) report(b *testing.B, m meter, prefix string) {
	b.Helper()
	per := func(n float64, unit string) { b.ReportMetric(n/float64(p.n), prefix+unit) }
	per(ms(p.wall), "ms")
	b.ReportMetric(ms(p.cpu.median()), prefix+"cpu-ms")
	if m.wire != nil {
		per(p.up, "B-up")
		per(p.down, "B-down")
		per(p.conns, "conns")
	}
	if m.trips != nil {
		per(p.trips, "requests")
	}
}

// duel polls with the agent and with git, in turns. gitEnv is a variable that git needs to get there.
func (m meter) duel(b *testing.B, entry *row, at place, gitEnv, head string) {
	agent := newPoller(b, at)
	agent.poll(pollsPerTurn, head)
	var own, git polls
	for b.Loop() {
		for range turns.get() {
			own.turn(m, pollsPerTurn, func(n int) time.Duration { return agent.poll(n, head).CPU })
			git.turn(m, gitPollsPerTurn, func(n int) time.Duration { return gitPolls(b, n, gitEnv, at.URL, head) })
		}
	}
	entry.inTurns(own.cpu, "git ls-remote", git.cpu)
	own.report(b, m, "")
	git.report(b, m, "git-")
	noTime(b)
}

// gitPolls asks with git's own client for the same one branch. --heads makes it ask for branches only, which is the best that it
// can do: a pattern alone filters what has come already.
func gitPolls(b *testing.B, n int, env, url, head string) time.Duration {
	b.Helper()
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
}
