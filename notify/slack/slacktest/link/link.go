// Package link is how programs reach the workspace of package slacktest. [Params] are what a request says. A [Hub] is Slack's end of an
// app's websockets: it says hello, gives each envelope to one of the
// connections that are open, hears acknowledgements, announces the end of connections and cuts them. What the envelopes say it does
// not know.
//
// It does as Slack: an envelope goes to one connection, and is acknowledged over that one or not at all. One that is lost with its
// connection is not sent again, unless it is an event and [Hub.Retry] plays that a while has passed.
package link

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"github.com/gorilla/websocket"
)

// maxAck is the size from which Slack drops an acknowledgement without a word.
const maxAck = 20 << 10

// Envelope is one thing that is told the app.
type Envelope struct {
	Kind    string // interactive or events_api
	Payload map[string]any
	Answers bool // it takes an answer
	// Acknowledged is told of the answer, Lost of why there is none and will be none. Nil for events. They are called without any lock.
	Acknowledged func(answer map[string]any)
	Lost         func(why string)

	attempt int
}

func (e *Envelope) event() bool { return e.Kind == "events_api" }

// Hub are the websockets of one app.
type Hub struct {
	App     string        // its id
	Most    func() int    // connections at a time
	Refused func() string // the reason with which a connection is refused now; empty: it is not
	Tell    func()        // called when something happened

	mu      sync.Mutex
	conns   []*conn // open, oldest first
	next    int     // whose turn it is
	serial  int
	holding bool
	held    []*Envelope
	unacked []*Envelope // events
	served  int
	acks    int
}

type conn struct {
	ws      *websocket.Conn
	out     chan []byte
	cut     chan struct{}
	leaving bool // its end was announced
	sent    map[string]*Envelope
}

// Serve is one websocket.
func (h *Hub) Serve(w http.ResponseWriter, r *http.Request) {
	ws, err := (&websocket.Upgrader{WriteBufferSize: 64 << 10}).Upgrade(w, r, nil)
	if err != nil {
		return // it has answered
	}
	c := &conn{ws: ws, out: make(chan []byte, 1<<12), cut: make(chan struct{}), sent: map[string]*Envelope{}}
	go c.write()
	refused, most := h.Refused(), h.Most()
	h.mu.Lock()
	if refused == "" && len(h.conns) >= most {
		refused = "too_many_websockets"
	}
	if refused != "" {
		c.send(disconnect(refused))
		close(c.out)
		h.mu.Unlock()
		h.Tell()
		return
	}
	h.conns = append(h.conns, c)
	h.served++
	c.send(map[string]any{
		"type": "hello", "num_connections": len(h.conns), "debug_info": debugInfo(), "connection_info": map[string]any{"app_id": h.App},
	})
	h.endLeaving()
	h.mu.Unlock()
	h.Tell()
	h.hear(c)
}

// hear reads acknowledgements until a connection ends.
func (h *Hub) hear(c *conn) {
	for {
		_, data, err := c.ws.ReadMessage()
		if err != nil {
			h.mu.Lock()
			lost := h.drop(c)
			h.mu.Unlock()
			h.gone(lost)
			return
		}
		var ack struct {
			Envelope string         `json:"envelope_id"`
			Payload  map[string]any `json:"payload"`
		}
		if len(data) >= maxAck || json.Unmarshal(data, &ack) != nil {
			continue
		}
		h.mu.Lock()
		e := c.sent[ack.Envelope]
		if e != nil {
			delete(c.sent, ack.Envelope)
			h.acks++
			h.unacked = slices.DeleteFunc(h.unacked, func(other *Envelope) bool { return other == e })
		}
		h.endLeaving()
		h.mu.Unlock()
		if e != nil && e.Acknowledged != nil {
			e.Acknowledged(ack.Payload)
		}
		h.Tell()
	}
}

func disconnect(reason string) map[string]any {
	return map[string]any{"type": "disconnect", "reason": reason, "debug_info": debugInfo()}
}

func debugInfo() map[string]any {
	return map[string]any{"host": "applink-fake", "build_number": 1, "approximate_connection_time": 18060}
}

func (c *conn) send(frame map[string]any) {
	data, err := json.Marshal(frame)
	if err != nil {
		panic(fmt.Sprintf("slacktest: a frame that is no JSON: %v", err))
	}
	select {
	case c.out <- data:
	default: // nobody reads: a connection that is as good as cut
	}
}

