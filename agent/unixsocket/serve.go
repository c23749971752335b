package unixsocket

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"

	"sallyport/agent/contain"
)

const (
	headerTimeout = 5 * time.Second // a client must send its request line and headers within this
	idleTimeout   = 2 * time.Minute
	closeTimeout  = 2 * time.Second // what requests get that are being answered when the agent stops
	maxHeader     = 16 << 10        // bytes
)

// ServeOptions say how HTTP is served at a socket.
type ServeOptions struct {
	Doing   string // for errors: "answering"
	Handler http.Handler
	Log     *slog.Logger
	// ConnContext keeps something with a connection, such as who made it. Nil keeps nothing.
	ConnContext func(context.Context, net.Conn) context.Context
	// MaxConnections are answered at once; those after them wait. 0: no bound.
	MaxConnections int
}

func (o ServeOptions) validate() error {
	if o.Doing == "" || o.Handler == nil || o.Log == nil || o.MaxConnections < 0 {
		return errors.New("serving at a socket: what is done there, a handler and a log are needed, and no bound below 0")
	}
	return nil
}

// Serve answers until ctx ends, then gives answers that are being given a moment, and removes the socket. Requests end with ctx: a
// long poll, or a stream, must not hold up the agent's stop.
func (l *Listener) Serve(ctx context.Context, o ServeOptions) error {
	if err := o.validate(); err != nil {
		return errors.Join(err, l.Close(), l.Remove())
	}
	h := &http.Server{
		Handler:           o.Handler,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnContext:       o.ConnContext,
		ErrorLog:          slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
	}
	var from net.Listener = l
	if o.MaxConnections > 0 {
		from = netutil.LimitListener(l, o.MaxConnections)
	}
	served := make(chan error, 1)
	contain.Go(o.Doing+" at a socket", func(p *contain.Panic) { served <- p }, func() { served <- h.Serve(from) })
	var err error
	select {
	case err = <-served:
		err = fmt.Errorf("%s at %s: %w", o.Doing, l.path, err)
	case <-ctx.Done():
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		if h.Shutdown(stop) != nil {
			err = h.Close() // somebody reads too slowly; cutting them off is what the deadline is for
		}
		<-served
	}
	return errors.Join(err, l.Remove())
}

// An Answer notices when it begins: what is half sent cannot be taken back, and must not look like a whole answer.
type Answer struct {
	http.ResponseWriter
	Begun bool
}

// WriteHeader implements [http.ResponseWriter].
func (a *Answer) WriteHeader(code int) {
	a.Begun = true
	a.ResponseWriter.WriteHeader(code)
}

// Write implements [http.ResponseWriter].
func (a *Answer) Write(p []byte) (int, error) {
	a.Begun = true
	return a.ResponseWriter.Write(p)
}

// Unwrap lets [http.NewResponseController] find what the writer can.
func (a *Answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
