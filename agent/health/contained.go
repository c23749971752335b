package health

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"sallyport/agent/clock"
	"sallyport/agent/contain"
	"sallyport/agent/fault"
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

// Work is a piece of work that may panic.
type Work struct {
	Name string // as in package contain: what is done, and to what; panics are counted by it
	// at is what the work depends on: a commit, a decision. Where it is another one than when the work panicked, that is forgotten.
	At string
	// watches is set if nothing else would notice that the work may be tried again.
	Watches bool
}

// A StruckError is work that panicked and rests, or is held.
type StruckError struct {
	Panic *contain.Panic
	times int
	until time.Time // not to be tried before; zero: until something changes
	News  bool      // it panicked just now
}

// Error implements error. It is the same until the work is tried again.
func (e *StruckError) Error() string {
	if e.Held() {
		return fmt.Sprintf("held after %d times: %s", e.times, e.Panic)
	}
	return fmt.Sprintf("%s; it is tried again (%d of %d)", e.Panic, e.times+1, maxPanics)
}

// Unwrap gives the panic.
func (e *StruckError) Unwrap() error { return e.Panic }

// UserHint tells what to do about it.
func (e *StruckError) UserHint() string {
	if e.Held() {
		return contain.Hint + "; it is tried again after a new commit, systemctl reload sallyport or sallyport resume"
	}
	return contain.Hint
}

// Held reports that the work is not tried again by itself, since it has panicked again and again.
func (e *StruckError) Held() bool { return e.times >= maxPanics }

// Wait is how long the work is left alone; zero if it may be tried. Held for good counts as long.
func (e *StruckError) Wait() time.Duration {
	if e.until.IsZero() {
		return heldRest
	}
	return max(0, time.Until(e.until))
}

// Strikes are the panics of each piece of work that has not succeeded since.
type Strikes struct {
	mu sync.Mutex
	m  map[string]*strike
}

type strike struct {
	at   string
	last time.Time
	err  *StruckError
}

// NewStrikes begins without any.
func NewStrikes() *Strikes { return &Strikes{m: map[string]*strike{}} }

// Resting says why work must not be tried now; nil if it may.
func (s *Strikes) Resting(w Work) *StruckError {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.m[w.Name]
	if found == nil || found.at != w.At || found.err.Wait() == 0 {
		return nil
	}
	old := *found.err
	old.News = false
	return &old
}

// Add counts a panic.
func (s *Strikes) Add(w Work, p *contain.Panic) *StruckError {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	times := 1
	if before := s.m[w.Name]; before != nil && before.at == w.At && before.err.Panic.Place == p.Place && now.Sub(before.last) < panicMemory {
		times = before.err.times + 1
	}
	err := &StruckError{Panic: p, times: times, News: true, until: now.Add(fault.Soon(panicRest) << min(times-1, 8))}
	if err.Held() {
		err.until = time.Time{}
		if w.Watches {
			err.until = now.Add(heldRest)
		}
	}
	s.m[w.Name] = &strike{w.At, now, err}
	return err
}

// Clear forgets what happened to work that succeeded.
func (s *Strikes) Clear(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.m, name)
}

// Forget has everything tried again.
func (s *Strikes) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.m)
}

// Contained does a piece of work, unless it panicked and rests. The error is the work's own or a *struckError.
func (h *Health) Contained(w Work, f func() error) error {
	if struck := h.strikes.Resting(w); struck != nil {
		return struck
	}
	err := contain.Do(w.Name, f)
	if p, panicked := err.(*contain.Panic); panicked {
		return h.Struck(w, p)
	}
	h.strikes.Clear(w.Name)
	return err
}

// Struck counts and logs a panic.
func (h *Health) Struck(w Work, p *contain.Panic) *StruckError {
	err := h.strikes.Add(w, p)
	h.LogPanic(p, "times", err.times, "held", err.Held())
	time.AfterFunc(err.Wait(), h.bell.Wake) // nothing else may happen until then
	return err
}

// LogPanic logs a panic with its stack trace, and what more there is to know of it.
func (h *Health) LogPanic(p *contain.Panic, more ...any) {
	h.panics.Add(1)
	h.log.Error("a panic was caught", append([]any{"err", p, "stack trace", p.Stack}, more...)...)
}

// Panics is how many were logged since the start.
func (h *Health) Panics() int64 { return h.panics.Load() }

// LogIfPanic logs a panic that somebody is told of as an error.
func (h *Health) LogIfPanic(err error, more ...any) {
	var p *contain.Panic
	if errors.As(err, &p) {
		h.LogPanic(p, more...)
	}
}

// Panicked shows and logs a panic that nobody counts, and says whether there was one.
func (h *Health) Panicked(source string, p *contain.Panic) bool {
	if p == nil {
		h.faults.Set(source, nil)
		return false
	}
	h.LogPanic(p)
	h.faults.Set(source, p)
	return true
}

// ShowStruck shows a panic in status, or takes it away when there is none any more.
func (h *Health) ShowStruck(source string, struck *StruckError) {
	if struck == nil {
		h.faults.Set(source, nil)
	} else {
		h.faults.Set(source, struck)
	}
}

// AsStruck finds a panic's error in another one; nil if there is none.
func AsStruck(err error) *StruckError {
	var struck *StruckError
	errors.As(err, &struck)
	return struck
}

// Tend keeps one of the agent's own loops going until ctx ends. What a loop works on is contained one by one inside; a panic
// outside of that starts it again after a rest, for without it the agent would be deaf or mute.
func (h *Health) Tend(ctx context.Context, name string, loop func(context.Context)) {
	for {
		err := h.Contained(Work{Name: name, Watches: true}, func() error {
			h.faults.Set(name, nil)
			loop(ctx)
			return nil
		})
		struck := AsStruck(err)
		if struck == nil {
			return // ctx ended, or the loop has nothing to do any more
		}
		h.faults.Set(name, struck)
		if clock.Sleep(ctx, struck.Wait(), nil); ctx.Err() != nil {
			return
		}
	}
}

// Aside does something on the agent's behalf that nobody waits for.
func (h *Health) Aside(name string, f func()) {
	contain.Go(name, func(p *contain.Panic) { h.Panicked(name, p) }, func() {
		f()
		h.faults.Set(name, nil) // of the last time, if that panicked
	})
}
