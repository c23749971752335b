package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"sallyport/notify/exchange"
	"sallyport/notify/forge"
	"sallyport/notify/redact"
	"sallyport/notify/words"
)

// Kind is what sort of thing went wrong.
type Kind int

// The kinds of errors.
const (
	// Other is an error that is none of ours; of a [Judgement], an answer that is none of the site's.
	Other Kind = iota
	// Outage: no answer, a 5xx, or an answer that is not the site's. It goes away by itself.
	Outage
	// RateLimited: the site wants no more requests for now. Wait says for how long.
	RateLimited
	// SecondaryLimited: the site finds us too eager, whatever its limits are. Wait says for how long.
	SecondaryLimited
	// Unauthorized: the token is not (any more) valid.
	Unauthorized
	// Forbidden: the token is valid and may not do this.
	Forbidden
	// NotFound: there is no such thing, or the token may not know of it. Sites do not tell which.
	NotFound
	// Moved: the repository was renamed or transferred.
	Moved
	// Invalid: the site does not take what was sent. Sending the same again is of no use.
	Invalid
	// Busy: the site is at work on the same thing; it will take it in a moment.
	Busy
	// Stopped: the caller gave up.
	Stopped
)

func (k Kind) String() string {
	names := [...]string{"other", "outage", "rate limit", "secondary rate limit", "unauthorized", "forbidden", "not found", "moved", "invalid", "busy", "stopped"}
	if k >= 0 && int(k) < len(names) {
		return names[k]
	}
	return "kind " + strconv.Itoa(int(k))
}

// limits reports whether the site wants no more requests for a time.
func (k Kind) limits() bool { return k == RateLimited || k == SecondaryLimited }

// maxWords bounds what is kept of a site's own words, in characters.
const maxWords = 300

// Error is what went wrong with one call.
type Error struct {
	Site    string
	Doing   string // what was being done: "setting a status"
	Kind    Kind
	Status  int           // of HTTP; 0 if no answer came, or nothing was sent
	Message string        // the site's own words, cleaned
	Wait    time.Duration // how long to wait before anything is sent again; 0 if the site names no time
	Unknown bool          // a write that may have been carried out all the same
	Err     error         // what lies below, if anything
	Hint    string        // what a person can do
}

// Error implements error.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s at %s: ", e.Doing, e.Site)
	switch {
	case e.Kind.limits():
		fmt.Fprintf(&b, "%s, again in %s", e.Kind, words.Span(e.Wait))
		if e.Message != "" {
			fmt.Fprintf(&b, " (%s)", e.Message)
		}
	case e.Message != "":
		b.WriteString(e.Message)
	case e.Status != 0 && e.Err == nil:
		fmt.Fprintf(&b, "%d %s", e.Status, http.StatusText(e.Status))
	case e.Err != nil:
		b.WriteString(forge.Cut(redact.CleanLine(e.Err.Error()), maxWords))
	default:
		b.WriteString("no answer")
	}
	if e.Message != "" && e.Status != 0 && e.Wait == 0 {
		fmt.Fprintf(&b, " (%d)", e.Status)
	}
	if e.Unknown {
		b.WriteString(" (it may have been carried out)")
	}
	return b.String()
}

// Unwrap implements the interface of errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.Err }

// UserHint says what a person can do; empty if nothing.
func (e *Error) UserHint() string { return e.Hint }

// Wants is how long the site wants to be left alone; zero if it does not say.
func (e *Error) Wants() time.Duration { return e.Wait }

// Everything reports that every other request would fail too, as this one did.
func (e *Error) Everything() bool {
	switch e.Kind {
	case Outage, RateLimited, SecondaryLimited, Unauthorized, Moved, Stopped:
		return true
	}
	return false
}

// Final reports that the same request will never be taken.
func (e *Error) Final() bool { return e.Kind == Invalid }

// KindOf is the kind of an error; [Other] if it is none of ours, or nil.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Other
}

// Odd is an answer that is not what the site would say.
func Odd(site, doing, what string) *Error {
	return &Error{Site: site, Doing: doing, Kind: Outage, Err: fmt.Errorf("the answer is not one of %s's: %s", site, what)}
}

// Refused is what a site would not take, said without asking it.
func Refused(site, doing, format string, args ...any) *Error {
	return &Error{Site: site, Doing: doing, Kind: Invalid, Message: fmt.Sprintf(format, args...)}
}

// errorOf turns what the transport and the library say into an [*Error].
func (w *Wire) errorOf(k Call, x *exchange.Exchange, err error) *Error {
	e := &Error{Site: w.opts.Site, Doing: k.Doing, Kind: Outage, Status: x.Status}
	success := x.Status >= 200 && x.Status < 300
	if x.Whole && !success {
		judged := w.opts.Judge(x)
		e.Message = forge.Cut(redact.CleanLine(judged.Message), maxWords)
		if judged.Kind != Other {
			e.Kind = judged.Kind
		}
		if e.Kind == Outage || e.Kind.limits() || e.Kind == Busy {
			e.Wait = judged.Wait
		}
	}
	switch e.Kind {
	case RateLimited, SecondaryLimited:
		if e.Wait <= 0 {
			e.Wait = defaultPause
		}
	case Outage:
		e.Unknown = k.Effect == Writes && x.Sent
		if x.Status < 300 || e.Message == "" {
			e.Err = w.below(x, err)
		}
		if errors.Is(err, context.DeadlineExceeded) {
			e.Err = fmt.Errorf("no answer within %s: %w", w.opts.Timeout, context.DeadlineExceeded)
		}
	}
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &certificate) {
		e.Hint = "if its certificate comes from a private CA, set the repository's ca_file to that CA's certificate"
		return e
	}
	e.Hint = w.opts.Hint(e, x)
	return e
}

// below is what to say of an answer that is none of the site's.
func (w *Wire) below(x *exchange.Exchange, err error) error {
	switch {
	case x.Status >= 500:
		return fmt.Errorf("%d %s", x.Status, http.StatusText(x.Status))
	case x.Whole:
		return fmt.Errorf("the answer %d is not one of %s's", x.Status, w.opts.Name)
	}
	return err
}

// RetryAfter reads the header, in seconds or as a date; zero if there is none that makes sense. The answer's own date is what the latter
// is compared with: the clock of this machine may be wrong.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if n, err := strconv.Atoi(value); err == nil && n >= 0 {
		return bounded(time.Duration(min(n, int(maxPause/time.Second))) * time.Second)
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return bounded(at.Sub(theirs(h, now)))
}

// Until reads a header that names the second at which a limit ends, like RateLimit-Reset; zero if there is none.
func Until(h http.Header, name string, now time.Time) time.Duration {
	at, err := strconv.ParseInt(strings.TrimSpace(h.Get(name)), 10, 64)
	if err != nil {
		return 0
	}
	return bounded(time.Unix(at, 0).Sub(theirs(h, now)))
}

func theirs(h http.Header, now time.Time) time.Time {
	if at, err := http.ParseTime(h.Get("Date")); err == nil {
		return at
	}
	return now
}

func bounded(d time.Duration) time.Duration { return min(max(d, time.Second), maxPause) }
