package metrics

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"sallyport/agent/config"
	"sallyport/agent/config/figures"
	"sallyport/notify/redact"
)

const pingSecret = "1b2c3d4e-canary"

// As long as the agent works somebody is told, and not once more from when its loop hangs on: that is what they wait for.
func TestPing(t *testing.T) {
	var asked atomic.Int64
	w := newWorld(t, config.Config{})
	site := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != "/"+pingSecret || r.UserAgent() != "sallyport/test" {
			t.Errorf("it asks %s %s as %s", r.Method, r.URL, r.UserAgent())
		}
		asked.Add(1)
		w.lines.news.Tell()
	}))
	t.Cleanup(site.Close)
	w.configure(func(cfg *config.Config) { cfg.PingURL = redact.NewSecret(site.URL + "/" + pingSecret) })
	stop := w.run(w.Ping)
	w.until("three pings", func() bool { return asked.Load() >= 3 })
	w.loop.Store(time.Now().Add(-loopPasses).UnixNano())
	const quiet = "ping_url is not asked for"
	w.until("the end of the pings", func() bool { return w.lines.count(quiet) > 0 })
	before := asked.Load() // one at a time: what was asked for before is answered
	seen := w.lines.count(quiet)
	w.until("three times without a ping", func() bool { return w.lines.count(quiet) >= seen+3 })
	if after := asked.Load(); after != before {
		t.Errorf("%d pings came from an agent that hangs", after-before)
	}
	w.passes()
	w.until("a ping of an agent that works again", func() bool { return asked.Load() > before })
	stop()
	if w.pinged.Load() == 0 || w.faults.Of(pingSource).Error != "" {
		t.Errorf("it was pinged at %d: %+v", w.pinged.Load(), w.faults.Of(pingSource))
	}
}

// What keeps the ping away is what would keep the agent from doing, or from remembering, anything.
func TestUnwell(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*world)
		says   string
	}{
		"all is well":         {func(*world) {}, ""},
		"git is away":         {func(w *world) { w.faults.Set("repository infra", errors.New("no route to host")) }, ""},
		"the loop hangs":      {func(w *world) { w.loop.Store(time.Now().Add(-loopPasses).UnixNano()) }, "has not looked at everything for"},
		"it has just begun":   {func(w *world) { w.loop.Store(0) }, "not looked at everything yet"},
		"the store refuses":   {func(w *world) { w.faults.Set("store", errors.New("read-only file system")) }, "store: read-only file system"},
		"the disk is full":    {func(w *world) { w.faults.Set("disk", errors.New("only 1 MiB is free")) }, "disk: only 1 MiB"},
		"nothing is writable": {func(w *world) { w.active.Cfg().DataDir = os.DevNull }, "trying to write: "},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, config.Config{})
			c.change(w)
			if got := w.unwell(); (got == "") != (c.says == "") || !strings.Contains(got, c.says) {
				t.Errorf("it says %q, not %q", got, c.says)
			}
		})
	}
}

// A ping that is not taken is a problem of which the address is no part, and goes nowhere else.
func TestPingFails(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	t.Cleanup(elsewhere.Close)
	gone := httptest.NewServer(nil)
	gone.Close()
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		says   string
	}{
		"refused":    {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "", http.StatusNotFound) }, "answered 404 Not Found"},
		"redirected": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, http.StatusFound) }, "answered 302 Found"},
		"gone":       {nil, "gave no answer: "},
	} {
		t.Run(name, func(t *testing.T) {
			url := gone.URL
			if c.answer != nil {
				site := httptest.NewServer(c.answer)
				t.Cleanup(site.Close)
				url = site.URL
			}
			w := newWorld(t, config.Config{})
			w.pace.ping = time.Hour
			w.configure(func(cfg *config.Config) { cfg.PingURL = redact.NewSecret(url + "/" + pingSecret) })
			stop := w.run(w.Ping)
			w.until("a problem", func() bool { return w.lines.count("asking for ping_url") > 0 })
			stop()
			problem := w.faults.Of(pingSource)
			if !strings.Contains(problem.Error, c.says) || problem.Hint == "" || w.pinged.Load() != 0 {
				t.Errorf("the problem is %+v", problem)
			}
			if strings.Contains(problem.Error+w.lines.text.String(), pingSecret) {
				t.Errorf("the address is told:\n%s\n%s", problem.Error, w.lines.text.String())
			}
		})
	}
}

