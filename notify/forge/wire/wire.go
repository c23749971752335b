// Package wire carries out requests to a site that hosts repositories, and says in one way what went wrong. It is below the clients of
// single sites, which know what an answer of theirs means ([Options].Judge).
//
// [Wire.Run] sends nothing before a limit has passed that the site has told, lets writes go one after the other, gives every request
// a deadline, and turns whatever a library says into an [*Error]. Nothing is ever sent again by itself, and no redirect is
// followed, which would carry a token somewhere else. [Error].Unknown tells that a write may have been carried out though no answer came.
//
// [PutComment] keeps the one comment of a change; [Wire.Pages] reads a list to its end, and says so where it cannot.
package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	"sallyport/notify/exchange"
)

const (
	defaultTimeout = 15 * time.Second
	// defaultPause is how long to rest after a limit that names no time.
	defaultPause = time.Minute
	// maxPause bounds what an answer can make us wait: limits are of a minute or an hour.
	maxPause = 65 * time.Minute
)

// Options say which site is spoken to, and how its answers are read.
type Options struct {
	Site    string           // in errors and in the log: "gitlab"
	Name    string           // in sentences: "GitHub"; default Site
	CAFile  string           // PEM; trusted beside the system's
	Log     *slog.Logger     // default: none
	Now     func() time.Time // default time.Now
	Timeout time.Duration    // of one request; default 15 s
	Pace    time.Duration    // between two writes; default none
	// Token is what requests carry as their bearer; default none, where the library adds what is needed.
	Token func(context.Context) (string, error)
	// Judge says what an answer means that came whole and is no success. Without a kind it is none of the site's.
	Judge func(*exchange.Exchange) Judgement
	Hint  func(*Error, *exchange.Exchange) string // what a person can do; default nothing
}

// Judgement is what an answer means.
type Judgement struct {
	Kind    Kind
	Message string        // the site's own words; cleaned and cut here
	Wait    time.Duration // of limits and outages, if the site says
}

