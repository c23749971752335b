package agent

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"sallyport/agent/clock"
	"sallyport/agent/contain"
	"sallyport/agent/fault"
	"sallyport/agent/lifecycle"
	"sallyport/store"
)

// A panic in the work for one repository, stack, run, thread, message or request stays in there (package contain): it is that
// thing's error, the log has its stack trace, and everything else goes on. The work is tried again after a rest that doubles;
// the third panic in the same place holds it, until a new commit, a reload or a person changes something about it. Work that
// only watches for such changes (polls, reading Slack) would never see one if it stood still, so that is tried again now and
// then even so.
//
// How often something panicked is not stored: a restart tries everything again, and comes with a new version often enough.
//
// A panic inside a transaction is no exception. bbolt rolls the transaction back, so the records are as they were, and what was
// to be said is not in the outbox: the same as a crash right before the commit, which the tests make at every one. The process
// ends in one case, see [store.Store.Broken]: bbolt itself panicked and can no longer be trusted.

const (
	maxPanics = 3 // in the same place, until the work is held
	panicRest = 5 * time.Second
	heldRest  = time.Hour // of work that is held and watches for what would end the hold
	// panicMemory is after how long without another one a panic is not counted any more.
	panicMemory = 2 * heldRest
)

// work is a piece of work that may panic.
type work struct {
	name string // as in package contain: what is done, and to what; panics are counted by it
	// at is what the work depends on: a commit, a decision. Where it is another one than when the work panicked, that is forgotten.
	at string
	// watches is set if nothing else would notice that the work may be tried again.
	watches bool
}

// A struckError is work that panicked and rests, or is held.
type struckError struct {
	panic *contain.Panic
	times int
	until time.Time // not to be tried before; zero: until something changes
	news  bool      // it panicked just now
}

// Error implements error. It is the same until the work is tried again.
func (e *struckError) Error() string {
	if e.held() {
		return fmt.Sprintf("held after %d times: %s", e.times, e.panic)
	}
	return fmt.Sprintf("%s; it is tried again (%d of %d)", e.panic, e.times+1, maxPanics)
}

// Unwrap gives the panic.
func (e *struckError) Unwrap() error { return e.panic }

// UserHint tells what to do about it.
func (e *struckError) UserHint() string {
	if e.held() {
		return contain.Hint + "; it is tried again after a new commit, systemctl reload sallyport or sallyport resume"
	}
	return contain.Hint
}

func (e *struckError) held() bool { return e.times >= maxPanics }

// wait is how long the work is left alone; zero if it may be tried. Held for good counts as long.
func (e *struckError) wait() time.Duration {
	if e.until.IsZero() {
		return heldRest
	}
	return max(0, time.Until(e.until))
}

// strikes are the panics of each piece of work that has not succeeded since.
type strikes struct {
	mu sync.Mutex
	m  map[string]*strike
}

type strike struct {
	at   string
	last time.Time
	err  *struckError
}

func newStrikes() *strikes { return &strikes{m: map[string]*strike{}} }

// resting says why work must not be tried now; nil if it may.
func (s *strikes) resting(w work) *struckError {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.m[w.name]
	if found == nil || found.at != w.at || found.err.wait() == 0 {
		return nil
	}
	old := *found.err
	old.news = false
	return &old
}

// add counts a panic.
func (s *strikes) add(w work, p *contain.Panic) *struckError {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	times := 1
	if before := s.m[w.name]; before != nil && before.at == w.at && before.err.panic.Place == p.Place && now.Sub(before.last) < panicMemory {
		times = before.err.times + 1
	}
	err := &struckError{panic: p, times: times, news: true, until: now.Add(fault.Soon(panicRest) << min(times-1, 8))}
	if err.held() {
		err.until = time.Time{}
		if w.watches {
			err.until = now.Add(heldRest)
		}
	}
	s.m[w.name] = &strike{w.at, now, err}
	return err
}

// clear forgets what happened to work that succeeded.
func (s *strikes) clear(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.m, name)
}

// forget has everything tried again.
func (s *strikes) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.m)
}

// contained does a piece of work, unless it panicked and rests. The error is the work's own or a *struckError.
func (a *health) contained(w work, f func() error) error {
	if struck := a.strikes.resting(w); struck != nil {
		return struck
	}
	err := contain.Do(w.name, f)
	if p, panicked := err.(*contain.Panic); panicked {
		return a.struck(w, p)
	}
	a.strikes.clear(w.name)
	return err
}

// struck counts and logs a panic.
func (a *health) struck(w work, p *contain.Panic) *struckError {
	err := a.strikes.add(w, p)
	a.logPanic(p, "times", err.times, "held", err.held())
	time.AfterFunc(err.wait(), a.wake) // nothing else may happen until then
	return err
}

func (a *health) logPanic(p *contain.Panic, more ...any) {
	a.log.Error("a panic was caught", append([]any{"err", p, "stack trace", p.Stack}, more...)...)
}

