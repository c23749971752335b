package githubtest

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
	Secondary       FaultKind = iota // 403, secondary rate limit, with Retry-After if that is set
	TooMany                          // 429 with Retry-After
	Primary                          // 403, primary rate limit, over in RetryAfter seconds
	ServerError                      // 502 with a page of HTML; nothing is done
	Refuse                           // Status and Words, nothing is done
	NoAnswer                         // 200 with a page of HTML, as a proxy may give
	Hang                             // no answer until the client goes away or [Server.Unhang]; nothing is done
	Drop                             // the connection is closed at once; nothing is done
	LoseAnswer                       // carried out, then the connection is closed
	LateServerError                  // carried out, then HTTP 502
	Truncate                         // carried out, then half of the answer with its status
	Duplicate                        // carried out twice, answered once
)

func (k FaultKind) String() string {
	names := [...]string{"secondary limit", "429", "primary limit", "502", "refused", "no answer of github's", "hang", "drop", "lost answer",
		"late 502", "truncated", "duplicate"}
	if int(k) < len(names) {
		return names[k]
	}
	return "fault " + strconv.Itoa(int(k))
}

// Fault is how requests fail.
type Fault struct {
	Kind       FaultKind
	RetryAfter int         // seconds, of limits
	Status     int         // of Refuse
	Words      string      // likewise
	Header     http.Header // likewise
	Skip       int         // so many requests go well before
}

type fault struct {
	Fault
	route string // empty: any
	left  int
}

// Fail lets the next n requests of a route fail; an empty route stands for every one. Several faults of one route are
// played one after the other.
func (s *Server) Fail(route string, n int, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &fault{Fault: f, route: route, left: n})
}

// Before calls f before each request of a route is looked at, so that something can happen in between two requests: a push
// between a check and a fetch. A nil f ends it.
func (s *Server) Before(route string, f func(Call)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before[route] = f
}

// runBefore runs without the lock: what happens in between is done by the Server's own methods.
func (s api) runBefore(c Call) {
	s.mu.Lock()
	f := s.before[c.Route]
	s.mu.Unlock()
	if f != nil {
		f(c)
	}
}

// Heal forgets all faults that were not played yet, and ends an outage.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults, s.down = nil, false
}

// Down begins an outage: every request is dropped until [Server.Heal].
func (s *Server) Down() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = true
}

// Unhang lets go of the requests that hang now; their connections are closed.
func (s *Server) Unhang() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.unhang)
	s.unhang = make(chan struct{})
}

func (s api) takeFault(route string) *fault {
	s.mu.Lock()
	defer s.mu.Unlock()
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

// before plays a fault that does nothing of what was asked.
func (f *fault) before(w http.ResponseWriter, r *http.Request, s api) {
	switch f.Kind {
	case Secondary, TooMany, Primary, Refuse:
		a := f.answer(s)
		s.write(w, a, encode(a.body))
	case ServerError:
		page(w, http.StatusBadGateway)
	case NoAnswer:
		page(w, http.StatusOK)
	case Hang:
		s.mu.Lock()
		unhang := s.unhang
		s.mu.Unlock()
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

// answer is what GitHub says when it refuses.
func (f *fault) answer(s api) answer {
	a := refuse(f.Status, f.Words)
	a.header = f.Header.Clone()
	if a.header == nil {
		a.header = http.Header{}
	}
	switch f.Kind {
	case Secondary, TooMany:
		a.status = http.StatusForbidden
		if f.Kind == TooMany {
			a.status = http.StatusTooManyRequests
		}
		a.body = map[string]any{"message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
			"documentation_url": docs + "/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits"}
		if f.RetryAfter > 0 {
			a.header.Set("Retry-After", strconv.Itoa(f.RetryAfter))
		}
	case Primary:
		a = s.exhausted()
		a.header = http.Header{}
		a.header.Set("X-RateLimit-Limit", "5000")
		a.header.Set("X-RateLimit-Remaining", "0")
		a.header.Set("X-RateLimit-Reset", strconv.FormatInt(s.opts.Now().Unix()+int64(f.RetryAfter), 10))
	}
	a.header.Set("Date", s.opts.Now().UTC().Format(http.TimeFormat))
	return a
}

// after plays a fault that comes when everything is done; it reports whether it answered.
func (f *fault) after(w http.ResponseWriter, raw []byte) bool {
	switch f.Kind {
	case LoseAnswer:
		hangUp()
	case LateServerError:
		page(w, http.StatusBadGateway)
	case Truncate:
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = w.Write(raw[:len(raw)/2])
	default:
		return false
	}
	return true
}

func page(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, fmt.Sprintf("<html><body>%d: the unicorn is angry</body></html>", status))
}

// hangUp closes the connection without an answer.
func hangUp() { panic(http.ErrAbortHandler) }
