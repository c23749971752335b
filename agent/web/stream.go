package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"sallyport/agent/control"
	"sallyport/store"
)

const (
	heartbeat = 15 * time.Second // a stream with nothing to say says so, so that both ends know of each other
	maxPiece  = 64 << 10         // of a log, in one event
	retryMS   = 3000             // after so long a browser asks again when a stream was cut
)

// A place is how far a stream has come in a log: so many bytes, and what they were. It is all that is kept of what was sent, and it is the
// id of an event, with which a browser goes on after a cut.
type place struct {
	at  int
	sum uint64
}

// begin is the place before a log, and fnvPrime what its sum goes on with: FNV-1a, of which the sum is all that goes on.
const (
	begin    = 14695981039346656037
	fnvPrime = 1099511628211
)

// after is the place behind more of a log.
func (p place) after(more string) place {
	for i := range len(more) {
		p.sum = (p.sum ^ uint64(more[i])) * fnvPrime
	}
	p.at += len(more)
	return p
}

// String is the id of an event.
func (p place) String() string { return fmt.Sprintf("%d-%016x", p.at, p.sum) }

// placeOf reads one, if it is one.
func placeOf(id string) (place, bool) {
	at, sum, _ := strings.Cut(id, "-")
	n, err := strconv.Atoi(at)
	h, sumErr := strconv.ParseUint(sum, 16, 64)
	return place{n, h}, err == nil && sumErr == nil && n >= 0
}

// in reports whether a log still is what it was up to the place. It is not where a value is known as a secret only since, and where so
// much was said that the middle is left out.
func (p place) in(log string) bool {
	return p.at <= len(log) && place{sum: begin}.after(log[:p.at]) == p
}

// follow sends a run's log as it grows, as server-sent events, until the run has ended:
//
//	log    more of the log
//	anew   the log begins again, with this
//	run    how the run stands, when that has changed
//	end    the run has ended, and all of its log was sent
func (s *Server) follow(w http.ResponseWriter, r *http.Request) {
	id, ok := runID(r)
	if !ok {
		s.missing(w)
		return
	}
	if _, err := s.opts.Facts.Run(r.Context(), strconv.Itoa(id)); err != nil {
		s.fail(w, err)
		return
	}
	select {
	case s.streams <- struct{}{}:
		defer func() { <-s.streams }()
	default:
		w.Header().Set("Retry-After", "30")
		s.message(w, http.StatusServiceUnavailable, "Too many logs are being followed at a time. Reload the page to see more of this one.")
		return
	}
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	w.Header().Set("X-Accel-Buffering", "no")
	if r.Method == http.MethodHead {
		return
	}
	from, resumes := placeOf(r.Header.Get("Last-Event-ID"))
	t := &stream{server: s, w: w, out: http.NewResponseController(w), at: from, status: store.Status(r.URL.Query().Get("status")), begins: !resumes}
	if err := t.run(r.Context(), id); err != nil {
		s.opts.Log.Debug("following a log", "run", id, "err", err) // the reader went away, or is too slow
	}
}

// stream is one reader of a log.
type stream struct {
	server *Server
	w      http.ResponseWriter
	out    *http.ResponseController
	at     place
	status store.Status // that was told last
	begins bool         // nothing was told yet
	rest   bool         // the log began again, which may cost a lot each time
}

// run sends until the run has ended, the reader goes away or does not take what is sent.
func (t *stream) run(ctx context.Context, id int) error {
	s := t.server
	run, leave := s.looks.join(id)
	defer leave()
	if err := t.write(fmt.Sprintf("retry: %d\n\n", retryMS)); err != nil {
		return err
	}
	for {
		changed := s.opts.Changes()
		now := s.looks.of(ctx, id, run)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if now.err != nil {
			return t.event("end", endOf{Text: "This run cannot be read any more."})
		}
		if err := t.tell(now); err != nil || now.run.Status.Terminal() {
			return err
		}
		if err := t.wait(ctx, now.run, changed); err != nil {
			return err
		}
	}
}

// logOf, runOf and endOf are what events carry.
type (
	logOf struct {
		Text string `json:"text"`
	}
	runOf struct {
		Status store.Status `json:"status"`
		Text   string       `json:"text"`
	}
	endOf struct {
		Status store.Status `json:"status,omitempty"`
		Text   string       `json:"text"`
	}
)

// tell sends what is new.
func (t *stream) tell(now look) error {
	kind := "log"
	t.rest = !t.at.in(now.log)
	if t.rest || t.begins {
		kind, t.at, t.begins = "anew", place{sum: begin}, false // the page may have some of it already
	}
	for t.at.at < len(now.log) || kind == "anew" {
		n := pieceEnd(now.log, t.at.at)
		text := now.log[t.at.at:n]
		t.at = t.at.after(text)
		if err := t.event(kind, logOf{text}); err != nil {
			return err
		}
		kind = "log"
	}
	status := now.run.Status
	switch {
	case status.Terminal():
		return t.event("end", endOf{status, t.server.progress(now.run)})
	case status != t.status:
		t.status = status
		return t.event("run", runOf{status, t.server.progress(now.run)})
	}
	return nil
}

// pieceEnd is where a piece of a log ends that begins at from: not inside of a character.
func pieceEnd(log string, from int) int {
	n := min(len(log), from+maxPiece)
	for n < len(log) && n > from+1 && log[n]&0xc0 == 0x80 {
		n--
	}
	return n
}

// wait waits until there may be something new: a second while the run applies, for its log grows beside its record, else until something
// has changed. Each look is at least a second after the one before.
func (t *stream) wait(ctx context.Context, run control.Run, changed <-chan struct{}) error {
	after, least := t.server.opts.After, lookEvery
	if t.rest {
		least = heartbeat
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-after(least):
	}
	if run.Apply != nil {
		return t.write(": \n\n") // a reader who is gone is noticed by writing
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-changed:
		return nil
	case <-after(heartbeat):
		return t.write(": \n\n")
	}
}

// event sends one event.
func (t *stream) event(name string, data any) error {
	b, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encoding an event: %w", err)
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "id: %s\nevent: %s\ndata: %s\n\n", t.at, name, b)
	return t.write(out.String())
}

// write sends a piece, which the reader has to take in time.
func (t *stream) write(text string) error {
	if err := t.out.SetWriteDeadline(time.Now().Add(t.server.opts.Patience)); err != nil {
		return fmt.Errorf("setting a deadline: %w", err)
	}
	if _, err := t.w.Write([]byte(text)); err != nil {
		return fmt.Errorf("sending to whoever looks: %w", err)
	}
	if err := t.out.Flush(); err != nil {
		return fmt.Errorf("sending to whoever looks: %w", err)
	}
	return nil
}