// logIfPanic logs a panic that somebody is told of as an error.
func (a *health) logIfPanic(err error, more ...any) {
	var p *contain.Panic
	if errors.As(err, &p) {
		a.logPanic(p, more...)
	}
}

// panicked shows and logs a panic that nobody counts, and says whether there was one.
func (a *health) panicked(source string, p *contain.Panic) bool {
	if p == nil {
		a.faults.set(source, nil)
		return false
	}
	a.logPanic(p)
	a.faults.set(source, p)
	return true
}

// showStruck shows a panic in status, or takes it away when there is none any more.
func (a *health) showStruck(source string, struck *struckError) {
	if struck == nil {
		a.faults.set(source, nil)
	} else {
		a.faults.set(source, struck)
	}
}

// asStruck finds a panic's error in another one; nil if there is none.
func asStruck(err error) *struckError {
	var struck *struckError
	errors.As(err, &struck)
	return struck
}

// part is a part of the loop's pass that is not about one run. It shows its errors as one of the store's, as they most often
// are, and its panics under its own name.
func (a *Agent) part(name string, f func() error) {
	err := a.contained(work{name: name, watches: true}, f)
	struck := asStruck(err)
	if struck == nil {
		a.faults.set(name, nil)
		if err != nil {
			a.storeFault(err)
		}
		return
	}
	a.faults.set(name, struck)
}

// tend keeps one of the agent's own loops going until ctx ends. What a loop works on is contained one by one inside; a panic
// outside of that starts it again after a rest, for without it the agent would be deaf or mute.
func (a *health) tend(ctx context.Context, name string, loop func(context.Context)) {
	for {
		err := a.contained(work{name: name, watches: true}, func() error {
			a.faults.set(name, nil)
			loop(ctx)
			return nil
		})
		struck := asStruck(err)
		if struck == nil {
			return // ctx ended, or the loop has nothing to do any more
		}
		a.faults.set(name, struck)
		if clock.Sleep(ctx, struck.wait(), nil); ctx.Err() != nil {
			return
		}
	}
}

// aside does something on the agent's behalf that nobody waits for.
func (a *health) aside(name string, f func()) {
	contain.Go(name, func(p *contain.Panic) { a.panicked(name, p) }, func() {
		f()
		a.faults.set(name, nil) // of the last time, if that panicked
	})
}

// runWork is everything that the loop and its workers do for a run. It starts afresh when the run moves, somebody decides
// about it or cancels it.
func runWork(run *store.Run) work {
	return work{
		name: runName(run.ID),
		at:   strings.Join([]string{string(run.Status), run.Head, fmt.Sprint(len(run.Decisions)), run.CancelBy}, " "),
		// What is applying has to be followed to its end whatever happens.
		watches: run.Status == store.Applying,
	}
}

func runName(run int) string { return fmt.Sprintf("working on run #%d", run) }

// workPanicked takes in how a worker ended, of a run or, with id 0, of whatever name says.
func (a *executor) workPanicked(name string, id int, p *contain.Panic) {
	switch {
	case id == 0:
		a.panicked(name, p)
		return
	case p == nil:
		a.strikes.clear(runName(id))
		return
	}
	run, err := a.runOf(&store.Message{Run: id})
	if err != nil || run == nil {
		a.work.rest(id)
		a.logPanic(p, "run", id)
		return
	}
	struck := a.struck(runWork(run), p)
	if run.Status.Terminal() { // what is owed to it is the after_apply hook, which begins once
		err = a.settleHook(id, a.redact("the after_apply hook was not seen to its end: "+p.Error()))
	} else {
		a.runStruck(run, struck)
	}
	if err != nil {
		a.storeFault(err)
	}
}

// restRun shows why a run's work rests, or ends what cannot be planned: that waits for a new commit, or a person.
func (a *executor) restRun(w *world, run *store.Run, struck *struckError) error {
	text := a.struckText(run, struck)
	if !struck.held() || run.Status != store.Planning {
		return a.hold(run, text, struck.UserHint())
	}
	return a.moveNow(w, run, store.Move{From: store.Planning, To: store.Errored, Text: text}, func(r *store.Run) error {
		r.Error, r.Hint = text, contain.Hint+"; then: sallyport plan "+run.Stack
		return nil
	})
}

// struckText is a panic as the reason why a run is held.
func (a *executor) struckText(run *store.Run, struck *struckError) string {
	text := a.redact(struck.Error())
	if run.Status == store.Applying {
		return lifecycle.FollowFails + text // not the apply is held, but who follows it
	}
	return text
}

// runStruck shows a panic as the error of the run that it happened for: a hold, with what to do. What had ended already, and
// is only worked on afterwards, keeps its end.
func (a *executor) runStruck(run *store.Run, struck *struckError) {
	p := contain.Run("holding a run", func() {
		if err := a.hold(run, a.struckText(run, struck), struck.UserHint()); err != nil {
			a.storeFault(err)
		}
	})
	if p != nil { // the very message about it cannot be made: status and the log still tell
		a.logPanic(p, "run", run.ID, "stack", run.Stack)
		a.faults.set(fmt.Sprintf("run #%d", run.ID), struck)
	}
}
