package socket

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"sallyport/notify/redact"
	"sallyport/notify/slack"
	"sallyport/notify/words"
)

const (
	handshakeTime = 15 * time.Second
	helloTime     = 15 * time.Second
	writeTime     = 10 * time.Second
	// pingEvery is how often we ask whether somebody is at the other end; deafAfter without any frame there is nobody.
	pingEvery = 15 * time.Second
	deafAfter = 45 * time.Second
	// maxFrame bounds what Slack can send at a time, in bytes. A press of a button brings the message and the modal along.
	maxFrame = 4 << 20
	// maxOdd bounds how many frames in a row may be none of Slack's: who sends nothing else is not Slack, and is not to fill the log.
	maxOdd = 20
	// maxAck is the size from which Slack drops an acknowledgement without a word, and one that is written in parts. Bytes.
	maxAck      = 20 << 10
	writeBuffer = 32 << 10
	// maxReason bounds what is told of a word of Slack's, in bytes.
	maxReason = 100
)

// errRefresh ends a connection whose end Slack announced, so that the next one is open before.
var errRefresh = errors.New("slack renews the socket")

// conn is one connection, over which its hello has come.
type conn struct {
	ws          *websocket.Conn
	app         string
	connections int
	leaving     chan struct{} // closed when the next one has to be opened
	ended       chan struct{} // closed when nothing more comes
	deaf        time.Duration // without any frame there is nobody at the other end
	handling    sync.WaitGroup

	writing sync.Mutex // the websocket takes one writer at a time

	mu   sync.Mutex
	err  error
	over bool // nothing more is to be read
}

// why is why a connection ended, or is about to.
func (c *conn) why() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// leave says why a connection ends; the first reason counts.
func (c *conn) leave(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.err = err
	close(c.leaving)
}

// frame is what comes over a connection.
type frame struct {
	Type           string          `json:"type"`
	Envelope       string          `json:"envelope_id"`
	Payload        json.RawMessage `json:"payload"`
	AcceptsPayload bool            `json:"accepts_response_payload"`
	Reason         string          `json:"reason"`
	Connections    int             `json:"num_connections"`
	Info           struct {
		App string `json:"app_id"`
	} `json:"connection_info"`
	RetryAttempt int `json:"retry_attempt"`
}

// connect opens a connection and waits until Slack has said hello.
func (s *Socket) connect(ctx context.Context) (*conn, error) {
	address, err := s.opts.Client.SocketURL(ctx)
	if err != nil {
		return nil, err
	}
	if err := trusted(address.Reveal()); err != nil {
		return nil, err
	}
	dialer := websocket.Dialer{
		Proxy: http.ProxyFromEnvironment, HandshakeTimeout: handshakeTime, WriteBufferSize: writeBuffer,
		NetDialContext: (&net.Dialer{Timeout: handshakeTime, KeepAlive: 30 * time.Second}).DialContext,
	}
	ws, resp, err := dialer.DialContext(ctx, address.Reveal(), nil)
	if err != nil {
		return nil, dialError(address.Reveal(), resp, err)
	}
	_ = resp.Body.Close() // the websocket has the connection
	ws.SetReadLimit(maxFrame)
	c := &conn{ws: ws, leaving: make(chan struct{}), ended: make(chan struct{}), deaf: s.opts.deaf}
	if err := c.hello(ctx); err != nil {
		_ = ws.Close()
		return nil, err
	}
	return c, nil
}

// trusted refuses an address over which everybody on the way could press buttons.
func trusted(address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return errors.New("slack gives an address for the socket that is none")
	}
	ip := net.ParseIP(u.Hostname())
	if u.Scheme == "wss" || u.Scheme == "ws" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()) {
		return nil
	}
	return fmt.Errorf("slack gives an address for the socket that is not encrypted: %s://%s", u.Scheme, u.Host)
}

// dialError keeps the address out of the error: whoever has it can listen in our place.
func dialError(address string, resp *http.Response, err error) error {
	host := "its server"
	if u, e := url.Parse(address); e == nil && u.Host != "" {
		host = u.Host
	}
	said := strings.ReplaceAll(err.Error(), address, "(address)")
	if resp != nil {
		said += ", " + resp.Status
	}
	return &slack.Error{
		Method: "socket", Err: fmt.Errorf("connecting to %s: %s", host, redact.CleanLine(said)),
		Hint: "can this machine reach " + host + "? Where only a proxy does, HTTPS_PROXY in the agent's environment names it",
	}
}

