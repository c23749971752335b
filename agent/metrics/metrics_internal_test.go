package metrics

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/bell"
	"sallyport/agent/config"
	"sallyport/agent/config/figures"
	"sallyport/agent/health"
	"sallyport/agent/hint"
	"sallyport/agent/housekeeping"
	"sallyport/agent/need"
	"sallyport/agent/patience"
	"sallyport/agent/view"
	"sallyport/agent/workers"
	"sallyport/store"
)

func TestMain(m *testing.M) {
	if path := os.Getenv("SALLYPORT_TEST_HALF_WRITE"); path != "" {
		halfWritten(path)
	}
	os.Exit(need.Main(m))
}

// world is a meter with what it needs of an agent, none of which runs.
type world struct {
	*Meter
	t     *testing.T
	loop  atomic.Int64
	lines lines
}

// lines are those of the log, for who waits for one.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
	news *bell.Broadcast
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.news.Tell()
	return l.text.Write(p)
}

func (l *lines) count(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), what)
}

// newWorld makes one whose loop passes.
func newWorld(t *testing.T, cfg config.Config) *world {
	t.Helper()
	s, err := store.Open(store.Options{Path: filepath.Join(t.TempDir(), "sallyport.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	w := &world{t: t, lines: lines{news: bell.NewBroadcast()}}
	w.passes()
	faults, changes := health.NewFaults(time.Now), bell.NewBroadcast()
	log := slog.New(slog.NewTextHandler(&w.lines, &slog.HandlerOptions{Level: slog.LevelDebug}))
	h := health.New(health.Options{Bell: bell.New(changes), Faults: faults, Strikes: health.NewStrikes(), Log: log, Secrets: cfg.Secrets})
	a, polls := active.New(active.Options{Health: h, Faults: faults, Log: log, Now: time.Now, Store: s}), active.NewPollTimes()
	if cfg.DataDir == "" {
		cfg.DataDir = t.TempDir()
	}
	a.Current.Store(&active.Config{Cfg: &cfg})
	w.Meter = New(Options{
		Health: h, Active: a, Faults: faults, Changes: changes, Polls: polls, Log: h.Logger(), Now: time.Now, Room: housekeeping.RoomIn,
		Viewer: view.New(view.Options{Health: h, Faults: faults, Now: time.Now, Polls: polls, Store: s}),
		Work:   workers.New(func() {}, nil), Jitter: func() float64 { return 0 }, Store: s, Version: "test", LastPass: &w.loop,
	})
	w.pace = pace{file: time.Hour, fileRest: time.Nanosecond, ping: time.Nanosecond, pingAgain: time.Nanosecond, listen: time.Hour}
	return w
}

// passes has the loop pass from now on, for longer than any test takes.
func (w *world) passes() { w.loop.Store(time.Now().Add(time.Hour).UnixNano()) }

// configure puts another configuration in force, as a reload does.
func (w *world) configure(change func(*config.Config)) {
	cfg := *w.active.Cfg()
	change(&cfg)
	w.active.Current.Store(&active.Config{Cfg: &cfg})
	w.changes.Tell()
}

// until waits for something that comes with a line of the log.
func (w *world) until(what string, happened func() bool) {
	w.t.Helper()
	deadline := time.After(patience.Limit())
	for {
		news := w.lines.news.Next()
		if happened() {
			return
		}
		select {
		case <-news:
		case <-deadline:
			w.t.Fatalf("%s does not happen; the log:\n%s", what, w.lines.text.String())
		}
	}
}

// run runs one of the loops until the test ends, or stop is called.
func (w *world) run(loop func(context.Context)) (stop func()) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() {
		defer close(over)
		loop(ctx)
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		<-over
	})
	w.t.Cleanup(stop)
	return stop
}

func listening(address string) config.Config {
	return config.Config{Metrics: &figures.Metrics{Listen: address}}
}

// asked is the answer to a request, without a network in between.
func (w *world) asked(r *http.Request) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	w.handler().ServeHTTP(answer, r)
	return answer
}

