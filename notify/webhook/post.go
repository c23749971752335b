package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"sallyport/notify/exchange"
	"sallyport/notify/redact"
)

// maxAfter is the longest time that a receiver can ask to be left alone, whatever it says.
const maxAfter = time.Hour

// Target is where events are posted to.
type Target struct {
	URL     redact.Secret
	Headers map[string]redact.Secret
	Agent   string // how the program calls itself: sallyport/1.2.3
}

// Site is the host that events go to, for people; the rest of the address may be a secret.
func (t Target) Site() string {
	u, err := url.Parse(t.URL.Reveal())
	if err != nil {
		return "its address"
	}
	return u.Host
}

// Error says why something was not taken.
type Error struct {
	Status int           // of HTTP; 0: there was no answer, and whether it arrived is not known
	After  time.Duration // as the receiver asked; 0: it did not
	text   string
}

// Error implements error. It holds nothing of the address but the host, and nothing of the answer.
func (e *Error) Error() string { return e.text }

// Final reports whether the receiver says that it will never take this.
func (e *Error) Final() bool {
	switch e.Status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return false
	}
	return e.Status >= 300 && e.Status < 500
}

// NewClient makes what posts events. It follows no redirects, which could only take the headers somewhere else.
func NewClient() *http.Client {
	return &http.Client{
		Transport:     exchange.NewTransport(exchange.Pool{Idle: 30 * time.Second, PerHost: 1}),
		CheckRedirect: exchange.NoRedirect,
	}
}

// Post sends an event. It was taken if the receiver answers with 2xx; every error is an [*Error], but for ctx's own.
func Post(ctx context.Context, client *http.Client, t Target, e Event) error {
	return ask(ctx, client, t, http.MethodPost, bytes.NewReader(e.JSON()), map[string]string{"Content-Type": "application/json", "Idempotency-Key": `"` + e.ID + `"`})
}

// Ask asks for the address and tells nothing. Errors are as of [Post].
func Ask(ctx context.Context, client *http.Client, t Target) error {
	return ask(ctx, client, t, http.MethodGet, nil, nil)
}

func ask(ctx context.Context, client *http.Client, t Target, method string, body io.Reader, headers map[string]string) error {
	r, err := http.NewRequestWithContext(ctx, method, t.URL.Reveal(), body)
	if err != nil {
		return &Error{text: "its address cannot be used"} // the error would quote it
	}
	r.Header.Set("User-Agent", t.Agent)
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	for name, value := range t.Headers {
		r.Header.Set(name, value.Reveal())
	}
	answer, err := client.Do(r)
	if err != nil {
		return &Error{text: fmt.Sprintf("%s gave no answer: %s", t.Site(), cause(err))}
	}
	_ = answer.Body.Close() // what it says is nobody's business, and a cut answer has a status all the same
	if answer.StatusCode >= 200 && answer.StatusCode < 300 {
		return nil
	}
	return &Error{
		Status: answer.StatusCode, After: after(answer.Header.Get("Retry-After"), time.Now()),
		text: fmt.Sprintf("%s answered %d %s", t.Site(), answer.StatusCode, http.StatusText(answer.StatusCode)),
	}
}

// cause is an error of net/http without the address, which it begins with.
func cause(err error) string {
	var wrapped *url.Error
	if !errors.As(err, &wrapped) {
		return err.Error()
	}
	if wrapped.Timeout() {
		return "it took too long"
	}
	return wrapped.Err.Error()
}

// after reads a Retry-After: seconds, or a moment.
func after(text string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(text); err == nil {
		return min(max(0, time.Duration(min(seconds, int(maxAfter/time.Second)))*time.Second), maxAfter)
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(max(0, at.Sub(now)), maxAfter)
	}
	return 0
}
