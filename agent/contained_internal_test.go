package agent

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"sallyport/agent/contain"
	"sallyport/agent/hint"
	"sallyport/store"
)

// bare is an agent that can contain panics and nothing else.
func bare() (*health, *bytes.Buffer) {
	log := &bytes.Buffer{}
	return &health{
		bell: &bell{changes: newBroadcast(), wakes: make(chan struct{}, 1)},
		log:  slog.New(slog.NewTextHandler(log, nil)), strikes: newStrikes(), faults: newFaults(time.Now),
	}, log
}

// The third panic in the same place holds the work; another place, another commit, a success or a reload begin anew.
func TestStrikes(t *testing.T) {
	at := func(place string) *contain.Panic { return &contain.Panic{Work: "w", Value: "bang", Place: place} }
	w := work{name: "w", at: "c1"}
	for _, test := range []struct {
		name  string
		steps func(s *strikes) *struckError
		times int
		rests bool
		held  bool
	}{
		{"once", func(s *strikes) *struckError { return s.add(w, at("a")) }, 1, true, false},
		{"twice", func(s *strikes) *struckError { s.add(w, at("a")); return s.add(w, at("a")) }, 2, true, false},
		{"three times", func(s *strikes) *struckError { s.add(w, at("a")); s.add(w, at("a")); return s.add(w, at("a")) }, 3, true, true},
		{"another place", func(s *strikes) *struckError { s.add(w, at("a")); s.add(w, at("a")); return s.add(w, at("b")) }, 1, true, false},
		{"another commit", func(s *strikes) *struckError {
			s.add(w, at("a"))
			s.add(w, at("a"))
			s.add(w, at("a"))
			if s.resting(work{name: "w", at: "c2"}) != nil {
				t.Error("a new commit is not tried")
			}
			return s.add(work{name: "w", at: "c2"}, at("a"))
		}, 1, false, false},
		{"it worked in between", func(s *strikes) *struckError {
			s.add(w, at("a"))
			s.add(w, at("a"))
			s.clear("w")
			return s.add(w, at("a"))
		}, 1, true, false},
		{"a reload", func(s *strikes) *struckError { s.add(w, at("a")); s.forget(); return s.add(w, at("a")) }, 1, true, false},
		{"long ago", func(s *strikes) *struckError {
			s.add(w, at("a"))
			s.m["w"].last = time.Now().Add(-panicMemory)
			return s.add(w, at("a"))
		}, 1, true, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newStrikes()
			err := test.steps(s)
			rests := s.resting(w)
			if err.times != test.times || err.held() != test.held || (rests != nil) != test.rests || !err.news || rests != nil && rests.news {
				t.Errorf("%d times, held %v, rests %v", err.times, err.held(), rests)
			}
			if text := err.Error(); !strings.Contains(text, "bang") || test.held != strings.Contains(text, "held after 3 times") || err.UserHint() == "" {
				t.Errorf("it is told as %q, %q", text, err.UserHint())
			}
			if test.held && !strings.Contains(err.UserHint(), "new commit") {
				t.Errorf("the hint does not say what ends it: %q", err.UserHint())
			}
		})
	}
}

// Rests double, and only what watches is tried again by itself once it is held.
func TestStruckRests(t *testing.T) {
	p := &contain.Panic{Place: "a"}
	for _, w := range []work{{name: "once"}, {name: "watches", watches: true}} {
		s := newStrikes()
		first, second, third := s.add(w, p), s.add(w, p), s.add(w, p)
		if first.wait() > panicRest || second.wait() <= panicRest || second.wait() > 2*panicRest || third.until.IsZero() == w.watches || third.wait() <= second.wait() {
			t.Errorf("%s rests %s, %s, %s", w.name, first.wait(), second.wait(), third.wait())
		}
	}
}

func TestContained(t *testing.T) {
	a, log := bare()
	w := work{name: "trying", at: "c1"}
	ran := 0
	bang := func() error { ran++; panic("bang") }
	for range 3 {
		err := a.contained(w, bang)
		var p *contain.Panic
		if asStruck(err) == nil || !errors.As(err, &p) || hint.Of(err) == "" {
			t.Fatalf("the error is %v", err)
		}
	}
	if ran != 1 {
		t.Errorf("it ran %d times within its rest", ran)
	}
	if text := log.String(); strings.Count(text, "a panic was caught") != 1 || !strings.Contains(text, `"stack trace"=`) || strings.Contains(text, " stack=") {
		t.Errorf("the log says %s", text)
	}
	own := errors.New("its own")
	if err := a.contained(work{name: "trying", at: "c2"}, func() error { return own }); err != own {
		t.Errorf("the error is %v", err)
	}
	if a.strikes.resting(w) != nil {
		t.Error("it rests though it did not panic the last time")
	}
}

// A loop of the agent's that panics is started again, unless the agent ends.
func TestTendEnds(t *testing.T) {
	a, _ := bare()
	ctx, cancel := context.WithCancel(context.Background())
	ran := 0
	a.tend(ctx, "looping", func(context.Context) { ran++; cancel(); panic("bang") })
	if ran != 1 || len(a.faults.list()) != 1 {
		t.Errorf("it ran %d times; what is wrong: %+v", ran, a.faults.list())
	}
	ran = 0
	a.strikes.forget()
	a.tend(ctx, "looping", func(context.Context) { ran++ }) // which has ended: a loop that must close something does so by itself
	if ran != 1 || len(a.faults.list()) != 0 {
		t.Errorf("it ran %d times; what is wrong: %+v", ran, a.faults.list())
	}
}

// A run whose work rests is not planned: each try would count as one that nobody saw the end of, and eight of them end it.
func TestRestIsNoAttempt(t *testing.T) {
	a := &executor{work: newWorkers(func() {}, func(string, int, *contain.Panic) {})}
	a.work.start(context.Background())
	a.work.rest(1)
	if err := a.startPlan(nil, &store.Run{ID: 1, Status: store.Planning}, nil); err != nil { // it would use the store, which is not there
		t.Error(err)
	}
}