// Only who means this machine reads, and nobody does anything else.
func TestRequests(t *testing.T) {
	for name, c := range map[string]struct {
		method, host, path string
		remote             bool
		want               int
	}{
		"metrics":                {path: "/metrics", want: 200},
		"with a head only":       {method: "HEAD", path: "/metrics", want: 200},
		"as localhost":           {host: "LOCALHOST:9746", path: "/metrics", want: 200},
		"through a tunnel":       {host: "localhost:1", path: "/healthz", want: 200},
		"IPv6":                   {host: "[::1]:9746", path: "/healthz", want: 200},
		"IPv6 without a port":    {host: "[::1]", path: "/healthz", want: 200},
		"a rebound name":         {host: "attacker.example:9746", path: "/metrics", want: 403},
		"a name like localhost":  {host: "localhost.attacker.example", path: "/metrics", want: 403},
		"no host":                {host: "-", path: "/metrics", want: 403},
		"a name where remote":    {host: "bastion:9746", path: "/metrics", remote: true, want: 200},
		"posted":                 {method: "POST", path: "/metrics", want: 405},
		"deleted":                {method: "DELETE", path: "/healthz", want: 405},
		"something else":         {path: "/", want: 404},
		"below":                  {path: "/metrics/all", want: 404},
		"alive":                  {path: "/healthz", want: 200},
		"ready, without a first": {path: "/readyz", want: 503},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := listening("127.0.0.1:0")
			cfg.Metrics.AllowRemote = c.remote
			cfg.Repositories = []*config.Repository{{Name: "infra"}}
			w := newWorld(t, cfg)
			method, host := c.method, c.host
			if method == "" {
				method = "GET"
			}
			r := httptest.NewRequest(method, c.path, nil)
			switch host {
			case "":
				r.Host = "127.0.0.1:9746"
			case "-":
				r.Host = ""
			default:
				r.Host = host
			}
			answer := w.asked(r)
			if answer.Code != c.want {
				t.Errorf("it answers %d and not %d: %s", answer.Code, c.want, answer.Body)
			}
			if c.path == "/metrics" && c.want == 200 && !strings.Contains(answer.Body.String(), "sallyport_build_info{") {
				t.Errorf("there are no figures: %s", answer.Body)
			}
		})
	}
}

// An agent whose loop hangs is not healthy, and one that has read each repository once is ready.
func TestHealth(t *testing.T) {
	cfg := listening("127.0.0.1:0")
	cfg.Repositories = []*config.Repository{{Name: "infra"}, {Name: "apps"}}
	w := newWorld(t, cfg)
	answers := func(path, says string) {
		t.Helper()
		r := httptest.NewRequest("GET", path, nil)
		r.Host = "localhost"
		answer := w.asked(r)
		if got := strings.TrimSpace(answer.Body.String()); !strings.Contains(got, says) || (answer.Code == 200) != (got == "ok") {
			t.Errorf("%s answers %d %q, not %q", path, answer.Code, got, says)
		}
	}
	w.polls.Polled("infra", time.Now())
	answers("/readyz", "apps was not read")
	w.polls.Polled("apps", time.Now())
	answers("/readyz", "ok")
	answers("/healthz", "ok")
	w.loop.Store(time.Now().Add(-loopPasses).UnixNano())
	answers("/healthz", "has not looked at everything for 1m")
	answers("/readyz", "has not looked at everything for 1m")
	w.loop.Store(0)
	answers("/healthz", "has not looked at everything yet")
	w.passes()
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	answers("/readyz", "cannot be read")
	answers("/healthz", "ok")
	r := httptest.NewRequest("GET", "/metrics", nil)
	r.Host = "localhost"
	if got := w.asked(r).Body.String(); !strings.Contains(got, "sallyport_store_readable 0\n") || w.faults.Of(storeSource).Error == "" {
		t.Errorf("without a store it says\n%s", got)
	}
}