// write sends what is to be sent, until the connection is cut or nothing more is to come.
func (c *conn) write() {
	defer func() { _ = c.ws.Close() }()
	for {
		select {
		case data, more := <-c.out:
			if !more || c.ws.WriteMessage(websocket.TextMessage, data) != nil {
				return
			}
		case <-c.cut:
			return
		}
	}
}

// drop ends a connection and returns what is lost with it. What waits to be sent over it still is. The lock is held.
func (h *Hub) drop(c *conn) []*Envelope {
	i := slices.Index(h.conns, c)
	if i < 0 {
		return nil
	}
	h.conns = slices.Delete(h.conns, i, i+1)
	close(c.out)
	var lost []*Envelope
	for _, e := range c.sent {
		lost = append(lost, e)
	}
	clear(c.sent)
	return lost
}

func (h *Hub) gone(lost []*Envelope) {
	for _, e := range lost {
		if e.Lost != nil {
			e.Lost("the websocket was cut")
		}
	}
	h.Tell()
}

// endLeaving closes the connections whose end was announced, once there is another one and they have acknowledged everything.
func (h *Hub) endLeaving() {
	fresh := slices.ContainsFunc(h.conns, func(c *conn) bool { return !c.leaving })
	for _, c := range slices.Clone(h.conns) {
		if fresh && c.leaving && len(c.sent) == 0 {
			h.drop(c)
		}
	}
}

// Deliver tells the app something: over one of its connections, one after the other. It returns why nobody is told; empty: somebody is.
func (h *Hub) Deliver(e *Envelope) (lost string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.deliver(e)
}

func (h *Hub) deliver(e *Envelope) (lost string) {
	if h.holding {
		h.held = append(h.held, e)
		return ""
	}
	conns := slices.DeleteFunc(slices.Clone(h.conns), func(c *conn) bool { return c.leaving })
	if len(conns) == 0 {
		conns = h.conns
	}
	if e.event() && h.served > 0 && !slices.Contains(h.unacked, e) {
		h.unacked = append(h.unacked, e)
	}
	if len(conns) == 0 {
		return "the app has no websocket open"
	}
	c := conns[h.next%len(conns)]
	h.next++
	h.serial++
	id := fmt.Sprintf("envelope-%d", h.serial)
	frame := map[string]any{"envelope_id": id, "type": e.Kind, "payload": e.Payload, "accepts_response_payload": e.Answers}
	if e.event() {
		frame["retry_attempt"], frame["retry_reason"] = e.attempt, ""
		if e.attempt > 0 {
			frame["retry_reason"] = "timeout"
		}
	}
	c.sent[id] = e
	c.send(frame)
	return ""
}

// Count is how many connections are open, how many there were, and how many envelopes were acknowledged.
func (h *Hub) Count() (open, ever, acknowledged int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.conns), h.served, h.acks
}

// Cut cuts connections without a word, the oldest first; it reports how many there were to cut.
func (h *Hub) Cut(most int) int {
	h.mu.Lock()
	cut := slices.Clone(h.conns[:min(most, len(h.conns))])
	var lost []*Envelope
	for _, c := range cut {
		close(c.cut)
		_ = c.ws.NetConn().Close()
		lost = append(lost, h.drop(c)...)
	}
	h.mu.Unlock()
	h.gone(lost)
	return len(cut)
}

// Refresh announces the end of all connections that are open now. Each is closed when there is a newer one and it has acknowledged
// what it was told.
func (h *Hub) Refresh(reason string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.conns {
		c.leaving = true
		c.send(disconnect(reason))
	}
}

// End ends all connections with a reason.
func (h *Hub) End(reason string) {
	h.mu.Lock()
	var lost []*Envelope
	for _, c := range slices.Clone(h.conns) {
		c.send(disconnect(reason))
		lost = append(lost, h.drop(c)...)
	}
	h.mu.Unlock()
	h.gone(lost)
}

// Hold keeps envelopes back until [Hub.Release].
func (h *Hub) Hold() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.holding = true
}

// Release lets go of what was held, in its order.
func (h *Hub) Release() {
	h.mu.Lock()
	held := h.held
	h.holding, h.held = false, nil
	var lost []*Envelope
	for _, e := range held {
		if h.deliver(e) != "" {
			lost = append(lost, e)
		}
	}
	h.mu.Unlock()
	h.gone(lost)
}

// Retry plays that a while has passed: events that were not acknowledged are told again. Nothing else ever is.
func (h *Hub) Retry() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range slices.Clone(h.unacked) {
		e.attempt++
		h.deliver(e)
	}
}
