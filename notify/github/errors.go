package github

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"sallyport/notify/exchange"
	"sallyport/notify/forge/wire"
	"sallyport/notify/redact"
)

type (
	// Error is [wire.Error].
	Error = wire.Error
	// Kind is [wire.Kind].
	Kind = wire.Kind
)

// The kinds of errors.
const (
	Other            = wire.Other
	Outage           = wire.Outage
	RateLimited      = wire.RateLimited
	SecondaryLimited = wire.SecondaryLimited
	Unauthorized     = wire.Unauthorized
	Forbidden        = wire.Forbidden
	NotFound         = wire.NotFound
	Moved            = wire.Moved
	Invalid          = wire.Invalid
	Stopped          = wire.Stopped
)

// KindOf is [wire.KindOf].
func KindOf(err error) Kind { return wire.KindOf(err) }

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
	return strings.Join(words, ": ")
}

// judge says what an answer of GitHub's means.
func (c *Client) judge(x *exchange.Exchange) wire.Judgement {
	var body said
	_ = json.Unmarshal(x.Body, &body) // what is no JSON came from something in front of GitHub
	j := wire.Judgement{Kind: kindOf(x, body), Wait: wire.RetryAfter(x.Header, c.opts.Now())}
	if body.Message != "" {
		j.Message = body.words()
	}
	if j.Kind == RateLimited {
		j.Wait = wire.Until(x.Header, "X-RateLimit-Reset", c.opts.Now())
	}
	return j
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

// hint says what a person can do.
func (c *Client) hint(e *Error, x *exchange.Exchange) string {
	switch {
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