// Who asks while others are still being answered is told so in time, and does not wait for them.
func TestBusy(t *testing.T) {
	w := newWorld(t, listening("127.0.0.1:0"))
	for range atOnce {
		w.readers <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := httptest.NewRequest("GET", "/metrics", nil).WithContext(ctx)
	r.Host = "localhost"
	if answer := w.asked(r); answer.Code != http.StatusServiceUnavailable {
		t.Errorf("it answers %d", answer.Code)
	}
}

// A panic while reading is the reader's answer, and frees its place.
func TestPanic(t *testing.T) {
	w := newWorld(t, listening("127.0.0.1:0"))
	w.room = func(string) (housekeeping.Room, error) { panic("nobody thought of this") }
	for range atOnce + 1 {
		if _, err := w.gather(t.Context()); err == nil || err == errBusy {
			t.Errorf("the error is %v", err)
		}
	}
	if n := w.health.Panics(); n != atOnce+1 {
		t.Errorf("%d panics were counted", n)
	}
}

// get asks over the network.
func get(t *testing.T, address string) (int, error) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience.Limit()}
	answer, err := client.Get("http://" + address + "/healthz")
	if err != nil {
		return 0, err
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode, answer.Body.Close()
}

// taken is an address on which somebody listens until it is let go. Nobody else on the machine is likely to use it after that.
func taken(t *testing.T) (address string, letGo func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.86.75.30:0")
	if err != nil {
		t.Fatal(err)
	}
	letGo = sync.OnceFunc(func() { _ = l.Close() })
	t.Cleanup(letGo)
	return l.Addr().String(), letGo
}

func TestPortInUse(t *testing.T) {
	address, _ := taken(t)
	w := newWorld(t, listening(address))
	err := w.Listen()
	if err == nil || !strings.Contains(err.Error(), "serving metrics at "+address+": ") || !strings.Contains(hint.Of(err), "ss -ltnp") {
		t.Errorf("the error is %v, and what to do: %s", err, hint.Of(err))
	}
}

// A reload moves the address. One that cannot be had leaves the one before in its place, and status says so until it can be had, or is
// not wanted any more.
func TestAddressMoves(t *testing.T) {
	w := newWorld(t, listening("127.0.0.1:0"))
	if err := w.Listen(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.serving.close() })
	first := w.serving.bound
	serves := func(address string) {
		t.Helper()
		if code, err := get(t, address); code != 200 {
			t.Errorf("%s answers %d, %v", address, code, err)
		}
	}
	to := func(address string) {
		w.configure(func(cfg *config.Config) { cfg.Metrics = listening(address).Metrics })
		w.follow()
	}
	serves(first)

	second, letGo := taken(t)
	to(second)
	serves(first)
	if problem := w.faults.Of(listenSource); !strings.Contains(problem.Error, second) || problem.Hint == "" {
		t.Errorf("the problem is %+v", problem)
	}
	letGo()
	w.follow()
	serves(first) // it is not tried at each change of the store
	w.pace.listen = 0
	w.follow()
	serves(second)
	if _, err := get(t, first); err == nil {
		t.Error("the address of before is still served")
	}
	if problem := w.faults.Of(listenSource); problem.Error != "" {
		t.Errorf("the problem is %+v", problem)
	}

	_, port, _ := net.SplitHostPort(second)
	to("[::ffff:127.86.75.30]:" + port) // the same, for the kernel: nobody can have both at a time
	if got := w.serving.at(); got != "[::ffff:127.86.75.30]:"+port || w.faults.Of(listenSource).Error != "" {
		t.Errorf("it is served at %s: %+v", got, w.faults.Of(listenSource))
	}
	serves(second)
	to("203.0.113.1:" + port) // of no machine
	serves(second)
	if problem := w.faults.Of(listenSource); problem.Error == "" {
		t.Error("nobody is told")
	}
	w.configure(func(cfg *config.Config) { cfg.Metrics = nil })
	w.follow()
	if _, err := get(t, second); err == nil || w.faults.Of(listenSource).Error != "" {
		t.Errorf("nothing is to be served: %v, %+v", err, w.faults.Of(listenSource))
	}
}

func TestServeEnds(t *testing.T) {
	w := newWorld(t, listening("127.0.0.1:0"))
	if err := w.Listen(); err != nil {
		t.Fatal(err)
	}
	address := w.serving.bound
	stop := w.run(w.Serve)
	if code, err := get(t, address); code != 200 {
		t.Errorf("it answers %d, %v", code, err)
	}
	stop()
	if _, err := get(t, address); err == nil {
		t.Error("it answers after its end")
	}
}
