package e2e

import (
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"sallyport/agent/agenttest"
	"sallyport/agent/need"
	"sallyport/agent/patience"
	"sallyport/agent/repo/gittest"
	"sallyport/configs"
	"sallyport/notify/slack/slacktest"
)

// A stop is graceful and never hangs, whatever the agent waits for in that moment.

// stopBound is far more than a stop takes and less than the time-outs of what it must not wait for.
const stopBound = 25 * time.Second

// stopWithin stops the agent as systemd does and fails if that hangs.
func (h *house) stopWithin(limit time.Duration) {
	h.t.Helper()
	h.signal(syscall.SIGTERM)
	select {
	case err := <-h.ended:
		h.ended <- err
	case <-time.After(limit):
		h.t.Fatalf("the agent does not stop within %s", limit)
	}
	if code := h.end(); code != 0 {
		h.t.Errorf("the agent's exit code after SIGTERM is %d", code)
	}
}

// systemd listens as systemd does and returns what the agent has told it so far.
func systemd(t *testing.T) (env string, told func() string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return "NOTIFY_SOCKET=" + path, func() string {
		text, buffer := "", make([]byte, 4096)
		for {
			_ = conn.SetReadDeadline(time.Now().Add(time.Second)) // for one of them: what is there is read after it as well
			n, err := conn.Read(buffer)
			if err != nil {
				return text
			}
			text += string(buffer[:n]) + "\n"
		}
	}
}

// The apply goes on, systemd and the log are told which, and further signals change nothing.
func TestStopTellsWhatGoesOn(t *testing.T) {
	t.Parallel()
	need.LongUnlessRaced(t, "it starts whole programs")
	env, told := systemd(t)
	i, s, gate := newInfra(t), newWorkspace(t), t.TempDir()
	i.Commit("Add the box", map[string]string{"box/main.tf": gated(gate)})
	h := newHouse(t, i.box()+asking(s), slackEnv, env).start()
	m := card(t, s, 1)
	s.Reply(jane, ops, m.TS, "approve")
	h.written(filepath.Join(gate, "ran"))
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGTERM} {
		h.signal(sig)
	}
	if code := h.end(); code != 0 {
		t.Errorf("its exit code is %d", code)
	}
	const words = "the apply of #1 box goes on without the agent"
	if text := told(); !has(text, "READY=1", "STOPPING=1", "STATUS=stopping; "+words) {
		t.Errorf("systemd was told:\n%s", text)
	}
	if !strings.Contains(h.Logged(), words) {
		t.Error("the log does not say what goes on")
	}
	if len(pidsBelow(h.Data("runs", "1"))) == 0 {
		t.Fatal("the apply was stopped with the agent")
	}
	open(t, gate)
	h.start()
	h.reaches("1", "applied")
	ranOnce(t, gate)
}

// A terraform that hangs, in init or in plan, and that does not listen to SIGINT, is ended; the next agent plans again.
func TestStopWhileTerraformHangs(t *testing.T) {
	t.Parallel()
	need.Long(t, "it waits for a terraform that does not listen")
	for _, verb := range []string{"init", "plan"} {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			i, gate := newInfra(t), t.TempDir()
			i.Commit("Add the box", map[string]string{"box/main.tf": thing("node", "one")})
			deaf := wrapper(t, `case " $* " in *" `+verb+` "*) if [ ! -e `+gate+`/ran ]; then
  echo ran >> `+gate+`/ran; trap "" INT; while :; do sleep 1; done; fi;; esac`)
			h := newHouse(t, i.box()+"terraform {\n  binary = \""+deaf+"\"\n}\n").start()
			h.written(filepath.Join(gate, "ran"))
			h.stopWithin(patience.Limit())
			if !strings.Contains(h.Logged(), "the plan of #1 box is interrupted") {
				t.Error("the log does not say that the plan was interrupted")
			}
			h.start()
			h.reaches("1", "planned")
		})
	}
}

