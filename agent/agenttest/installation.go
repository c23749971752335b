// Package agenttest is one installation of sallyport for tests and benchmarks of whole agents: a directory with a
// configuration, a data directory and a socket; what agents that run on it have logged and told; and the questions that
// everybody asks at the socket. An agent runs on it in the test's process ([Installation.Start]) or in one of its own
// ([Installation.Command]), and may end and start as often as the test likes.
//
// Whatever waits, waits for an event where there is one, and gives up only where something hangs: see package patience.
package agenttest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"sallyport/agent/config"
	"sallyport/agent/control/socket"
	"sallyport/agent/patience"
)

// Installation is one. It is the writer of its agents' log.
type Installation struct {
	T      testing.TB
	Dir    string // short, since a socket's path has a limit
	Body   string // the configuration but for data_dir and socket; an agent reads what it is now when it starts or reloads
	Client *socket.Client

	mu      sync.Mutex
	log     bytes.Buffer
	notices []Notice
	told    chan struct{} // closed and replaced at each notice
}

// Notice is something that an agent without Slack told people.
type Notice struct {
	Text string
	At   time.Time
}

// New makes an installation on which nothing runs yet. It is removed when the test ends, after everything that the test
// has asked to clean up later; the log is shown if the test failed.
func New(t testing.TB, body string) *Installation {
	t.Helper()
	dir, err := os.MkdirTemp("", "sp")
	if err != nil {
		t.Fatal(err)
	}
	i := &Installation{T: t, Dir: dir, Body: body, told: make(chan struct{})}
	i.Client = socket.NewClient(i.Path("s.sock"))
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the agent's log:\n%s", i.Logged())
		}
		i.Remove()
	})
	return i
}

// Remove removes everything. A test of many installations need not keep them to its end. A test may end while a runner is at work, which outlives its agent and writes its result into
// the directory that is being removed; so this is tried until nobody writes there any more.
func (i *Installation) Remove() {
	i.T.Helper()
	i.Client.Close()
	deadline := time.After(patience.Limit())
	again := time.NewTicker(moment)
	defer again.Stop()
	for {
		err := os.RemoveAll(i.Dir)
		if err == nil {
			return
		}
		select {
		case <-again.C:
		case <-deadline:
			i.T.Errorf("removing an installation: %v", err)
			return
		}
	}
}

// Path is a file of the installation.
func (i *Installation) Path(names ...string) string {
	return filepath.Join(append([]string{i.Dir}, names...)...)
}

// Data is a file of the data directory.
func (i *Installation) Data(names ...string) string {
	return i.Path(append([]string{"data"}, names...)...)
}

// File is the configuration's.
func (i *Installation) File() string { return i.Path("sallyport.hcl") }

// Write takes a part of the agents' log.
func (i *Installation) Write(p []byte) (int, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.log.Write(p)
}

// Logged is everything that agents wrote on it so far.
func (i *Installation) Logged() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.log.String()
}

// Configure writes the configuration with another body.
func (i *Installation) Configure(body string) {
	i.T.Helper()
	i.Body = body
	if err := i.writeFile(); err != nil {
		i.T.Fatal(err)
	}
}

func (i *Installation) writeFile() error {
	text := fmt.Sprintf("data_dir = %q\nsocket   = %q\n\n%s", i.Data(), i.Path("s.sock"), i.Body)
	return os.WriteFile(i.File(), []byte(text), 0o600)
}

// Load writes the configuration and reads it as an agent does.
func (i *Installation) Load() (*config.Config, error) {
	if err := i.writeFile(); err != nil {
		return nil, err
	}
	return config.Load(i.File(), config.LoadOptions{Getenv: os.Getenv})
}

// Tell takes a notice.
func (i *Installation) Tell(text string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.notices = append(i.notices, Notice{text, time.Now()})
	close(i.told)
	i.told = make(chan struct{})
}

// Notices are all so far, and a channel that is closed with the next one.
func (i *Installation) Notices() ([]Notice, <-chan struct{}) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.notices[:len(i.notices):len(i.notices)], i.told
}

// Told is the text of all notices so far.
func (i *Installation) Told() []string {
	notices, _ := i.Notices()
	texts := make([]string, len(notices))
	for n := range notices {
		texts[n] = notices[n].Text
	}
	return texts
}
