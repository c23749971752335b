package web

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"sallyport/agent/control"
	"sallyport/notify/redact"
)

// lookEvery is how often a run is read while people look at it as it goes on.
const (
	lookEvery   = time.Second
	lookAtLeast = 30 * time.Second
)

// A look is how a run stood at a moment, with its log so far.
type look struct {
	run control.Run
	log string
	err error
}

// looks reads a run once for all who look at it at the same time: readers must cost what one of them costs.
type looks struct {
	facts Facts
	now   func() time.Time

	mu  sync.Mutex
	one map[int]*shared
}

// shared is one run that people look at.
type shared struct {
	readers int // under the mutex of looks

	mu   sync.Mutex
	next time.Time // when it is read again
	last look
}

// join makes a reader of a run. The function that it returns ends that.
func (l *looks) join(id int) (*shared, func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.one == nil {
		l.one = map[int]*shared{}
	}
	s := l.one[id]
	if s == nil {
		s = &shared{}
		l.one[id] = s
	}
	s.readers++
	return s, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if s.readers--; s.readers == 0 {
			delete(l.one, id)
		}
	}
}

// of is how a run stands, as read within the last second, or of a log that takes long to read within ten times as long.
func (l *looks) of(ctx context.Context, id int, s *shared) look {
	s.mu.Lock()
	defer s.mu.Unlock()
	began := l.now()
	if began.Before(s.next) && s.next.Sub(began) <= lookAtLeast { // a clock that was set back must not stop it
		return s.last
	}
	fresh := l.read(ctx, id)
	if ctx.Err() == nil { // who goes away takes no answer from the others
		s.last, s.next = fresh, began.Add(min(max(lookEvery, 10*l.now().Sub(began)), lookAtLeast))
	}
	return fresh
}

// read reads the run before its log: one that has ended by then has said everything.
func (l *looks) read(ctx context.Context, id int) look {
	ref := strconv.Itoa(id)
	run, err := l.facts.Run(ctx, ref)
	if err != nil || run.Apply == nil {
		return look{run: run, err: err}
	}
	text, err := l.facts.Log(ctx, ref)
	if gone(err) { // its directory is: the record has the rest
		return look{run: run}
	}
	if !run.Status.Terminal() { // what a program has said of a line so far may be half of a secret
		text = text[:strings.LastIndexByte(text, '\n')+1]
	}
	return look{run: run, log: redact.Clean(text), err: err}
}

// gone reports whether something is not there, or not any more.
func gone(err error) bool {
	var answer *control.Error
	return errors.As(err, &answer) && answer.Kind == control.NotFound
}