// Slack does not answer: what was being sent is not lost, and not sent twice.
func TestStopWhileSlackHangs(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"chat.postMessage", "upload"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			i, s := newInfra(t), newWorkspace(t)
			i.Commit("Add the box", map[string]string{"box/main.tf": thing("node", "one")})
			s.Fail(method, 1000, slacktest.Fault{Kind: slacktest.Hang})
			h := newHouse(t, i.box()+asking(s), slackEnv).start()
			eventually(t, "something is being sent", func() (bool, any) { n := s.Calls(method); return n > 0, n })
			s.Fail("conversations.history", 1000, slacktest.Fault{Kind: slacktest.Hang})
			h.stopWithin(patience.Scaled(stopBound))
			s.Heal()
			s.Unhang()
			h.start()
			m := card(t, s, 1)
			replied(t, s, m.TS, "plan-1-")
			s.Reply(jane, ops, m.TS, "approve")
			h.reaches("1", "applied")
			if n := cards(s); n != 1 {
				t.Errorf("people were asked %d times", n)
			}
		})
	}
}

// The git server takes a request and does not answer.
func TestStopWhileGitHangs(t *testing.T) {
	t.Parallel()
	r, asked, release := gittest.NewRepo(t, "", "infra"), make(chan struct{}, 100), make(chan struct{})
	server := gittest.NewHTTP(t, r.Root(), gittest.HTTPOptions{Before: func(_ http.ResponseWriter, q *http.Request) bool {
		asked <- struct{}{}
		select {
		case <-q.Context().Done():
		case <-release:
		}
		return true
	}})
	t.Cleanup(func() { close(release) })
	r.Commit("Add the box", map[string]string{"box/main.tf": thing("node", "one")})
	i := &infra{Repo: r, t: t, server: server, tokenFile: write(t, filepath.Join(t.TempDir(), "token"), "none\n")}
	h := newHouse(t, i.box()).start()
	<-asked
	h.stopWithin(patience.Scaled(stopBound))
}

// Somebody waits for a run with --wait: they are told that the agent went away, and see the end when it is back.
func TestStopWhileSomebodyWaits(t *testing.T) {
	t.Parallel()
	i := newInfra(t)
	i.Commit("Add the box", map[string]string{"box/main.tf": thing("node", "one")})
	h := newHouse(t, i.box()).start()
	h.reaches("1", "planned")
	waiting := h.command("plan", "box", "--wait")
	said := agenttest.New(t, "")
	waiting.Stdout, waiting.Stderr = said, said
	if err := waiting.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- waiting.Wait() }()
	eventually(t, "it waits", func() (bool, any) { return strings.Contains(said.Logged(), "#2 planned"), said.Logged() })
	h.stopWithin(patience.Scaled(stopBound))
	eventually(t, "it says so", func() (bool, any) { return strings.Contains(said.Logged(), "went away"), said.Logged() })
	h.start()
	h.must("approve", "2")
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(patience.Limit()):
		t.Error("it waits for ever")
	}
	if !strings.Contains(said.Logged(), "#2 applied") {
		t.Errorf("it says\n%s", said.Logged())
	}
}

// The unit of systemd starts an agent again that crashed: a Go program that panics, and one that the watchdog ends, exit with
// a code that must not be the one after which the unit leaves it be.
func TestCrashIsStartedAgain(t *testing.T) {
	t.Parallel()
	i := newInfra(t)
	h := newHouse(t, i.box())
	stays := regexp.MustCompile(`(?m)^RestartPreventExitStatus=(.*)$`).FindStringSubmatch(configs.Unit)
	if stays == nil || !strings.Contains(configs.Unit, "\nRestart=on-failure\n") {
		t.Fatal("the unit does not say when the agent is started again")
	}
	for _, sig := range []syscall.Signal{syscall.SIGABRT, syscall.SIGQUIT} { // the watchdog's; what a fatal error of Go's ends like
		h.start().signal(sig)
		if code := h.end(); code == 0 || slices.Contains(strings.Fields(stays[1]), fmt.Sprint(code)) {
			t.Errorf("after %s the exit code is %d, and the unit does not start the agent again after %s", sig, code, stays[1])
		}
	}
	if r := h.try("agent", "--nonsense"); !slices.Contains(strings.Fields(stays[1]), fmt.Sprint(r.code)) {
		t.Errorf("a command line that is not understood exits with %d, and the unit would start it again for ever", r.code)
	}
}
