package exchange_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"sallyport/notify/exchange"
)

// A request is known to be unsent only where nothing can have arrived; what was cut off in its answer was sent.
func TestWhatWasSent(t *testing.T) {
	t.Parallel()
	whole := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusAccepted)
		_, _ = w.Write([]byte(r.Header.Get("Authorization")))
	}))
	defer whole.Close()
	cut := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = w.Write([]byte("x"))
	}))
	defer cut.Close()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	dies := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_ = conn.Close()
		}
	}))
	defer dies.Close()
	client := &http.Client{Transport: exchange.Authorized{Next: exchange.NewTransport(exchange.Pool{Idle: time.Minute, PerHost: 1})}, CheckRedirect: exchange.NoRedirect}
	for name, c := range map[string]struct {
		url   string
		sent  bool
		whole bool
	}{
		"an answer that is whole":   {whole.URL, true, true},
		"an answer that is cut off": {cut.URL, true, false},
		"no answer":                 {dies.URL, true, false},
		"nobody listens":            {gone.URL, false, false},
		"no such host":              {"http://nowhere.invalid", false, false},
	} {
		x := &exchange.Exchange{Token: "secret"}
		r, err := http.NewRequestWithContext(exchange.With(context.Background(), x), http.MethodPost, c.url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := exchange.Do(r, client.Do)
		if x.Sent != c.sent || x.Whole != c.whole || (err == nil) != c.whole {
			t.Errorf("%s: sent %t, whole %t, %v", name, x.Sent, x.Whole, err)
		}
		if err == nil && (x.Status != resp.StatusCode || string(x.Body) != "Bearer secret") {
			t.Errorf("%s: it says %d %q", name, x.Status, x.Body)
		}
	}
}

// A proxy that cannot be reached has taken nothing.
func TestUnreachedProxy(t *testing.T) {
	t.Parallel()
	x := &exchange.Exchange{}
	r, err := http.NewRequestWithContext(exchange.With(context.Background(), x), http.MethodPost, "http://127.0.0.1/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	_, err = exchange.Do(r, func(*http.Request) (*http.Response, error) {
		return nil, &net.OpError{Op: "proxyconnect", Err: errors.New("refused")}
	})
	if err == nil || x.Sent {
		t.Errorf("sent %t, %v", x.Sent, err)
	}
}
