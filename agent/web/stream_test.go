package web

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/agent/patience"
	"sallyport/store"
)

// event is one of a stream.
type event struct {
	id, name string
	data     struct{ Text, Status string }
}

// reader reads a stream.
type reader struct {
	t    *testing.T
	r    *http.Response
	scan *bufio.Scanner
}

// read begins to read the log of run 12.
func read(t *testing.T, url, lastEvent string) *reader {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience.Limit())
	t.Cleanup(cancel)
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/runs/12/log?status=applying", nil)
	if err != nil {
		t.Fatal(err)
	}
	if lastEvent != "" {
		q.Header.Set("Last-Event-ID", lastEvent)
	}
	r, err := http.DefaultTransport.RoundTrip(q)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Body.Close() })
	scan := bufio.NewScanner(r.Body)
	scan.Buffer(nil, 1<<20)
	return &reader{t, r, scan}
}

// next is the next event; one without a name says that the stream has ended.
func (r *reader) next() (e event) {
	r.t.Helper()
	for r.scan.Scan() {
		name, value, _ := strings.Cut(r.scan.Text(), ": ")
		switch {
		case r.scan.Text() == "" && e.name != "":
			return e
		case name == "id":
			e.id = value
		case name == "event":
			e.name = value
		case name == "data":
			if err := json.Unmarshal([]byte(value), &e.data); err != nil {
				r.t.Fatal(err)
			}
		}
	}
	if err := r.scan.Err(); err != nil {
		r.t.Fatalf("the stream was cut: %v", err)
	}
	return event{}
}

// is expects the next event.
func (r *reader) is(name, text string) event {
	r.t.Helper()
	e := r.next()
	if e.name != name || e.data.Text != text {
		r.t.Fatalf("event %q %q, want %q %q", e.name, e.data.Text, name, text)
	}
	return e
}

// ended expects that nothing follows.
func (r *reader) ended() {
	r.t.Helper()
	if e := r.next(); e.name != "" {
		r.t.Fatalf("after the end: %+v", e)
	}
}

// followed serves the log of run 12, which applies, to be turned by hand.
func followed(t *testing.T, log string) (*fake, *clockwork, string) {
	t.Helper()
	f, c := newFake(), newClockwork()
	f.runs[12], f.logs[12] = applying(12), log
	o := options(f)
	o.Now, o.After = c.Now, c.After
	_, h := serve(t, o)
	return f, c, h.URL
}

// end ends run 12.
func (f *fake) end(status store.Status, log string) {
	f.set(func() {
		r := f.runs[12]
		r.Status = status
		f.runs[12], f.logs[12] = r, log
	})
}

func TestALogGrowsAndEndsWithItsRun(t *testing.T) {
	t.Parallel()
	f, c, url := followed(t, "one\n")
	r := read(t, url, "")
	if got := r.r.Header.Get("Content-Type"); !strings.HasPrefix(got, "text/event-stream") || r.r.StatusCode != http.StatusOK {
		t.Fatalf("%s, %s", r.r.Status, got)
	}
	r.is("anew", "one\n")
	f.set(func() { f.logs[12] = "one\ntwo\nhunt" })
	c.turn(t)
	r.is("log", "two\n") // half a line may be half of a secret
	f.set(func() { f.logs[12] = "one\ntwo\n(redacted)\n\x1b[31mred\u202e\n" })
	c.turn(t)
	r.is("log", "(redacted)\nred\n")
	f.end(store.Applied, "one\ntwo\n(redacted)\n\x1b[31mred\u202e\nthe end")
	c.turn(t)
	r.is("log", "the end")
	if e := r.is("end", "applied."); e.data.Status != "applied" {
		t.Errorf("ended as %q", e.data.Status)
	}
	r.ended()
}

// A run that is approved and applies says so, and its log begins when it does.
func TestARunGoesOn(t *testing.T) {
	t.Parallel()
	f, c, url := followed(t, "")
	f.set(func() {
		r := f.runs[12]
		r.Status, r.Apply = store.Planned, nil
		f.runs[12] = r
	})
	r := read(t, url, "")
	r.is("anew", "")
	r.is("run", "planned: ; to go on, reply in Slack or: sallyport approve 12.")
	c.turn(t) // then it waits for a change
	f.set(func() { f.runs[12], f.logs[12] = applying(12), "one\n" })
	r.is("log", "one\n")
	r.is("run", "applying, 1 of 3, aws_instance.web.")
	f.end(store.Errored, "one\n")
	c.turn(t) // the heartbeat of before, which nobody waits for any more
	c.turn(t)
	r.is("end", "errored.")
	r.ended()
}

// A browser that was cut off goes on where it was; where that is not what it was, it begins again.
func TestAStreamResumes(t *testing.T) {
	t.Parallel()
	f, c, url := followed(t, "one\n")
	first := read(t, url, "").is("anew", "one\n")
	f.set(func() { f.logs[12] = "one\ntwo\n" })
	c.pass()
	for name, tc := range map[string]struct {
		id, event, text string
	}{
		"where it was":            {first.id, "log", "two\n"},
		"another log":             {first.id[:len(first.id)-4] + "0000", "anew", "one\ntwo\n"},
		"the beginning":           {place{sum: begin}.String(), "log", "one\ntwo\n"},
		"further than it goes":    {"9999-0000000000000000", "anew", "one\ntwo\n"},
		"what is no place":        {"../../etc/passwd", "anew", "one\ntwo\n"},
		"less than the beginning": {"-5-0000000000000000", "anew", "one\ntwo\n"},
	} {
		t.Run(name, func(t *testing.T) {
			r := read(t, url, tc.id)
			r.is(tc.event, tc.text)
		})
	}
	f.end(store.Applied, "one\ntwo\n")
	c.pass()
	r := read(t, url, first.id)
	r.is("log", "two\n")
	r.is("end", "applied.")
	r.ended()
}

