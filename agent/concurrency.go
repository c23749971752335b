package agent

import (
	"context"
	"errors"
	"log/slog"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"sallyport/agent/contain"
	"sallyport/agent/hint"
	"sallyport/notify/redact"
)

// workRest is how long a run's work rests after it failed in a way that the store could not record.
const workRest = 5 * time.Second

// workers are the goroutines that do a run's slow work beside the loop: at most one for a run. They hold nothing that
// is not in the store, so that losing them costs time only.
type workers struct {
	mu      sync.Mutex
	ctx     context.Context
	running map[int]*worker
	restsTo map[int]time.Time  // not to be started before: what fails at once must not be tried at full speed
	errands map[string]bool    // by stack: what a person asked for
	checks  map[string]*worker // by stack: drift checks; they give way to everything else
	closed  bool
	group   sync.WaitGroup
	ended   func() // called after each end, when the run is free again
	// caught is told how work ended, by its name, before that counts as ended; run is 0 for what is not a run's. A nil panic is the end
	// of work without one.
	caught func(name string, run int, p *contain.Panic)
}

type worker struct {
	stop context.CancelFunc
	what string
}

func newWorkers(ended func(), caught func(name string, run int, p *contain.Panic)) *workers {
	return &workers{caught: caught, running: map[int]*worker{}, restsTo: map[int]time.Time{}, errands: map[string]bool{}, checks: map[string]*worker{}, ended: ended}
}

// start says what context work lives in.
func (w *workers) start(ctx context.Context) { w.ctx = ctx }

// context is what work lives in.
func (w *workers) context() context.Context { return w.ctx }

// settle blocks until nothing runs any more of what was started.
func (w *workers) settle() { w.group.Wait() }

// contained runs f where a panic does not end the program.
func (w *workers) contained(name string, run int, f func()) {
	w.caught(name, run, contain.Run(name, f))
}

// do runs f for a run unless something runs for it already; it reports whether it started.
func (w *workers) do(run int, what string, f func(context.Context)) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.running[run] != nil || w.closed || w.ctx.Err() != nil || time.Now().Before(w.restsTo[run]) {
		return false
	}
	delete(w.restsTo, run)
	ctx, stop := context.WithCancel(w.ctx)
	w.running[run] = &worker{stop: stop, what: what}
	w.group.Go(func() {
		defer stop()
		defer func() {
			w.mu.Lock()
			delete(w.running, run)
			w.mu.Unlock()
			w.ended()
		}()
		w.contained(runName(run), run, func() { f(ctx) })
	})
	return true
}

// rest keeps a run's work from being started again at once after it failed.
func (w *workers) rest(run int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.restsTo[run] = time.Now().Add(workRest)
}

// resting reports whether it must not be started yet.
func (w *workers) resting(run int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Before(w.restsTo[run])
}

// busy reports what runs for a run; empty if nothing does.
func (w *workers) busy(run int) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if at := w.running[run]; at != nil {
		return at.what
	}
	return ""
}

// count tells how many workers there are: about as many terraform processes run, those of plans, of applies and of drift
// checks.
func (w *workers) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.running) - w.countBuilds() + len(w.checks)
}

// check runs a drift check of a stack; it reports whether it started.
func (w *workers) check(stack string, f func(context.Context)) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.checks[stack] != nil || w.closed || w.ctx.Err() != nil {
		return false
	}
	ctx, stop := context.WithCancel(w.ctx)
	w.checks[stack] = &worker{stop: stop}
	w.group.Go(func() {
		defer func() {
			stop()
			w.mu.Lock()
			delete(w.checks, stack)
			w.mu.Unlock()
			w.ended()
		}()
		w.contained("a drift check of "+stack, 0, func() { f(ctx) })
	})
	return true
}

// checking reports whether a drift check of a stack is at work.
func (w *workers) checking(stack string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.checks[stack] != nil
}

// giveWay interrupts the drift check of a stack, or all with an empty name, for what cannot wait. It reports whether there
// is one to wait for.
func (w *workers) giveWay(stack string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	found := false
	for name, check := range w.checks {
		if stack == "" || name == stack {
			check.stop()
			found = true
		}
	}
	return found
}

// builds tells how many workers there are for images.
func (w *workers) builds() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.countBuilds()
}

func (w *workers) countBuilds() int {
	n := 0
	for _, at := range w.running {
		if at.what == workBuild {
			n++
		}
	}
	return n
}

// previews tells how many plans of pull requests are being made.
func (w *workers) previews() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, at := range w.running {
		if at.what == workPreview {
			n++
		}
	}
	return n
}

