// Package web shows what an agent knows as pages, for people with a browser and ssh:
//
//	ssh -L 9747:/run/sallyport/web.sock bastion
//
// and http://localhost:9747/. It listens at a unix socket of its own, so that nothing listens on a port and the kernel says who may
// look: root, the agent's user and its group, and who of them has a shell on the bastion.
//
// # It decides nothing
//
// There is no route that changes anything, and no other method than GET and HEAD. What waits is shown with the words by which it is
// decided elsewhere. What is asked for goes through [Facts], which has no verb.
//
// # Whom it answers
//
// A page of somebody else's in the same browser could ask, too: by a name of its own that leads to 127.0.0.1 (DNS rebinding), or by the
// right name from its own pages. So only requests that were made for localhost, 127.0.0.1 or [::1] are answered, and only such as come
// from these pages or from the person: see refuse. What is shown is never kept by the browser, is shown in no frame, and may load and
// run nothing but what comes from here.
//
// # It slows nothing
//
// A request reads the store and files, as `sallyport status` does, and holds no lock while it answers. A log that grows is read once a
// second however many people look at it, and what one of them has not taken yet is kept nowhere: a stream knows how far it came, and
// goes on there. Who does not take what is sent within a few seconds is let go. Connections, streams and what one page lists are bounded.
package web

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"sallyport/agent/control"
	"sallyport/agent/page"
	"sallyport/agent/unixsocket"
	"sallyport/notify/people"
)

const (
	takeTimeout    = 10 * time.Second // each piece of an answer must be taken within this
	refusalTimeout = 5 * time.Second  // a body that is refused must end within this
	maxConnections = 128              // those after it wait
	maxStreams     = 32               // of all browsers together; each holds a connection
)

// Facts are what is shown. The answers are those that the command line gets.
type Facts interface {
	page.Reader
	Status(ctx context.Context) (control.Status, error)
	Runs(ctx context.Context, q control.RunsQuery) ([]control.Run, error)
	// DependsOn are the stacks that each stack comes after, by name.
	DependsOn() map[string][]string
}

// Options say what a server shows.
type Options struct {
	Socket string // absolute path
	Facts  Facts
	Log    *slog.Logger
	// Changes returns a channel that is closed at the next change of any run.
	Changes func() <-chan struct{}
	// Redact leaves secrets out of a text.
	Redact  func(string) string
	Names   people.Names     // what accounts are called; nil knows nobody
	Version string           // of the agent
	Now     func() time.Time // default time.Now
	// After is how streams wait. Default: time.After.
	After func(time.Duration) <-chan time.Time
	// Patience is how long a reader may take for a piece of an answer. Default: 10 seconds.
	Patience time.Duration
}

func (o *Options) validate() error {
	if o.Facts == nil || o.Log == nil || o.Changes == nil || o.Redact == nil {
		return errors.New("web: facts, log, changes and redact are needed")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Patience == 0 {
		o.Patience = takeTimeout
	}
	if o.After == nil {
		o.After = time.After
	}
	return nil
}

// Server shows pages at its socket. Make one with [Listen].
type Server struct {
	opts     Options
	listener *unixsocket.Listener
	streams  chan struct{} // a place for each
	looks    looks
	policy   string // what pages may do
}

// newServer makes one that listens nowhere.
func newServer(o Options) (*Server, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	policy, err := page.CSP(live(""))
	if err != nil {
		return nil, err
	}
	s := &Server{opts: o, streams: make(chan struct{}, maxStreams), policy: policy + "; frame-ancestors 'none'"}
	s.looks.facts, s.looks.now = o.Facts, o.Now
	return s, nil
}

// Listen takes the socket. From then on clients can connect; they are answered once [Server.Serve] runs. The error wraps
// [unixsocket.ErrInUse] if somebody answers there already.
func Listen(o Options) (*Server, error) {
	s, err := newServer(o)
	if err != nil {
		return nil, err
	}
	s.listener, err = unixsocket.Listen(o.Socket)
	return s, err
}

// Serve answers until ctx ends, then gives answers that are being given a moment, and removes the socket.
func (s *Server) Serve(ctx context.Context) error {
	return s.listener.Serve(ctx, unixsocket.ServeOptions{
		Doing: "showing pages", Handler: s.handler(), Log: s.opts.Log, MaxConnections: maxConnections,
	})
}
