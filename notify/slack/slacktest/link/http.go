package link

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Params are what a request to the API says, the token among them.
func Params(r *http.Request) (url.Values, error) {
	params := url.Values{}
	kind := r.Header.Get("Content-Type")
	if strings.HasPrefix(kind, "application/json") {
		var fields map[string]any
		if err := json.NewDecoder(r.Body).Decode(&fields); err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("reading the request: %w", err)
		}
		for k, v := range fields {
			if text, ok := v.(string); ok {
				params.Set(k, text)
				continue
			}
			b, err := json.Marshal(v)
			if err != nil {
				return nil, fmt.Errorf("reading the request: %w", err)
			}
			params.Set(k, string(b))
		}
	} else {
		if err := r.ParseForm(); err != nil {
			return nil, fmt.Errorf("reading the request: %w", err)
		}
		params = r.Form
	}
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		params.Set("token", token)
	}
	return params, nil
}

// Unavailable is what Slack answers when it has trouble.
func Unavailable(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = fmt.Fprint(w, "<html><body>Slack is having trouble</body></html>")
}

// HangUp closes the connection without an answer.
func HangUp(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2: the server closes the stream
	}
	_ = conn.Close()
}

// InRange reports whether a message is one of those that a request asks for.
func InRange(ts string, p url.Values) bool {
	oldest, latest, inclusive := p.Get("oldest"), p.Get("latest"), IsTrue(p.Get("inclusive"))
	if oldest != "" && (ts < oldest || ts == oldest && !inclusive) {
		return false
	}
	return latest == "" || ts < latest || ts == latest && inclusive
}

// Cursor is where the next page begins.
func Cursor(from string) string {
	return base64.StdEncoding.EncodeToString([]byte("next:" + from))
}

// IsTrue reads a parameter that is true or false.
func IsTrue(s string) bool { return s == "1" || strings.EqualFold(s, "true") }
