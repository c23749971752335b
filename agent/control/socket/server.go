// Package socket carries what package control says: HTTP and JSON over one unix socket, with the server, and the one client.
//
// # Who may
//
// Whoever can open the socket may use it; its mode is 0660, so that is root, the agent's user and its group. The kernel
// says who that is (SO_PEERCRED), the client never does: [peercred.Caller] is filled in by the server and whatever a client
// claims is dropped. Requests that change or hand out anything pass [ServerOptions].Allow first.
//
// # The requests
//
//	GET  /v1/status
//	GET  /v1/runs?stack=NAME&limit=N
//	GET  /v1/runs/REF                            REF is 12, #12 (as %2312) or a stack: its open run, else its newest
//	GET  /v1/runs/REF?after=UPDATED_AT&wait=30s  answers when the run has changed, or when the wait is over
//	GET  /v1/runs/REF/plan                       text
//	GET  /v1/runs/REF/log                        text
//	GET  /v1/stacks/NAME/states  /v1/stacks/NAME/why
//	GET  /v1/verify
//	POST /v1/plan /v1/decide /v1/review /v1/cancel /v1/pause /v1/resume /v1/accept
//	POST /v1/unlock /v1/state/push /v1/state/restore /v1/state/move /v1/state/migrate  answer when terraform has ended: minutes, at worst
//	POST /v1/exec                                the streams of a command, see exec.go
//	POST /v1/backup                              an archive
//	POST /v1/trial                               a line of JSON for each stack, until all are planned or the client goes away
//
// Errors come as a [control.Error] whole. Requests and answers are package control's.
package socket

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"time"

	"sallyport/agent/contain"
	"sallyport/agent/control"
	"sallyport/agent/peercred"
	"sallyport/agent/unixsocket"
	"sallyport/notify/people"
)

const (
	bodyTimeout  = 5 * time.Second  // a client must send its body within this, after its headers
	writeTimeout = 30 * time.Second // and take the answer; a backup gets this for each piece
	maxWait      = time.Minute      // of one long poll; clients ask again
	maxBody      = 64 << 10
)

// ServerOptions say what a server answers with.
type ServerOptions struct {
	Socket   string // absolute path
	Reader   control.Reader
	Operator control.Operator
	Trials   trier // nil: there are none
	Log      *slog.Logger
	// Allow refuses callers of requests that change something or hand out a backup. Nil allows whoever could open the
	// socket. It is not asked about looking.
	Allow func(peercred.Caller) error
	// Changes returns a channel that is closed at the next change of any run. It is called before the run is read, so
	// that no change falls in between.
	Changes func() <-chan struct{}
	// Version of the agent goes with each answer, so that a command line of another one can say so. Empty: none does.
	Version string
	// Names are what accounts are called; nil knows nobody.
	Names people.Names
}

func (o *ServerOptions) validate() error {
	if o.Socket == "" || o.Reader == nil || o.Operator == nil || o.Log == nil || o.Changes == nil {
		return errors.New("control: socket, reader, operator, log and changes are needed")
	}
	if o.Allow == nil {
		o.Allow = func(peercred.Caller) error { return nil }
	}
	return nil
}

// Server answers at the socket. Make one with [Listen].
type Server struct {
	opts     ServerOptions
	listener *unixsocket.Listener
}

// Listen takes the socket. From then on clients can connect; they are answered once [Server.Serve] runs. The error is
// ErrInUse if an agent answers there already.
func Listen(o ServerOptions) (*Server, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	l, err := unixsocket.Listen(o.Socket)
	if err != nil {
		return nil, err
	}
	return &Server{opts: o, listener: l}, nil
}

// callerKey finds the caller in a request's context.
type callerKey struct{}

// Serve answers until ctx ends, then gives running requests a moment, and removes the socket.
func (s *Server) Serve(ctx context.Context) error {
	return s.listener.Serve(ctx, unixsocket.ServeOptions{
		Doing: "answering", Handler: s.handler(), Log: s.opts.Log, ConnContext: s.identify,
	})
}

// Close gives the socket up without ever having served it.
func (s *Server) Close() error {
	return errors.Join(s.listener.Close(), s.listener.Remove())
}

// identify keeps who connected with the connection. An unknown caller may look; Allow sees that it has no uid.
func (s *Server) identify(ctx context.Context, c net.Conn) context.Context {
	caller := peercred.Unknown()
	err := contain.Do("finding out who uses the socket", func() (err error) { // the goroutine is the one that accepts connections
		caller, err = peercred.Of(c)
		return err
	})
	if err != nil {
		s.opts.Log.Warn("not knowing who uses the socket", "err", err)
	}
	return context.WithValue(ctx, callerKey{}, caller)
}

// callerFrom is who made the request.
func callerFrom(ctx context.Context) peercred.Caller {
	if c, ok := ctx.Value(callerKey{}).(peercred.Caller); ok {
		return c
	}
	return peercred.Unknown()
}
