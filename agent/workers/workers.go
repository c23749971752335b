// Package workers is the pool of goroutines that do what is slow beside the agent's loop: at most one for a run, one for a
// person's repair of a stack, one for a check of its drift. They hold nothing that is not in the store, so that losing them
// costs time only.
package workers

import (
	"context"
	"fmt"
	"sync"
	"time"

	"sallyport/agent/contain"
)

// WorkRest is how long a run's work rests after it failed in a way that the store could not record.
const WorkRest = 5 * time.Second

// Pool are the goroutines that do a run's slow work beside the loop: at most one for a run. They hold nothing that
// is not in the store, so that losing them costs time only.
type Pool struct {
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

// New makes a pool without work: ended is called after each end of work, caught with how it ended.
func New(ended func(), caught func(name string, run int, p *contain.Panic)) *Pool {
	return &Pool{caught: caught, running: map[int]*worker{}, restsTo: map[int]time.Time{}, errands: map[string]bool{}, checks: map[string]*worker{}, ended: ended}
}

// Start says what context work lives in.
func (w *Pool) Start(ctx context.Context) { w.ctx = ctx }

// Context is what work lives in.
func (w *Pool) Context() context.Context { return w.ctx }

// Settle blocks until nothing runs any more of what was started.
func (w *Pool) Settle() { w.group.Wait() }

// contained runs f where a panic does not end the program.
func (w *Pool) contained(name string, run int, f func()) {
	w.caught(name, run, contain.Run(name, f))
}

// Do runs f for a run unless something runs for it already; it reports whether it started.
func (w *Pool) Do(run int, what string, f func(context.Context)) bool {
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
		w.contained(RunName(run), run, func() { f(ctx) })
	})
	return true
}

// Backoff keeps a run's work from being started again at once after it failed.
func (w *Pool) Backoff(run int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.restsTo[run] = time.Now().Add(WorkRest)
}

// Resting reports whether it must not be started yet.
func (w *Pool) Resting(run int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Before(w.restsTo[run])
}

// Busy reports what runs for a run; empty if nothing does.
func (w *Pool) Busy(run int) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if at := w.running[run]; at != nil {
		return at.what
	}
	return ""
}

// Count tells how many workers there are: about as many terraform processes run, those of plans, of applies and of drift
// checks.
func (w *Pool) Count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.running) - w.countBuilds() + len(w.checks)
}

// Check runs a drift check of a stack; it reports whether it started.
func (w *Pool) Check(stack string, f func(context.Context)) bool {
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

// Checking reports whether a drift check of a stack is at work.
func (w *Pool) Checking(stack string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.checks[stack] != nil
}

// AnyCheck reports whether a drift check of any stack is at work.
func (w *Pool) AnyCheck() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.checks) > 0
}

// Preempt interrupts the drift check of a stack, or all with an empty name, for what cannot wait. It reports whether there
// is one to wait for.
func (w *Pool) Preempt(stack string) bool {
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

// Builds tells how many workers there are for images.
func (w *Pool) Builds() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.countBuilds()
}

func (w *Pool) countBuilds() int {
	n := 0
	for _, at := range w.running {
		if at.what == WorkBuild {
			n++
		}
	}
	return n
}

// Previews tells how many plans of pull requests are being made.
func (w *Pool) Previews() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, at := range w.running {
		if at.what == WorkPreview {
			n++
		}
	}
	return n
}

// Stop interrupts the work for a run.
func (w *Pool) Stop(run int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if at := w.running[run]; at != nil {
		at.stop()
	}
}

// RunForOperator runs f for a person beside the loop, one at a time for a stack. It goes on when the person has gone away, and is interrupted
// with everything else when the agent stops. over is closed when it has ended, however it did; nil: it was not started.
func (w *Pool) RunForOperator(stack string, f func(context.Context)) (over <-chan struct{}) {
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

// Aside runs f beside everything else, unless the agent is stopping.
func (w *Pool) Aside(f func(context.Context)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.closed {
		w.group.Go(func() { w.contained("working beside the loop", 0, func() { f(w.ctx) }) })
	}
}

// Wait blocks until nothing runs. Nothing starts any more.
func (w *Pool) Wait() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.group.Wait()
}

// RunName is the name of all work for one run, as panics are counted by it.
func RunName(run int) string { return fmt.Sprintf("working on run #%d", run) }

// WorkBuild is what a worker does for a run of an image, whatever it is: builds are counted for themselves.
const WorkBuild = "build"

const WorkPreview = "preview" // a plan of a pull request
