package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"sallyport/agent"
	"sallyport/agent/active"
	"sallyport/agent/config"
	"sallyport/agent/housekeeping"
	"sallyport/agent/journal"
	"sallyport/agent/repo"
	"sallyport/agent/terraform/binary"
	"sallyport/notify/slack/slacktest"
	"sallyport/store"
)

// life is one process of the agent. A goroutine cannot be killed from outside, so a process that is dead ends each of its
// goroutines where that would next do something that anybody else could notice: before a commit, after one, before a request to
// git, Slack or terraform. What it does until then another schedule of the same kill would have let it do as well.
type life struct {
	w        *world
	n        int
	dead     atomic.Bool
	stopping atomic.Bool // as an upgrade does: it closes its store by itself
	stop     context.CancelFunc
	ended    chan struct{}

	mu      sync.Mutex
	store   *store.Store // nil until it is open
	running bool
	err     error
	doom    doom
}

// doom is when a process is killed: at its so many-th commit from now, on one side of it.
type doom struct {
	commits int // 0: not
	after   bool
}

// mustLive ends the goroutine of a process that is dead.
func (l *life) mustLive() {
	if l.dead.Load() {
		runtime.Goexit()
	}
}

// kill ends the process at once.
func (l *life) kill(where string) {
	if l.dead.Swap(true) {
		return
	}
	l.w.note("life %d is killed %s", l.n, where)
	l.stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.running && l.store != nil {
		_ = l.store.Close() // the kernel would
	}
}

// die is kill by a goroutine of its own.
func (l *life) die(where string) {
	l.kill(where)
	runtime.Goexit()
}

// step counts a commit, and says on which side of it the process dies.
func (l *life) step() (before, after bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.doom.commits == 0 {
		return false, false
	}
	l.doom.commits--
	return l.doom.commits == 0 && !l.doom.after, l.doom.commits == 0 && l.doom.after
}

// records is the store as the agent writes it.
type records struct {
	life  *life
	store *store.Store
}

var _ journal.Store = records{}

var errDead = errors.New("dead")

func (r records) Broken() error { return r.store.Broken() }

func (r records) Update(f func(*store.Tx) error) error {
	l := r.life
	l.mustLive()
	before, after := l.step()
	full := l.w.weather().full
	err := r.store.Update(func(tx *store.Tx) error {
		if err := f(tx); err != nil {
			return err
		}
		if before {
			return errDead
		}
		if full { // as when the commit finds no room
			return fmt.Errorf("%w: %w", store.ErrFull, syscall.ENOSPC)
		}
		return l.w.sabot.spoil(tx)
	})
	if errors.Is(err, errLost) {
		return nil
	}
	if before {
		l.die("before a commit")
	}
	if after {
		l.die("after a commit")
	}
	return err
}

const configText = `
data_dir = %q
repository "infra" {
  url      = "https://git.example.com/infra.git"
  branch   = "main"
  schedule = "@every 2m"
}
slack {
  token     = "xoxb-0-fake-token"
  api_url   = "https://slack.invalid/api/"
  channel   = "C0000OPS"
  poll      = "1m"
  approvers = ["U01JANE", "U02JOE"]
}
terraform {
  binary = %q
}
defaults {
  plan_ttl     = "50m"
  verify_after = "4m"
}
stack "network" {
  dir   = "network"
  drift = "*/40 * * * *"
}
stack "app" {
  dir        = "app"
  depends_on = ["network"]
  approvals  = 2
}
stack "edge" {
  dir          = "edge"
  apply_window = { schedule = "*/30 * * * *", duration = "20m" }
}
`

func (w *world) config() (*config.Config, error) {
	file := filepath.Join(w.dir, "sallyport.hcl")
	text := w.sabot.configure(configText)
	text = fmt.Sprintf(text, filepath.Join(w.dir, "data"), filepath.Join(w.dir, "terraform"))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	cfg, err := config.Load(file, config.LoadOptions{Getenv: func(string) string { return "" }})
	if err != nil {
		return nil, err
	}
	cfg.Socket = "" // nobody is at a shell
	return cfg, nil
}

// start begins a life of the agent.
func (w *world) start() {
	ctx, cancel := context.WithCancel(context.Background())
	w.mu.Lock()
	w.lives++
	l := &life{w: w, n: w.lives, stop: cancel, ended: make(chan struct{})}
	w.life = l
	w.mu.Unlock()
	w.note("life %d begins", l.n)
	go func() {
		defer close(l.ended)
		defer cancel()
		l.err = l.run(ctx)
	}()
}

