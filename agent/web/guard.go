package web

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"path"
	"strings"
	"time"

	"sallyport/agent/contain"
	"sallyport/agent/unixsocket"
)

// VersionHeader tells these pages from whatever else answers at a port: the version of the agent stands in it.
const VersionHeader = "Sallyport-Version"

// headers go with each answer, refusals too.
var headers = map[string]string{
	"Cache-Control":                "no-store",
	"Cross-Origin-Embedder-Policy": "require-corp",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Referrer-Policy":              "no-referrer",
	"X-Content-Type-Options":       "nosniff",
	"X-Frame-Options":              "DENY",
}

// A refusal is an answer to a request that is not looked at any further.
type refusal struct {
	status int
	text   string // for people
}

// refuse says why a request is not answered; nil if it is. What is not known is refused.
func refuse(r *http.Request) *refusal {
	switch {
	case !local(r.Host):
		return &refusal{http.StatusMisdirectedRequest, "These pages are shown at http://localhost and a port alone. Another name that leads here may be somebody else's, who wants to read them."}
	case foreignOrigin(r):
		return &refusal{http.StatusForbidden, "A page from elsewhere asked for this one. If that was you: type the address into the browser yourself."}
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		return &refusal{http.StatusMethodNotAllowed, "These pages are there to be read and change nothing. Decisions are taken in Slack and on the command line."}
	case r.ContentLength != 0 || len(r.TransferEncoding) > 0:
		return &refusal{http.StatusRequestEntityTooLarge, "These pages are there to be read; nothing can be sent to them."}
	case r.URL.Path != path.Clean("/"+r.URL.Path):
		return &refusal{http.StatusNotFound, notThere}
	}
	return nil
}

// local reports whether a request was made for this machine by a name that nobody else can give an address. The port is that of the
// person's own machine, which nobody here knows.
func local(host string) bool {
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		name, port = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"), "0"
		if strings.Contains(name, ":") != strings.HasPrefix(host, "[") || strings.HasPrefix(host, "[") != strings.HasSuffix(host, "]") {
			return false
		}
	}
	if _, err := netip.ParseAddrPort("127.0.0.1:" + port); err != nil {
		return false
	}
	return strings.EqualFold(name, "localhost") || name == "127.0.0.1" || name == "::1"
}

// foreignOrigin reports whether the browser says that somebody else's page makes the request. A browser says so by at least one of
// the two headers; other programs send neither.
func foreignOrigin(r *http.Request) bool {
	for _, origin := range r.Header.Values("Origin") {
		if !strings.EqualFold(origin, "http://"+r.Host) {
			return true
		}
	}
	for _, site := range r.Header.Values("Sec-Fetch-Site") {
		if site != "same-origin" && site != "none" { // "same-site" is another port of this machine: another program
			return true
		}
	}
	return false
}

// guarded lets through what refuse does not, and keeps a panic inside its request.
func (s *Server) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range headers {
			w.Header().Set(name, value)
		}
		w.Header().Set("Content-Security-Policy", s.policy)
		w.Header().Set(VersionHeader, s.opts.Version)
		out := &unixsocket.Answer{ResponseWriter: w}
		err := contain.Do("showing "+r.URL.Path, func() error {
			if no := refuse(r); no != nil {
				s.turnAway(out, r, no)
				return nil
			}
			next.ServeHTTP(out, r)
			return nil
		})
		if err == nil {
			return
		}
		var p *contain.Panic
		if errors.As(err, &p) {
			s.opts.Log.Error("a panic was caught", "err", p, "stack trace", p.Stack)
		}
		if out.Begun {
			panic(http.ErrAbortHandler) // an answer that is half sent must not look like a whole one
		}
		s.message(out, http.StatusInternalServerError, "A fault in sallyport itself kept this page from being shown; its log tells more.")
	})
}

// turnAway answers what is refused, and does not wait for a body that nobody reads.
func (s *Server) turnAway(w http.ResponseWriter, r *http.Request, no *refusal) {
	if r.ContentLength != 0 {
		w.Header().Set("Connection", "close")
		if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(refusalTimeout)); err != nil {
			s.opts.Log.Debug("setting a deadline", "err", err)
		}
	}
	if no.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", "GET, HEAD")
	}
	s.message(w, no.status, no.text)
}