// stop interrupts the work for a run.
func (w *workers) stop(run int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if at := w.running[run]; at != nil {
		at.stop()
	}
}

// errand runs f for a person beside the loop, one at a time for a stack. It goes on when the person has gone away, and is interrupted
// with everything else when the agent stops. over is closed when it has ended, however it did; nil: it was not started.
func (w *workers) errand(stack string, f func(context.Context)) (over <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.errands[stack] || w.closed || w.ctx.Err() != nil {
		return nil
	}
	w.errands[stack] = true
	ended := make(chan struct{})
	w.group.Go(func() {
		defer close(ended)
		defer func() {
			w.mu.Lock()
			delete(w.errands, stack)
			w.mu.Unlock()
			w.ended()
		}()
		w.contained("working on the state of "+stack, 0, func() { f(w.ctx) })
	})
	return ended
}

// errCutOff is the end of an errand that did not come to its own.
var errCutOff = errors.New("it was cut off by a fault in sallyport itself, which the agent's log tells")

// aside runs f beside everything else, unless the agent is stopping.
func (w *workers) aside(f func(context.Context)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.closed {
		w.group.Go(func() { w.contained("working beside the loop", 0, func() { f(w.ctx) }) })
	}
}

// wait blocks until nothing runs. Nothing starts any more.
func (w *workers) wait() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.group.Wait()
}

// comparisons is what discover has looked at already, by stack: it saves reading git at each pass. A restart compares
// everything once more.
type comparisons struct {
	mu    sync.Mutex
	keys  map[string]string // everything the last comparison depended on
	heads map[string]string // the head it was made with
}

func newComparisons() *comparisons {
	return &comparisons{keys: map[string]string{}, heads: map[string]string{}}
}

// done reports whether exactly this comparison was made already.
func (c *comparisons) done(stack, key string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.keys[stack] == key
}

// with reports whether a stack was compared with a head.
func (c *comparisons) with(stack, head string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.heads[stack] == head
}

func (c *comparisons) record(stack, key, head string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keys[stack], c.heads[stack] = key, head
}

func (c *comparisons) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.keys)
	clear(c.heads)
}

// broadcast tells any number of waiting goroutines that something changed.
type broadcast struct {
	mu sync.Mutex
	ch chan struct{}
}

func newBroadcast() *broadcast { return &broadcast{ch: make(chan struct{})} }

// next is closed at the next change.
func (b *broadcast) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ch
}

func (b *broadcast) tell() {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.ch)
	b.ch = make(chan struct{})
}

// problem is something that is wrong now and that people should see in `sallyport status`.
type problem struct {
	Source string
	Error  string
	Hint   string
	Since  time.Time
}

// faults are the things that are wrong now, by source. They are not stored: a restart finds them again by itself.
type faults struct {
	mu  sync.Mutex
	now func() time.Time
	m   map[string]problem
}

func newFaults(now func() time.Time) *faults { return &faults{now: now, m: map[string]problem{}} }

// set records that source fails, or with a nil error that it works again. It reports whether that is news.
func (f *faults) set(source string, err error) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	before, was := f.m[source]
	if err == nil {
		delete(f.m, source)
		return was
	}
	now := problem{Source: source, Error: err.Error(), Hint: hint.Of(err), Since: f.now().UTC()}
	if was {
		now.Since = before.Since
	}
	f.m[source] = now
	return !was || before.Error != now.Error
}

// of is what is wrong with a source now; nothing if all is well.
func (f *faults) of(source string) problem {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.m[source]
}

// list returns what is wrong, by source.
func (f *faults) list() []problem {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]problem, 0, len(f.m))
	for _, v := range f.m {
		out = append(out, v)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Source < out[j].Source })
	return out
}

// redactHandler takes secrets out of log records with the redactor in force: a reload may bring new secrets, so it
// cannot be fixed when the logger is made.
type redactHandler struct {
	next     slog.Handler
	redactor *atomic.Pointer[redact.Redactor]
}

func (h redactHandler) Enabled(ctx context.Context, l slog.Level) bool { return h.next.Enabled(ctx, l) }

func (h redactHandler) Handle(ctx context.Context, r slog.Record) error {
	return h.redactor.Load().Handler(h.next).Handle(ctx, r)
}

// WithAttrs keeps the attributes unredacted in next only after they passed the redactor in force now.
func (h redactHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return redactHandler{next: h.redactor.Load().Handler(h.next).WithAttrs(attrs), redactor: h.redactor}
}

func (h redactHandler) WithGroup(name string) slog.Handler {
	return redactHandler{next: h.next.WithGroup(name), redactor: h.redactor}
}
