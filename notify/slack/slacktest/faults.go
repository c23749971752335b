package slacktest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"

	"sallyport/notify/slack/slacktest/link"
)

// FaultKind is a way to fail.
type FaultKind int

// The ways to fail. Those that "carry out" do what was asked before they fail.
const (
	RateLimited     FaultKind = iota // HTTP 429 with Retry-After
	RateLimitedBare                  // HTTP 429 without
	RateLimitedOK                    // HTTP 200, ok:false, ratelimited
	ServerError                      // HTTP 503 with a page of HTML; nothing is done
	Refuse                           // HTTP 200, ok:false and Code
	Hang                             // no answer until the client goes away or [Server.Unhang]; nothing is done
	Drop                             // the connection is closed at once; nothing is done
	LoseAnswer                       // carried out, then the connection is closed
	LateServerError                  // carried out, then HTTP 503
	Truncate                         // carried out, then half of the answer with HTTP 200
	Duplicate                        // carried out twice, answered once
)

func (k FaultKind) String() string {
	names := [...]string{"429", "429 without Retry-After", "ratelimited", "503", "refused", "hang", "drop", "lost answer",
		"late 503", "truncated", "duplicate"}
	if int(k) < len(names) {
		return names[k]
	}
	return "fault " + strconv.Itoa(int(k))
}

// Fault is how requests fail.
type Fault struct {
	Kind       FaultKind
	RetryAfter int    // seconds, of RateLimited
	Code       string // of Refuse
}

type fault struct {
	Fault
	method string // empty: any
	left   int
}

// Fail lets the next n requests of a method fail; an empty method stands for every method, "upload" for the bytes of a file.
// Several faults of one method are played one after the other.
func (s *Server) Fail(method string, n int, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &fault{Fault: f, method: method, left: n})
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

func (s api) takeFault(method string) *fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return &fault{Fault: Fault{Kind: Drop}}
	}
	for i, f := range s.faults {
		if f.method != "" && f.method != method {
			continue
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
	case RateLimited, RateLimitedBare:
		if f.Kind == RateLimited {
			w.Header().Set("Retry-After", strconv.Itoa(f.RetryAfter))
		}
		w.WriteHeader(http.StatusTooManyRequests)
	case RateLimitedOK:
		writeJSON(w, failure("ratelimited"))
	case Refuse:
		writeJSON(w, failure(f.Code))
	case ServerError:
		link.Unavailable(w)
	case Hang:
		s.mu.Lock()
		unhang := s.unhang
		s.mu.Unlock()
		// Only a body that was read lets the server notice that the client went away.
		_ = r.ParseMultipartForm(1 << 20)
		s.record("hanging", nil, r.URL.Path)
		select {
		case <-r.Context().Done():
		case <-unhang:
		case <-s.done:
		}
		link.HangUp(w)
	case Drop:
		link.HangUp(w)
	}
}

// after plays a fault that comes when everything is done; it reports whether it answered.
func (f *fault) after(w http.ResponseWriter, answer result) bool {
	switch f.Kind {
	case LoseAnswer:
		link.HangUp(w)
	case LateServerError:
		link.Unavailable(w)
	case Truncate:
		var b bytes.Buffer
		_ = json.NewEncoder(&b).Encode(answer) // a map of plain values
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = w.Write(b.Bytes()[:b.Len()/2])
	default:
		return false
	}
	return true
}
