package web

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/agent/control"
	"sallyport/agent/need"
	"sallyport/agent/patience"
	"sallyport/store"
)

func TestMain(m *testing.M) { os.Exit(need.Main(m)) }

// noon is when these tests happen.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func at(before time.Duration) *time.Time {
	t := noon.Add(-before)
	return &t
}

// fake knows what a test tells it, and how often it was asked.
type fake struct {
	mu     sync.Mutex
	status control.Status
	runs   map[int]control.Run
	logs   map[int]string
	fails  error // of the next questions
	panics bool
	after  map[string][]string
	asked  int // for logs
	change chan struct{}
}

func newFake() *fake {
	return &fake{runs: map[int]control.Run{}, logs: map[int]string{}, change: make(chan struct{})}
}

func (f *fake) changes() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.change
}

// set changes something.
func (f *fake) set(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
	close(f.change)
	f.change = make(chan struct{})
}

// reads is how often a log was asked for.
func (f *fake) reads() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked
}

func (f *fake) Status(context.Context) (control.Status, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.panics {
		panic("nobody thought of that: hunter2")
	}
	return f.status, f.fails
}

func (f *fake) Runs(_ context.Context, q control.RunsQuery) ([]control.Run, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []control.Run
	for _, r := range f.runs {
		if (q.Stack == "" || q.Stack == r.Stack) && (q.Before == 0 || r.ID < q.Before) {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b control.Run) int { return cmp.Compare(b.ID, a.ID) })
	return out[:min(len(out), q.Limited().Limit)], f.fails
}

func (f *fake) Run(_ context.Context, ref string) (control.Run, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	id, err := strconv.Atoi(ref)
	if err != nil {
		return control.Run{}, err
	}
	r, known := f.runs[id]
	if !known {
		return r, control.Errorf(control.NotFound, "there is no run #%d", id)
	}
	return r, f.fails
}

func (f *fake) Around(context.Context, string) (control.Around, error) { return control.Around{}, nil }

func (f *fake) PlanText(context.Context, string) (string, error) {
	return "", control.Errorf(control.NotFound, "it has no plan")
}

func (f *fake) Log(_ context.Context, ref string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	id, err := strconv.Atoi(ref)
	if text, known := f.logs[id]; err == nil && known {
		return text, nil
	}
	return "", control.Errorf(control.NotFound, "the log of this apply is not kept")
}

func (f *fake) DependsOn() map[string][]string { return f.after }

// redacted is what becomes of the one secret of these tests.
func redacted(text string) string { return strings.ReplaceAll(text, "hunter2", "(redacted)") }

// clockwork is a clock that a test turns: a stream that waits goes on when it is turned.
type clockwork struct {
	mu    sync.Mutex
	now   time.Time
	waits chan chan time.Time
}

func newClockwork() *clockwork { return &clockwork{now: noon, waits: make(chan chan time.Time, 100)} }

func (c *clockwork) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clockwork) After(time.Duration) <-chan time.Time {
	wait := make(chan time.Time, 1)
	c.waits <- wait
	return wait
}

// turn waits until somebody waits, and ends that.
func (c *clockwork) turn(t *testing.T) {
	t.Helper()
	select {
	case wait := <-c.waits:
		wait <- c.pass()
	case <-time.After(patience.Limit()):
		t.Fatal("nobody waits")
	}
}

// pass lets a minute pass.
func (c *clockwork) pass() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Minute)
	return c.now
}

// options are those of a server that shows what a fake knows, at noon.
func options(f *fake) Options {
	return Options{
		Facts: f, Log: slog.New(slog.DiscardHandler), Changes: f.changes, Redact: redacted, Version: "1.2.3", Now: func() time.Time { return noon },
	}
}

// serve serves pages at a port of this machine's.
func serve(t testing.TB, o Options) (*Server, *httptest.Server) {
	t.Helper()
	s, err := newServer(o)
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(s.handler())
	t.Cleanup(h.Close)
	return s, h
}

// get asks for a page and expects a status.
func get(t testing.TB, url string, want int) string {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != want {
		t.Fatalf("%s: %s, want %d, %v\n%s", url, r.Status, want, err, b)
	}
	return string(b)
}

// applying is a run in the middle of its apply.
func applying(id int) control.Run {
	return control.Run{ID: id, Stack: "ghe", Engine: "terraform", Kind: store.KindCommit, Status: store.Applying, Apply: &control.Apply{Done: 1, Total: 3, Current: "aws_instance.web"}}
}