// hello waits for the first frame, after which Slack sends events.
func (c *conn) hello(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = c.ws.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := c.ws.SetReadDeadline(time.Now().Add(helloTime)); err != nil {
		return fmt.Errorf("waiting for slack's hello: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	f, err := c.read()
	if err != nil {
		return fmt.Errorf("waiting for slack's hello: %w", err)
	}
	switch f.Type {
	case "hello":
		c.app, c.connections = f.Info.App, f.Connections
		return nil
	case "disconnect":
		return &Disconnected{Reason: f.Reason}
	}
	return fmt.Errorf("slack says %q before hello", words.Cut(f.Type, maxReason))
}

// short is a word of Slack's for a log.
func short(s string) string { return words.Cut(redact.CleanLine(s), maxReason) }

// errOdd is a frame that is not one of Slack's. The connection goes on.
var errOdd = errors.New("a frame that cannot be read")

func (c *conn) read() (frame, error) {
	kind, data, err := c.ws.ReadMessage()
	if err != nil {
		return frame{}, err
	}
	var f frame
	if kind != websocket.TextMessage || json.Unmarshal(data, &f) != nil {
		return frame{}, errOdd
	}
	return f, nil
}

// serve listens to a connection until it ends.
func (s *Socket) serve(ctx context.Context, c *conn) {
	s.group.Go(func() {
		defer s.closed(c)
		s.contained("listening to the socket", func() error { return s.listen(ctx, c) }, c.leave)
	})
	s.group.Go(func() {
		s.contained("pinging the socket", func() error { c.keep(ctx); return nil }, c.leave)
	})
}

// closed tidies up after a connection: handlers still acknowledge what they record.
func (s *Socket) closed(c *conn) {
	c.leave(errors.New("the socket has ended"))
	s.lost()
	close(c.ended)
	c.handling.Wait()
	c.goodbye()
}

// goodbye closes a connection as one closes it, so that Slack does not count it any more.
func (c *conn) goodbye() {
	_ = c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseGoingAway, ""), time.Now().Add(time.Second))
	_ = c.ws.Close()
}

// keep asks whether somebody is there, until the connection ends, and lets go of it: at once with ctx, after a while if Slack wants to
// end it.
func (c *conn) keep(ctx context.Context) {
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	for {
		select {
		case <-c.ended:
			return
		case <-ctx.Done():
			c.stop()
			return
		case <-c.leaving:
			timer := time.NewTimer(overlap)
			defer timer.Stop()
			select {
			case <-c.ended:
			case <-ctx.Done():
			case <-timer.C:
			}
			c.stop()
			return
		case <-tick.C:
			_ = c.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeTime)) // one that fails is a connection that is deaf
		}
	}
}

// stop ends listening. What is being handled is still acknowledged.
func (c *conn) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	_ = c.ws.SetReadDeadline(time.Unix(1, 0))
}

// alive puts off the moment at which a connection counts as deaf, unless it is to end.
func (c *conn) alive() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil && !c.over {
		_ = c.ws.SetReadDeadline(time.Now().Add(c.deaf))
	}
}

// listen reads until a connection ends.
func (s *Socket) listen(ctx context.Context, c *conn) error {
	c.ws.SetPingHandler(func(data string) error {
		c.alive()
		err := c.ws.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(writeTime))
		if errors.Is(err, websocket.ErrCloseSent) {
			return nil
		}
		return err
	})
	c.ws.SetPongHandler(func(string) error { c.alive(); return nil })
	for odd := 0; ; {
		c.alive()
		f, err := c.read()
		switch {
		case errors.Is(err, errOdd) && odd < maxOdd:
			odd++
			s.opts.Log.Warn("slack's socket sends what cannot be read")
			continue
		case err != nil:
			return fmt.Errorf("listening to slack's socket: %w", err)
		}
		odd = 0
		switch f.Type {
		case "hello":
		case "disconnect":
			if f.Reason == reasonOff || f.Reason == reasonMany {
				return &Disconnected{Reason: f.Reason}
			}
			c.leave(errRefresh) // and listen on, until Slack closes it
		default:
			s.take(ctx, c, f)
		}
	}
}

// take hands an envelope to a handler of its own.
func (s *Socket) take(ctx context.Context, c *conn, f frame) {
	came := s.opts.Now()
	events, err := decode(f, came)
	if err != nil {
		// Not acknowledged: whoever pressed is shown that it did not work.
		s.opts.Log.Warn("slack's socket brings something that cannot be read", "type", short(f.Type), "envelope", short(f.Envelope), "err", err)
		return
	}
	// What is being recorded is recorded and acknowledged, also if we are about to stop.
	handle, cancel := context.WithTimeout(context.WithoutCancel(ctx), HandlerTime)
	select {
	case s.slots <- struct{}{}:
	case <-handle.Done():
		cancel()
		s.opts.Log.Warn("what came over slack's socket was left: everything takes too long", "envelope", short(f.Envelope))
		return
	}
	c.handling.Go(func() {
		defer func() { <-s.slots }()
		defer cancel()
		s.contained("handling what came over the socket", func() error { return s.handle(handle, c, f, events) }, func(err error) {
			s.opts.Log.Warn("what came over slack's socket was not taken", "envelope", short(f.Envelope), "retry", f.RetryAttempt, "err", err)
		})
	})
}

// handle has an envelope handled and acknowledges it.
func (s *Socket) handle(ctx context.Context, c *conn, f frame, events []Event) error {
	var last Answer
	for _, e := range events {
		answer, err := s.opts.Handler(ctx, e)
		if err != nil {
			return err
		}
		last = answer
	}
	data, err := acknowledgement(f, last)
	if err != nil {
		s.opts.Log.Warn("an answer cannot be given over slack's socket", "envelope", short(f.Envelope), "err", err)
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	if err := c.ws.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return fmt.Errorf("acknowledging: %w", err)
	}
	if err := c.ws.WriteMessage(websocket.TextMessage, data); err != nil {
		return fmt.Errorf("acknowledging: %w", err)
	}
	return nil
}

// levelOf is how loud the end of a connection is.
func levelOf(err error) slog.Level {
	if errors.Is(err, errRefresh) {
		return slog.LevelDebug
	}
	return slog.LevelWarn
}
