package health

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"sallyport/agent/bell"
	"sallyport/agent/contain"
	"sallyport/agent/hint"
)

// bare is an agent that can contain panics and nothing else.
func bare() (*Health, *bytes.Buffer) {
	log := &bytes.Buffer{}
	return &Health{
		bell: &bell.Bell{Changes: bell.NewBroadcast(), Wakes: make(chan struct{}, 1)},
		log:  slog.New(slog.NewTextHandler(log, nil)), strikes: NewStrikes(), faults: NewFaults(time.Now),
	}, log
}

// The third panic in the same place holds the work; another place, another commit, a success or a reload begin anew.
func TestStrikes(t *testing.T) {
	at := func(place string) *contain.Panic { return &contain.Panic{Work: "w", Value: "bang", Place: place} }
	w := Work{Name: "w", At: "c1"}
	for _, test := range []struct {
		name  string
		steps func(s *Strikes) *StruckError
		times int
		rests bool
		held  bool
	}{
		{"once", func(s *Strikes) *StruckError { return s.Add(w, at("a")) }, 1, true, false},
		{"twice", func(s *Strikes) *StruckError { s.Add(w, at("a")); return s.Add(w, at("a")) }, 2, true, false},
		{"three times", func(s *Strikes) *StruckError { s.Add(w, at("a")); s.Add(w, at("a")); return s.Add(w, at("a")) }, 3, true, true},
		{"another place", func(s *Strikes) *StruckError { s.Add(w, at("a")); s.Add(w, at("a")); return s.Add(w, at("b")) }, 1, true, false},
		{"another commit", func(s *Strikes) *StruckError {
			s.Add(w, at("a"))
			s.Add(w, at("a"))
			s.Add(w, at("a"))
			if s.Resting(Work{Name: "w", At: "c2"}) != nil {
				t.Error("a new commit is not tried")
			}
			return s.Add(Work{Name: "w", At: "c2"}, at("a"))
		}, 1, false, false},
		{"it worked in between", func(s *Strikes) *StruckError {
			s.Add(w, at("a"))
			s.Add(w, at("a"))
			s.Clear("w")
			return s.Add(w, at("a"))
		}, 1, true, false},
		{"a reload", func(s *Strikes) *StruckError { s.Add(w, at("a")); s.Forget(); return s.Add(w, at("a")) }, 1, true, false},
		{"long ago", func(s *Strikes) *StruckError {
			s.Add(w, at("a"))
			s.m["w"].last = time.Now().Add(-panicMemory)
			return s.Add(w, at("a"))
		}, 1, true, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := NewStrikes()
			err := test.steps(s)
			rests := s.Resting(w)
			if err.times != test.times || err.Held() != test.held || (rests != nil) != test.rests || !err.News || rests != nil && rests.News {
				t.Errorf("%d times, held %v, rests %v", err.times, err.Held(), rests)
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
	for _, w := range []Work{{Name: "once"}, {Name: "watches", Watches: true}} {
		s := NewStrikes()
		first, second, third := s.Add(w, p), s.Add(w, p), s.Add(w, p)
		if first.Wait() > panicRest || second.Wait() <= panicRest || second.Wait() > 2*panicRest || third.until.IsZero() == w.Watches || third.Wait() <= second.Wait() {
			t.Errorf("%s rests %s, %s, %s", w.Name, first.Wait(), second.Wait(), third.Wait())
		}
	}
}

func TestContained(t *testing.T) {
	a, log := bare()
	w := Work{Name: "trying", At: "c1"}
	ran := 0
	bang := func() error { ran++; panic("bang") }
	for range 3 {
		err := a.Contained(w, bang)
		var p *contain.Panic
		if AsStruck(err) == nil || !errors.As(err, &p) || hint.Of(err) == "" {
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
	if err := a.Contained(Work{Name: "trying", At: "c2"}, func() error { return own }); err != own {
		t.Errorf("the error is %v", err)
	}
	if a.strikes.Resting(w) != nil {
		t.Error("it rests though it did not panic the last time")
	}
}

// A loop of the agent's that panics is started again, unless the agent ends.
func TestTendEnds(t *testing.T) {
	a, _ := bare()
	ctx, cancel := context.WithCancel(context.Background())
	ran := 0
	a.Tend(ctx, "looping", func(context.Context) { ran++; cancel(); panic("bang") })
	if ran != 1 || len(a.faults.List()) != 1 {
		t.Errorf("it ran %d times; what is wrong: %+v", ran, a.faults.List())
	}
	ran = 0
	a.strikes.Forget()
	a.Tend(ctx, "looping", func(context.Context) { ran++ }) // which has ended: a loop that must close something does so by itself
	if ran != 1 || len(a.faults.List()) != 0 {
		t.Errorf("it ran %d times; what is wrong: %+v", ran, a.faults.List())
	}
}
