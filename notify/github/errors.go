package github

import (
	"context"
	"crypto/tls"
	"encoding/json"
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
	// Other is an error that is none of ours.
	Other Kind = iota
	// Outage: no answer, a 5xx, or an answer that is not GitHub's. It goes away by itself.
	Outage
	// RateLimited: the hour's requests are used up. Wait says how long.
	RateLimited
	// SecondaryLimited: GitHub finds us too eager. Wait says how long.
	SecondaryLimited
	// Unauthorized: the token, or the app's key, is not (any more) valid.
	Unauthorized
	// Forbidden: the token is valid and may not do this.
	Forbidden
	// NotFound: there is no such thing, or the token may not know of it. GitHub does not tell which.
	NotFound
	// Moved: the repository was renamed or transferred.
	Moved
	// Invalid: GitHub does not take what was sent. Sending the same again is of no use.
	Invalid
	// Stopped: the caller gave up.
	Stopped
)

func (k Kind) String() string {
	names := [...]string{"other", "outage", "rate limit", "secondary rate limit", "unauthorized", "forbidden", "not found",
		"moved", "invalid", "stopped"}
	if k >= 0 && int(k) < len(names) {
		return names[k]
	}
	return "kind " + strconv.Itoa(int(k))
}

const (
	// defaultPause is how long to rest after a secondary limit that names no time: GitHub asks for a minute at least.
	defaultPause = time.Minute
	// maxPause bounds what an answer can make us wait: the primary limit starts anew each hour.
	maxPause = 65 * time.Minute
	// maxWords bounds what is kept of GitHub's own words.
	maxWords = 300
)

// Error is what went wrong with one call.
type Error struct {
	Doing   string // what was being done: "setting a status"
	Kind    Kind
	Status  int           // of HTTP; 0 if no answer came, or nothing was sent
	Message string        // GitHub's own words, cleaned
	Wait    time.Duration // how long to wait before anything is sent again; 0 if GitHub names no time
	Unknown bool          // a write that may have been carried out all the same
	Err     error         // what lies below, if anything
	Hint    string        // what a person can do
}

