package socket

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sallyport/notify/slack"
	"sallyport/notify/words"
)

const (
	// steady is how long a connection has to last until its loss is nothing to rest for.
	steady = 10 * time.Second
	// longest bounds the rest between two tries.
	longest = time.Minute
	// slow is the rest where only a person can mend it: a token, a scope, an app without Socket Mode.
	slow = 5 * time.Minute
	// overlap is how long a connection that Slack wants to end is listened to beside the next one.
	overlap = 30 * time.Second
)

// The reasons for which Slack ends a connection.
const (
	reasonOff  = "link_disabled"
	reasonMany = "too_many_websockets"
)

// Disconnected is why Slack ended a connection.
type Disconnected struct{ Reason string }

// Error implements error.
func (d *Disconnected) Error() string {
	switch d.Reason {
	case reasonOff:
		return "slack ended the socket: Socket Mode is turned off for the app"
	case reasonMany:
		return "slack ended the socket: more are open for the app than it allows"
	}
	return fmt.Sprintf("slack ended the socket: %q", words.Cut(d.Reason, maxReason))
}

// UserHint says what a person can do; empty if nothing.
func (d *Disconnected) UserHint() string {
	switch d.Reason {
	case reasonOff:
		return "turn Socket Mode on in the Slack app's settings"
	case reasonMany:
		return "an app token is for one agent: which other programs use it?"
	}
	return ""
}

// Off reports whether Slack says that Socket Mode is turned off for the app.
func Off(err error) bool {
	var d *Disconnected
	return errors.As(err, &d) && d.Reason == reasonOff
}

// Run keeps the socket open until ctx ends. Handlers that run then are waited for, and acknowledged. It returns ctx's error.
func (s *Socket) Run(ctx context.Context) error {
	defer s.failed(nil)
	defer s.group.Wait()
	for tries := 0; ctx.Err() == nil; {
		c, err := s.connect(ctx)
		if err == nil {
			began := s.opts.Now()
			s.connected(c)
			s.serve(ctx, c)
			select {
			case <-c.leaving: // it is listened to until the next one is open
			case <-c.ended:
			}
			err = c.why()
			if s.opts.Now().Sub(began) >= steady {
				tries = 0
			}
		}
		if ctx.Err() != nil {
			break
		}
		s.failed(err)
		s.opts.Log.Log(ctx, levelOf(err), "the socket to slack has ended", "err", err)
		if wait := s.wait(tries, err); wait > 0 {
			s.opts.Rest(ctx, wait)
		}
		tries++
	}
	return ctx.Err()
}

// wait is how long to rest after a number of tries that led to nothing.
func (s *Socket) wait(tries int, err error) time.Duration {
	wait := time.Duration(0)
	switch after, limited := slack.RetryAfter(err); {
	case limited:
		wait = after
	case slack.Permanent(err) || Off(err):
		wait = slow
	case tries > 0 && tries < 7:
		wait = min(time.Second<<(tries-1), longest)
	case tries > 0:
		wait = longest
	}
	var d *Disconnected
	if errors.As(err, &d) && d.Reason == reasonMany {
		wait = max(wait, longest/2)
	}
	return wait + time.Duration(s.opts.Jitter()*float64(max(wait/2, time.Second/2)))
}

func (s *Socket) connected(c *conn) {
	s.mu.Lock()
	s.open++
	s.renew = false
	if !s.state.Connected {
		s.state.Since = s.opts.Now()
	}
	s.state.Connected, s.state.Err = true, nil
	s.state.Connects++
	s.state.Connections, s.state.App = c.connections, c.app
	s.mu.Unlock()
	s.opts.Log.Info("the socket to slack is open", "connections", c.connections)
	s.opts.Changed()
}

// lost is told of the end of a connection.
func (s *Socket) lost() {
	s.mu.Lock()
	s.open--
	s.gap()
	s.mu.Unlock()
	s.opts.Changed()
}

// gap notices that no connection is open. While one is renewed there may be none for as long as it takes to read the hello of the next
// one: nothing is missed then. The lock is held.
func (s *Socket) gap() {
	if s.open == 0 && !s.renew && s.state.Connected {
		s.state.Connected, s.state.Since = false, s.opts.Now()
	}
}

// failed is told why there is no new connection; nil: none is wanted any more. It is no error that Slack announces the end of one.
func (s *Socket) failed(err error) {
	s.mu.Lock()
	if s.renew = errors.Is(err, errRefresh); !s.renew && err != nil {
		s.state.Err = err
	}
	s.gap()
	s.mu.Unlock()
	s.opts.Changed()
}

// Try opens a connection until Slack says hello, and closes it. An agent that runs meanwhile with the same token can miss what is
// pressed in that moment: the person sees that it did not work.
func Try(ctx context.Context, client *slack.Client) (State, error) {
	c, err := (&Socket{opts: Options{Client: client}}).connect(ctx)
	if err != nil {
		return State{}, err
	}
	c.goodbye()
	return State{Connected: true, Connects: 1, Connections: c.connections, App: c.app}, nil
}
