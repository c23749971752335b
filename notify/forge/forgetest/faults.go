package forgetest

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// FaultKind is a way to fail.
type FaultKind int

// The ways to fail. Those that "carry out" do what was asked before they fail.
const (
	TooMany         FaultKind = iota // the site limits the rate, for RetryAfter seconds if that is set
	ServerError                      // 502 with a page of HTML; nothing is done
	Refuse                           // Answer, nothing is done
	NoAnswer                         // 200 with a page of HTML, as a proxy may give
	Hang                             // no answer until the client goes away or [Frame.Unhang]; nothing is done
	Drop                             // the connection is closed at once; nothing is done
	LoseAnswer                       // carried out, then the connection is closed
	LateServerError                  // carried out, then HTTP 502
	Truncate                         // carried out, then half of the answer with its status
	Duplicate                        // carried out twice, answered once
)

func (k FaultKind) String() string {
	names := [...]string{"429", "502", "refused", "no answer of the site's", "hang", "drop", "lost answer", "late 502", "truncated", "duplicate"}
	if k >= 0 && int(k) < len(names) {
		return names[k]
	}
	return "fault " + strconv.Itoa(int(k))
}

// Fault is how requests fail.
type Fault struct {
	Kind       FaultKind
	RetryAfter int    // seconds, of a limit
	Answer     Answer // of Refuse
	Skip       int    // so many requests go well before
}

type fault struct {
	Fault
	route string // empty: any
	left  int
}

// Fail lets the next n requests of a route fail; an empty route stands for every one. Several faults of one route are
// played one after the other.
func (s *Frame) Fail(route string, n int, f Fault) {
	s.Lock()
	defer s.Unlock()
	s.faults = append(s.faults, &fault{Fault: f, route: route, left: n})
}

// Before calls f before each request of a route is looked at, so that something can happen in between two requests: a push
// between a check and a fetch. A nil f ends it.
func (s *Frame) Before(route string, f func(Call)) {
	s.Lock()
	defer s.Unlock()
	s.before[route] = f
}

// runBefore runs without the lock: what happens in between is done by the fake's own methods.
func (s *Frame) runBefore(c Call) {
	s.Lock()
	f := s.before[c.Route]
	s.Unlock()
	if f != nil {
		f(c)
	}
}

// Heal forgets all faults that were not played yet, and ends an outage.
func (s *Frame) Heal() {
	s.Lock()
	defer s.Unlock()
	s.faults, s.down = nil, false
}

// Down begins an outage: every request is dropped until [Frame.Heal].
func (s *Frame) Down() {
	s.Lock()
	defer s.Unlock()
	s.down = true
}

// Unhang lets go of the requests that hang now; their connections are closed.
func (s *Frame) Unhang() {
	s.Lock()
	defer s.Unlock()
	close(s.unhang)
	s.unhang = make(chan struct{})
}

func (s *Frame) takeFault(route string) *fault {
	s.Lock()
	defer s.Unlock()
	if s.down {
		return &fault{Fault: Fault{Kind: Drop}}
	}
	for i, f := range s.faults {
		if f.route != "" && f.route != route {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			return nil
		}
		if f.left--; f.left <= 0 {
			s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
		}
		return f
	}
	return nil
}

// early reports whether nothing of what was asked is done.
func (f *fault) early() bool {
	switch f.Kind {
	case LoseAnswer, LateServerError, Truncate, Duplicate:
		return false
	}
	return true
}

// playEarly plays a fault that does nothing of what was asked.
func (s *Frame) playEarly(f *fault, w http.ResponseWriter, r *http.Request) {
	switch f.Kind {
	case TooMany:
		s.opts.Limited(f.RetryAfter).write(w)
	case Refuse:
		f.Answer.write(w)
	case ServerError:
		page(w, http.StatusBadGateway)
	case NoAnswer:
		page(w, http.StatusOK)
	case Hang:
		s.Lock()
		unhang := s.unhang
		s.Unlock()
		select {
		case <-r.Context().Done():
		case <-unhang:
		case <-s.done:
		}
		hangUp()
	case Drop:
		hangUp()
	}
}

// playLate plays a fault that comes when everything is done; it reports whether it answered.
func (f *fault) playLate(w http.ResponseWriter, a Answer) bool {
	switch f.Kind {
	case LoseAnswer:
		hangUp()
	case LateServerError:
		page(w, http.StatusBadGateway)
	case Truncate:
		raw := a.bytes()
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(a.Status)
		_, _ = w.Write(raw[:len(raw)/2])
	default:
		return false
	}
	return true
}

func page(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, fmt.Sprintf("<html><body>%d: this is a page and no answer</body></html>", status))
}

// hangUp closes the connection without an answer.
func hangUp() { panic(http.ErrAbortHandler) }
