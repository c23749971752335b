package slacktest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"sallyport/notify/slack/slacktest/link"
)

// App is how the app is set up at Slack, beside the scopes of its bot.
type App struct {
	Token          string   // app-level; default xapp-1-A0SALLY-0-fake
	Scopes         []string // of that token; default connections:write
	TokenCode      string   // why it is refused now: token_revoked, invalid_auth; empty: it is not
	NoSocketMode   bool
	NoInteractive  bool // a press of a button leads nowhere
	NoEvents       bool // it has not subscribed to what is said in channels
	MaxConnections int  // default 10
	// TriggerLife is how long a modal can be opened after a press, by Options.Now; default 3 s, as at Slack. A test that is not about
	// it takes longer, for machines that are busy.
	TriggerLife time.Duration
}

func (a *App) setDefaults(id string) {
	if a.Token == "" {
		a.Token = "xapp-1-" + id + "-0-fake"
	}
	if a.Scopes == nil {
		a.Scopes = []string{"connections:write"}
	}
	if a.MaxConnections <= 0 {
		a.MaxConnections = 10
	}
	if a.TriggerLife <= 0 {
		a.TriggerLife = 3 * time.Second
	}
}

// Live is what people do with buttons and modals, and the app's end of it: its websockets, which the test can cut.
type Live struct {
	// Socket are the app's websockets.
	Socket *link.Hub

	s        *Server // whose lock guards all of it
	app      App
	tickets  map[string]bool    // that open a websocket, once
	views    map[string][]*View // that people have before them, the topmost last
	triggers map[string]*trigger
}

func newLive(s *Server, app App) *Live {
	l := &Live{s: s, app: app, tickets: map[string]bool{}, views: map[string][]*View{}, triggers: map[string]*trigger{}}
	l.Socket = &link.Hub{
		App: s.opts.AppID, Tell: func() { l.locked(s.tell) },
		Most: func() (n int) { l.locked(func() { n = l.app.MaxConnections }); return n },
		Refused: func() (reason string) {
			l.locked(func() {
				if l.app.NoSocketMode {
					reason = "link_disabled"
				}
			})
			return reason
		},
	}
	return l
}

func (l *Live) locked(f func()) {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	f()
}

// Token is the app-level token that is valid here.
func (l *Live) Token() string {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	return l.app.Token
}

// Change sets the app up differently. Turning Socket Mode off ends its websockets, as Slack does.
func (l *Live) Change(change func(*App)) {
	l.s.mu.Lock()
	change(&l.app)
	off := l.app.NoSocketMode
	l.s.tell()
	l.s.mu.Unlock()
	if off {
		l.Socket.End("link_disabled")
	}
}

// openConnection is apps.connections.open.
func (l *Live) openConnection() result {
	l.s.serial++
	ticket := "ticket" + strconv.Itoa(l.s.serial)
	l.tickets[ticket] = true
	address := l.s.url
	if l.s.behind != "" {
		address = l.s.behind
	}
	return result{"url": "ws" + strings.TrimPrefix(address, "http") + "/link/?ticket=" + ticket + "&app_id=" + l.s.opts.AppID}
}

// authorizeApp looks at the token of the one method that wants the app's, which counts only in the header.
func (l *Live) authorizeApp(header string) result {
	token, found := strings.CutPrefix(header, "Bearer ")
	switch {
	case !found:
		return failure("not_authed")
	case strings.HasPrefix(token, "xoxb-"):
		return failure("not_allowed_token_type")
	case token != l.app.Token:
		return failure("invalid_auth")
	case l.app.TokenCode != "":
		return failure(l.app.TokenCode)
	case !slices.Contains(l.app.Scopes, "connections:write"):
		r := failure("missing_scope")
		r["needed"], r["provided"] = "connections:write", strings.Join(l.app.Scopes, ",")
		return r
	}
	return nil
}

// serveLink is the websocket, which a ticket opens once.
func (l *Live) serveLink(w http.ResponseWriter, r *http.Request) {
	l.s.mu.Lock()
	ticket := r.URL.Query().Get("ticket")
	valid := l.tickets[ticket] && !l.s.down
	delete(l.tickets, ticket)
	l.s.mu.Unlock()
	if !valid {
		http.Error(w, "the ticket is not valid (any more)", http.StatusForbidden)
		return
	}
	l.Socket.Serve(w, r)
}

// said tells the app that something was written, edited or deleted. The lock is held.
func (l *Live) said(c *channel, event map[string]any) {
	if l.app.NoEvents || !c.Member {
		return
	}
	scope, kind := "channels:history", "channel"
	if c.Private {
		scope, kind = "groups:history", "group"
	}
	if !slices.Contains(l.s.scopes, scope) {
		return
	}
	l.s.serial++
	event["type"], event["channel"], event["channel_type"] = "message", c.ID, kind
	l.Socket.Deliver(&link.Envelope{Kind: "events_api", Payload: map[string]any{
		"type": "event_callback", "team_id": l.s.opts.TeamID, "api_app_id": l.s.opts.AppID, "event_id": fmt.Sprintf("Ev%08d", l.s.serial),
		"event_time": l.s.opts.Now().Unix(), "event": event,
		"authorizations": []map[string]any{{"team_id": l.s.opts.TeamID, "user_id": l.s.opts.BotUserID, "is_bot": true}},
	}})
}

// edited tells the app that a message was edited. The lock is held.
func (l *Live) edited(m *Message, before map[string]any) {
	ts := l.s.nextTS()
	l.said(l.s.channels[m.Channel], map[string]any{
		"subtype": "message_changed", "hidden": true, "ts": ts, "event_ts": ts, "message": api{l.s}.messageJSON(m, false), "previous_message": before,
	})
}