func filed(path string) config.Config {
	return config.Config{Metrics: &figures.Metrics{Textfile: path}}
}

// wait waits until something is so of the file system, where nobody tells.
func (w *world) wait(what string, so func() bool) {
	w.t.Helper()
	done := make(chan struct{})
	defer close(done)
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	go func() {
		for {
			select {
			case <-ticker.C:
				w.lines.news.Tell()
			case <-done:
				return
			}
		}
	}()
	w.until(what, so)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// The file is whole, for others to read, written again when something changes, and gone when nobody stands behind it any more.
func TestTextfile(t *testing.T) {
	dir := t.TempDir()
	path, next := filepath.Join(dir, "sallyport.prom"), filepath.Join(dir, "next.prom")
	w := newWorld(t, filed(path))
	stop := w.run(w.WriteFile)
	w.wait("the file", func() bool { return exists(path) })
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("its mode is %v, %v", info.Mode(), err)
	}
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), "sallyport_build_info{") || !strings.HasSuffix(string(text), "\n") {
		t.Errorf("%v\n%s", err, text)
	}
	w.faults.Set("slack", errors.New("it is away"))
	w.changes.Tell()
	w.wait("what changed", func() bool {
		text, err := os.ReadFile(path)
		return err == nil && strings.Contains(string(text), "\nsallyport_problems{subject=\"slack\"} 1\n")
	})
	w.configure(func(cfg *config.Config) { cfg.Metrics = filed(next).Metrics })
	w.wait("the other file", func() bool { return exists(next) && !exists(path) })
	stop()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("after the end there are %v, %v", left, err)
	}
}

// What cannot be written is a problem that says what to do, until it can.
func TestTextfileCannotBeWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "node_exporter")
	w := newWorld(t, filed(filepath.Join(dir, "sallyport.prom")))
	w.run(w.WriteFile)
	w.wait("a problem", func() bool { return w.faults.Of(fileSource).Error != "" })
	if problem := w.faults.Of(fileSource); !strings.Contains(problem.Hint, "ReadWritePaths="+dir) {
		t.Errorf("the problem is %+v", problem)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	w.changes.Tell()
	w.wait("the end of the problem", func() bool { return w.faults.Of(fileSource).Error == "" })
}

// halfWritten is what the test below kills.
func halfWritten(path string) {
	err := replace(path, func(to io.Writer) error {
		half := strings.Repeat("sallyport_half 1\n", 8192) // more than any buffer
		if _, err := io.WriteString(to, half); err != nil {
			return err
		}
		fmt.Println("half")
		select {}
	})
	fmt.Println(err)
	os.Exit(1)
}

// A kill in the middle of the writing leaves the file of before, and the next agent writes the next one.
func TestKilledWhileWriting(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "sallyport.prom")
	whole := func(text string) func(io.Writer) error {
		return func(w io.Writer) error { _, err := io.WriteString(w, text); return err }
	}
	if err := replace(path, whole("before 1\n")); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), "SALLYPORT_TEST_HALF_WRITE="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || said != "half\n" {
		t.Errorf("it says %q, %v", said, err)
	}
	_ = cmd.Process.Signal(syscall.SIGKILL)
	_ = cmd.Wait()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 2 {
		t.Errorf("there are %v, %v: it was not writing", left, err)
	}
	for _, want := range []string{"before 1\n", "after 1\n"} {
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("the file says %.40q and not %q: %v", got, want, err)
		}
		if err := replace(path, whole("after 1\n")); err != nil {
			t.Fatal(err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("there are %v, %v", left, err)
	}
}

// A write that fails leaves the file of before and nothing beside it.
func TestWriteThatFails(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "sallyport.prom")
	failed := errors.New("no more")
	if err := replace(path, func(io.Writer) error { return failed }); !errors.Is(err, failed) {
		t.Errorf("the error is %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("there are %v, %v", left, err)
	}
}