func (o *Options) validate() error {
	if o.Site == "" || o.Judge == nil {
		return errors.New("wire: neither a site's name nor its judge may be missing")
	}
	if o.Pace < 0 {
		return fmt.Errorf("%s: the pace of writes is negative", o.Site)
	}
	if o.Name == "" {
		o.Name = o.Site
	}
	if o.Token == nil {
		o.Token = func(context.Context) (string, error) { return "", nil }
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Hint == nil {
		o.Hint = func(*Error, *exchange.Exchange) string { return "" }
	}
	return nil
}

// Wire is the way to one site with one identity. It is safe for concurrent use.
type Wire struct {
	opts Options
	next *http.Transport

	writing chan struct{} // holds one token: writes go one after the other
	wrote   time.Time     // when the last write began; guarded by writing

	mu    sync.Mutex
	pause time.Time // nothing is sent before
	limit Kind      // why
}

// New reads the CA file, and sends nothing yet.
func New(o Options) (*Wire, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	next, err := newTransport(o)
	if err != nil {
		return nil, err
	}
	w := &Wire{opts: o, next: next, writing: make(chan struct{}, 1)}
	w.writing <- struct{}{}
	return w, nil
}

func newTransport(o Options) (*http.Transport, error) {
	t := exchange.NewTransport(exchange.Pool{Idle: 5 * time.Minute, PerHost: 1}) // longer than the slowest poll: the connection is kept
	if o.CAFile == "" {
		return t, nil
	}
	pem, err := os.ReadFile(o.CAFile)
	if err != nil {
		return nil, fmt.Errorf("%s: reading ca_file: %w", o.Site, err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s: %s holds no certificate", o.Site, o.CAFile)
	}
	t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return t, nil
}

// recorder records requests in what their context carries.
type recorder struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (r recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	return exchange.Do(req, r.next.RoundTrip)
}

// Transport records requests, and adds no token to them.
func (w *Wire) Transport() http.RoundTripper { return recorder{w.next} }

// HTTP is what a library has to send its requests with. They carry the token of their call.
func (w *Wire) HTTP() *http.Client {
	return &http.Client{Transport: exchange.Authorized{Next: w.Transport()}, CheckRedirect: exchange.NoRedirect}
}

// Close lets go of the kept connection.
func (w *Wire) Close() { w.next.CloseIdleConnections() }

// Effect says whether a call changes anything at the site.
type Effect int

// The effects of calls.
const (
	Reads Effect = iota
	Writes
)

// Call is one request: what it does in words, what it may change, and the library's part of it.
type Call struct {
	Doing  string // "setting a status"
	Effect Effect
	Do     func(context.Context) error
}

// Run carries out a call. Its errors are all [*Error]; an answer 304 is none.
func (w *Wire) Run(ctx context.Context, k Call) (*exchange.Exchange, error) {
	if k.Effect == Writes {
		done, err := w.turn(ctx)
		if err != nil {
			return nil, &Error{Site: w.opts.Site, Doing: k.Doing, Kind: Stopped, Err: err}
		}
		defer done()
	}
	if wait, kind := w.paused(); wait > 0 {
		return nil, &Error{Site: w.opts.Site, Doing: k.Doing, Kind: kind, Wait: wait}
	}
	limited, cancel := context.WithTimeout(ctx, w.opts.Timeout)
	defer cancel()
	token, err := w.opts.Token(limited)
	if err != nil {
		return nil, err
	}
	return w.Send(limited, token, k)
}

// Send carries out a call at once, with a token, until ctx ends.
func (w *Wire) Send(ctx context.Context, token string, k Call) (*exchange.Exchange, error) {
	x := &exchange.Exchange{Token: token}
	err := k.Do(exchange.With(ctx, x))
	if err == nil && !x.Sent { // the library had the answer already
		return x, nil
	}
	if x.Whole && (x.Status == http.StatusNotModified || err == nil && x.Status >= 200 && x.Status < 300) {
		return x, nil
	}
	e := w.errorOf(k, x, err)
	if e.Kind == Outage && errors.Is(ctx.Err(), context.Canceled) {
		e.Kind, e.Hint = Stopped, ""
	}
	if e.Kind.limits() {
		w.setPause(e.Wait, e.Kind)
		w.opts.Log.Warn(w.opts.Site+" limits the rate", "doing", k.Doing, "kind", e.Kind.String(), "wait", e.Wait)
	}
	return x, e
}

// turn waits until this write may go: after the one before it, and politely later.
func (w *Wire) turn(ctx context.Context) (done func(), err error) {
	select {
	case <-w.writing:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	release := func() { w.writing <- struct{}{} }
	if left := w.opts.Pace - w.opts.Now().Sub(w.wrote); !w.wrote.IsZero() && left > 0 {
		timer := time.NewTimer(min(left, w.opts.Pace))
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			release()
			return nil, ctx.Err()
		}
	}
	w.wrote = w.opts.Now()
	return release, nil
}

// paused is how long nothing may be sent, and why.
func (w *Wire) paused() (time.Duration, Kind) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.pause.IsZero() {
		return 0, Other
	}
	left := w.pause.Sub(w.opts.Now())
	if left <= 0 {
		w.pause = time.Time{}
	}
	return left, w.limit
}

func (w *Wire) setPause(d time.Duration, why Kind) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if until := w.opts.Now().Add(d); until.After(w.pause) {
		w.pause, w.limit = until, why
	}
}

// maxPages bounds every list. An endless one would be a fault, and 5000 comments are no conversation.
const maxPages = 50

// Page reads one page of a list. It returns the next one's number, which is 0 at the end, and whether what was looked for is found.
type Page func(ctx context.Context, number int) (next int, found bool, err error)

// Pages reads a list page by page until its end, or until f finds what it looks for. A list that does not end is an error: what is left
// out may be a refusal.
func (w *Wire) Pages(ctx context.Context, doing string, f Page) (found bool, err error) {
	for number, read := 1, 0; ; read++ {
		if read == maxPages {
			return false, Odd(w.opts.Site, doing, fmt.Sprintf("there are more than %d pages", maxPages))
		}
		next := 0
		if _, err := w.Run(ctx, Call{Doing: doing, Do: func(ctx context.Context) (err error) {
			next, found, err = f(ctx, number)
			return err
		}}); err != nil {
			return false, err
		}
		if found || next == 0 {
			return found, nil
		}
		if next <= number {
			return false, Odd(w.opts.Site, doing, fmt.Sprintf("page %d leads back to %d", number, next))
		}
		number = next
	}
}