// Error implements error.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s at github: ", e.Doing)
	switch {
	case e.Kind == RateLimited || e.Kind == SecondaryLimited:
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

// RetryAfter reports whether an error names a time before which nothing should be sent: a rate limit, or an outage that says
// how long it lasts.
func RetryAfter(err error) (time.Duration, bool) {
	var e *Error
	if errors.As(err, &e) && e.Wait > 0 {
		return e.Wait, true
	}
	return 0, false
}

// Unknown reports whether a write may have been carried out though it ended with err.
func Unknown(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Unknown
}

// Permanent reports whether only a person can make err go away. Trying again slowly is right all the same: people do
// mend these. An [Invalid] one is about what was sent: that is of no use to send again.
func Permanent(err error) bool {
	switch KindOf(err) {
	case Unauthorized, Forbidden, NotFound, Moved, Invalid:
		return true
	}
	return false
}

// said is the body of GitHub's errors. The list has objects, or strings.
type said struct {
	Message string            `json:"message"`
	URL     string            `json:"documentation_url"`
	Errors  []json.RawMessage `json:"errors"`
}

func (s said) words() string {
	words := []string{s.Message}
	for _, raw := range s.Errors {
		var text string
		var object struct{ Resource, Field, Code, Message string }
		if json.Unmarshal(raw, &text) != nil && json.Unmarshal(raw, &object) == nil {
			if text = object.Message; text == "" {
				text = strings.TrimSpace(object.Field + " " + object.Code)
			}
		}
		if text != "" {
			words = append(words, text)
		}
	}
	return forge.Cut(redact.CleanLine(strings.Join(words, ": ")), maxWords)
}

// errorOf turns what the wire and the library say into an [*Error].
func (c *Client) errorOf(k call, x *exchange.Exchange, err error) *Error {
	e := &Error{Doing: k.doing, Status: x.Status}
	var body said
	if x.Whole && json.Unmarshal(x.Body, &body) == nil && body.Message != "" && x.Status >= 300 {
		e.Message = body.words()
	}
	e.Kind = kindOf(x, body)
	switch e.Kind {
	case RateLimited:
		e.Wait = untilReset(x.Header, c.opts.Now)
	case SecondaryLimited:
		if e.Wait = retryAfter(x.Header, c.opts.Now); e.Wait == 0 {
			e.Wait = defaultPause
		}
	case Outage:
		e.Wait = retryAfter(x.Header, c.opts.Now)
		e.Unknown = k.effect == writes && x.Sent
		if x.Status < 300 || e.Message == "" {
			e.Err = belowOutage(x, err)
		}
		if errors.Is(err, context.DeadlineExceeded) {
			e.Err = fmt.Errorf("no answer within %s: %w", c.opts.Timeout, context.DeadlineExceeded)
		}
	}
	e.Hint = c.hintFor(e, x, err)
	return e
}

// belowOutage is what to say of an answer that is none of GitHub's.
func belowOutage(x *exchange.Exchange, err error) error {
	switch {
	case x.Status >= 500:
		return fmt.Errorf("%d %s", x.Status, http.StatusText(x.Status))
	case x.Whole:
		return fmt.Errorf("the answer %d is not one of GitHub's", x.Status)
	}
	return err
}

func kindOf(x *exchange.Exchange, body said) Kind {
	switch s := x.Status; {
	case !x.Whole:
		return Outage
	case s == http.StatusForbidden || s == http.StatusTooManyRequests:
		return limitOf(x, body)
	case s == http.StatusUnauthorized:
		return Unauthorized
	case s == http.StatusNotFound || s == http.StatusGone:
		return NotFound
	case s == http.StatusMovedPermanently || s == http.StatusTemporaryRedirect || s == http.StatusPermanentRedirect || s == http.StatusFound:
		return Moved
	case s == http.StatusRequestTimeout:
		return Outage
	case s == http.StatusUnavailableForLegalReasons:
		return Forbidden
	case s >= 400 && s < 500 && body.Message != "":
		return Invalid
	}
	return Outage // 5xx, and what a proxy may say
}

// limitOf tells a limit from a lack of permission: GitHub uses 403 and 429 for either limit.
func limitOf(x *exchange.Exchange, body said) Kind {
	text := strings.ToLower(body.Message + " " + body.URL)
	switch {
	case x.Header.Get("Retry-After") != "", strings.Contains(text, "secondary rate limit"), strings.Contains(text, "secondary-rate-limits"),
		strings.Contains(text, "abuse detection"), strings.Contains(text, "abuse-rate-limits"):
		return SecondaryLimited
	case x.Header.Get("X-RateLimit-Remaining") == "0":
		return RateLimited
	case x.Status == http.StatusTooManyRequests:
		return SecondaryLimited
	}
	return Forbidden
}

// untilReset is how long the primary limit lasts. The answer's own date is what its end is compared with: the clock of
// this machine may be wrong.
func untilReset(h http.Header, clock func() time.Time) time.Duration {
	reset, err := strconv.ParseInt(h.Get("X-RateLimit-Reset"), 10, 64)
	if err != nil {
		return defaultPause
	}
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		now = clock()
	}
	return min(max(time.Unix(reset, 0).Sub(now), time.Second), maxPause)
}

// retryAfter reads the header, in seconds or as a date; zero if there is none that makes sense.
func retryAfter(h http.Header, clock func() time.Time) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if n, err := strconv.Atoi(value); err == nil && n >= 0 {
		return min(max(time.Duration(min(n, int(maxPause/time.Second)))*time.Second, time.Second), maxPause)
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		now = clock()
	}
	return min(max(at.Sub(now), time.Second), maxPause)
}

func (c *Client) hintFor(e *Error, x *exchange.Exchange, err error) string {
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &certificate):
		return "if its certificate comes from a private CA, set the repository's ca_file to that CA's certificate"
	case e.Kind == Unauthorized && c.app != nil:
		return "look at the app's id, installation_id and private_key_file, whether the app is still installed, and at this machine's clock"
	case e.Kind == Unauthorized:
		return "the token is wrong, was revoked or has expired: make a new one and put it where github.token comes from"
	case e.Kind == Forbidden && x.Header.Get("X-GitHub-SSO") != "":
		return "the organization wants single sign-on: authorize the token for it (Settings, Developer settings, Configure SSO)"
	case e.Kind == Forbidden && x.Header.Get("X-Accepted-GitHub-Permissions") != "":
		return "the token needs one of these permissions: " + redact.CleanLine(x.Header.Get("X-Accepted-GitHub-Permissions"))
	case e.Kind == Forbidden:
		return "give the token these permissions on " + c.opts.Repository + ": contents and metadata to read, commit statuses and pull requests to write"
	case e.Kind == NotFound:
		return "look at github.repository, and whether the token can reach " + c.opts.Repository + ": GitHub says 404 for what a token may not know of"
	case e.Kind == Moved:
		return c.opts.Repository + " was renamed or transferred: set github.repository to what it is called now"
	}
	return ""
}