// What is known as a secret only since is taken back, whole.
func TestALogThatIsAnotherBeginsAgain(t *testing.T) {
	t.Parallel()
	f, c, url := followed(t, "token s3cret9\n")
	r := read(t, url, "")
	r.is("anew", "token s3cret9\n")
	f.set(func() { f.logs[12] = "token (redacted)\nmore\n" })
	c.turn(t)
	r.is("anew", "token (redacted)\nmore\n")
}

// A log that nobody has any more, or a run, ends a stream with what there is.
func TestALogThatIsGone(t *testing.T) {
	t.Parallel()
	f, c, url := followed(t, "one\n")
	r := read(t, url, "")
	r.is("anew", "one\n")
	f.set(func() { delete(f.runs, 12) })
	c.turn(t)
	r.is("end", "This run cannot be read any more.")
	r.ended()

	f.set(func() {
		f.runs[12] = applying(12)
		delete(f.logs, 12)
	})
	f.set(func() {
		one := f.runs[12]
		one.Status = store.Interrupted
		f.runs[12] = one
	})
	c.pass()
	r = read(t, url, "")
	r.is("anew", "")
	r.is("end", "interrupted.")
	r.ended()
}

// overSocket serves pages at a unix socket, whose buffers are small, and returns what asks there, and what is closed when the first stream
// has ended.
func overSocket(t *testing.T, o Options) (*http.Client, <-chan struct{}) {
	t.Helper()
	s, err := newServer(o)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	var once sync.Once
	h := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer once.Do(func() { close(ended) })
		s.handler().ServeHTTP(w, r)
	}))
	h.Listener.Close()
	h.Listener = l
	h.Start()
	t.Cleanup(h.Close)
	return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}}, ended
}

// longLog is longer than what a unix socket holds.
var longLog = strings.Repeat("a line of a log, of which there are very many\n", 1<<16)

// Who takes nothing is let go, and keeps nobody else from seeing everything.
func TestASlowReaderIsLetGo(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		patience time.Duration
		others   bool
	}{
		"let go":        {patience: time.Millisecond},
		"nobody else's": {patience: time.Hour, others: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, c := newFake(), newClockwork()
			f.runs[12], f.logs[12] = applying(12), longLog
			o := options(f)
			o.Now, o.After, o.Patience = c.Now, c.After, tc.patience
			client, ended := overSocket(t, o)
			ask := func() *http.Response {
				q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/runs/12/log", nil)
				if err != nil {
					t.Fatal(err)
				}
				r, err := client.Do(q)
				if err != nil && tc.others {
					t.Fatal(err)
				}
				if err == nil { // else the machine was too slow for a millisecond, and it is let go at once
					t.Cleanup(func() { r.Body.Close() })
				}
				return r
			}
			ask() // and never reads on
			if !tc.others {
				select {
				case <-ended:
				case <-time.After(patience.Limit()):
					t.Fatal("the slow reader is still waited for")
				}
				return
			}
			scan := bufio.NewScanner(ask().Body)
			scan.Buffer(nil, 1<<20)
			r := &reader{t: t, scan: scan}
			got := r.next().data.Text
			for len(got) < len(longLog) {
				got += r.next().data.Text
			}
			if got != longLog {
				t.Error("the log is another one")
			}
			select {
			case <-ended:
				t.Error("nobody was slow")
			default:
			}
		})
	}
}

// So many streams and no more: those after them are told to come back.
func TestStreamsAreBounded(t *testing.T) {
	t.Parallel()
	f, c, url := followed(t, "one\n")
	var all []*reader
	for range maxStreams {
		r := read(t, url, "")
		r.is("anew", "one\n")
		all = append(all, r)
	}
	if n := f.reads(); n != 1 {
		t.Errorf("%d readers read the log %d times", maxStreams, n)
	}
	more := read(t, url, "")
	if more.r.StatusCode != http.StatusServiceUnavailable || more.r.Header.Get("Retry-After") == "" {
		t.Errorf("one more than %d: %s", maxStreams, more.r.Status)
	}
	f.end(store.Applied, "one\n")
	for range all {
		c.turn(t)
	}
	for _, r := range all {
		r.is("end", "applied.")
		r.ended()
	}
	read(t, url, "").is("anew", "one\n") // there is room again
}

func TestPieces(t *testing.T) {
	t.Parallel()
	log := strings.Repeat("ü", maxPiece) // each of two bytes
	got := ""
	for from := 0; from < len(log); {
		n := pieceEnd(log, from)
		if n <= from || n-from > maxPiece || !strings.HasPrefix(log[n:]+"ü", "ü") {
			t.Fatalf("a piece from %d to %d", from, n)
		}
		got, from = got+log[from:n], n
	}
	if got != log {
		t.Error("the pieces are not the log")
	}
	if odd := "x" + log; pieceEnd(odd, 0) != maxPiece-1 {
		t.Errorf("a piece ends inside of a character: %d", pieceEnd(odd, 0))
	}
}
