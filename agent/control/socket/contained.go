package socket

import (
	"errors"
	"net/http"

	"sallyport/agent/contain"
	"sallyport/agent/control"
	"sallyport/agent/unixsocket"
)

// contained keeps a panic of a handler inside its request. The package http would do that, too, and cut the connection: whoever
// asked would not learn why. Here they get an answer with what to do, and the log gets the stack trace.
func (s *Server) contained(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out := &unixsocket.Answer{ResponseWriter: w}
		err := contain.Do("answering "+r.Method+" "+r.URL.Path, func() error {
			next.ServeHTTP(out, r)
			return nil
		})
		if err == nil {
			return
		}
		if err = s.withoutPanic(err); out.Begun {
			panic(http.ErrAbortHandler) // an answer that is half sent must not look like a whole one
		}
		s.fail(out, err)
	})
}

// withoutPanic logs a panic and makes an answer of it that says where it happened, and not what it held: that may be anything.
func (s *Server) withoutPanic(err error) error {
	var p *contain.Panic
	if !errors.As(err, &p) {
		return err
	}
	s.logPanic(p)
	return control.Errorf(control.Internal, "a fault in sallyport itself met while %s (%s)", p.Work, p.Place).WithHint("%s; nobody knows whether it was done: sallyport status", contain.Hint)
}

func (s *Server) logPanic(p *contain.Panic) {
	s.opts.Log.Error("a panic was caught", "err", p, "stack trace", p.Stack)
}