func (l *life) run(ctx context.Context) error {
	w := l.w
	cfg, err := w.config()
	if err != nil {
		return err
	}
	a, err := agent.New(agent.Options{
		Config: cfg, Version: "sim", Executable: filepath.Join(w.dir, "sallyport"), Now: w.now, Uptime: w.uptime, Room: w.room,
		Log: slog.New(slog.NewTextHandler(diary{w}, &slog.HandlerOptions{Level: slog.LevelWarn})), Jitter: func() float64 { return w.roll("jitter") },
		Outside: agent.Outside{
			Outside: active.Outside{
				Mirror: func(repo.Options) (active.Mirror, error) { return mirror{w, l}, nil },
				Tool:   l.tool, Slack: &http.Client{Transport: wire{l}},
			},
			Terraform: planner{w, l}, Runner: l.spawn, Checker: checker{},
			Records: func(s *store.Store) journal.Store {
				l.mu.Lock()
				defer l.mu.Unlock()
				l.store = s
				return records{l, s}
			},
		},
	})
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.running = true
	l.mu.Unlock()
	return a.Run(ctx)
}

// view reads the store of the life that there is; it reports false without one.
func (w *world) view(f func(*store.Tx) error) bool {
	w.mu.Lock()
	l := w.life
	w.mu.Unlock()
	if l == nil || l.dead.Load() {
		return false
	}
	l.mu.Lock()
	st, running := l.store, l.running
	l.mu.Unlock()
	if !running {
		return false
	}
	if err := st.View(f); err != nil {
		if l.stopping.Load() {
			return false // it has closed its store; the next life opens it again
		}
		w.breaks("the store cannot be read: %v", err)
	}
	return true
}

func (l *life) tool(context.Context, binary.Options) (binary.Tool, error) {
	l.mustLive()
	return binary.Tool{Path: filepath.Join(l.w.dir, "terraform"), Version: "1.11.4", Digest: sum([]byte("terraform"))}, nil
}

func (w *world) room(string) (housekeeping.Room, error) {
	if w.weather().full {
		return housekeeping.Room{Free: 0, Total: 1 << 40}, nil
	}
	return housekeeping.Room{Free: 1 << 39, Total: 1 << 40}, nil
}

// checker looks at a store without a child process: no store of a simulation can kill who reads it.
type checker struct{}

func (checker) Check(ctx context.Context, path string) error {
	if _, err := os.Stat(path); err != nil {
		return err
	}
	s, err := store.Open(store.Options{Path: path, ReadOnly: true})
	if err != nil {
		return err
	}
	return s.Close()
}

// diary is where the agent's log goes.
type diary struct{ w *world }

func (d diary) Write(p []byte) (int, error) {
	d.w.note("log: %s", strings.TrimSpace(string(p)))
	return len(p), nil
}

// wire is the way to Slack.
type wire struct{ life *life }

func (t wire) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	t.life.mustLive()
	w := t.life.w
	if r.Body != nil {
		defer func() { _ = r.Body.Close() }()
	}
	took := w.between("slack", 20*time.Millisecond, 400*time.Millisecond)
	sky := w.weather().slack
	switch {
	case sky == "down":
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	case sky == "slow":
		took = w.between("slack", time.Second, 25*time.Second)
	case sky == "flaky" && w.chance("slack", 0.25), sky == "" && w.fault("slack", 0.002):
		w.slack.Fail("", 1, slacktest.Fault{Kind: slackFaults[int(w.roll("slack")*float64(len(slackFaults)))], RetryAfter: 20})
	case sky == "limited" && w.chance("slack", 0.5):
		w.slack.Fail("", 1, slacktest.Fault{Kind: slacktest.RateLimited, RetryAfter: 45})
	}
	defer func() {
		if v := recover(); v == http.ErrAbortHandler {
			resp, err = nil, io.ErrUnexpectedEOF
		} else if v != nil {
			panic(v)
		}
	}()
	half := func() error {
		select {
		case <-time.After(took / 2):
		case <-r.Context().Done():
			return r.Context().Err()
		}
		return nil
	}
	if err := half(); err != nil {
		t.life.mustLive()
		return nil, err
	}
	t.life.mustLive()
	answer := httptest.NewRecorder()
	w.slack.Handler().ServeHTTP(answer, r)
	if err := half(); err != nil { // it was done, and nobody hears of it
		t.life.mustLive()
		return nil, err
	}
	t.life.mustLive()
	resp = answer.Result()
	resp.Request = r
	return resp, nil
}

var slackFaults = []slacktest.FaultKind{
	slacktest.RateLimited, slacktest.RateLimitedOK, slacktest.ServerError, slacktest.Hang, slacktest.Drop, slacktest.LoseAnswer,
	slacktest.LateServerError, slacktest.Truncate,
}
