// Package slacktest is a Slack workspace of one's own: a server on loopback with users, channels, threads and files that answers
// the methods which Sallyport calls as Slack answers them, refuses what Slack refuses, and fails on demand.
//
//	s, err := slacktest.New(slacktest.Options{
//		Users:    []slacktest.User{{ID: "U01JANE", Name: "jane", Email: "jane@example.com"}},
//		Channels: []slacktest.Channel{{ID: "C0000OPS", Name: "ops", Member: true}},
//	})
//	defer s.Close()
//	// api_url = s.URL(), token = s.Token()
//	card, err := s.WaitMessage(ctx, "C0000OPS", func(m slacktest.Message) bool { return strings.Contains(m.Text, "Reply") })
//	s.Reply("U01JANE", "C0000OPS", card.TS, "approve")
//
// Nothing here sleeps: waiting is for a condition, and the clock is the caller's. It needs no testing package, so that a
// demonstration can use it too. Calls that make no sense (an unknown channel, a reply to nothing) panic: they are mistakes
// of the program that plays the people.
package slacktest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"sallyport/notify/slack/slacktest/link"
)

// Options say what the workspace looks like at first. Everything has a default but users and channels.
type Options struct {
	Addr   string // to listen on; default a free port of 127.0.0.1
	Token  string // default xoxb-0-fake-token
	TeamID string // default T01HOME
	Team   string // default home
	// The bot's user, its id as a bot and its app; defaults U0SALLY, B0SALLY, A0SALLY, and the name sallyport.
	BotUserID, BotID, AppID, BotName string

	Scopes   []string // default: all that Sallyport's manifest asks for
	App      App      // default: Socket Mode, with buttons, and it is told what is said
	Users    []User
	Channels []Channel
	Groups   []Group

	Now       func() time.Time // default time.Now
	PageLimit int              // most messages in a page, whatever is asked for; default 999
	MaxBlocks int              // characters of all blocks together that are refused; default 11000
	HoldFiles bool             // messages of files appear only after [Server.ReleaseFiles]
	// BareFiles: an upload is answered with the files' ids and titles alone, and a message's files have no address either, as it was
	// with Slack until 2023 and is with other stand-ins.
	BareFiles bool
}

func (o *Options) setDefaults() {
	set := func(s *string, value string) {
		if *s == "" {
			*s = value
		}
	}
	set(&o.Addr, "127.0.0.1:0")
	set(&o.Token, "xoxb-0-fake-token")
	set(&o.TeamID, "T01HOME")
	set(&o.Team, "home")
	set(&o.BotUserID, "U0SALLY")
	set(&o.BotID, "B0SALLY")
	set(&o.AppID, "A0SALLY")
	set(&o.BotName, "sallyport")
	o.App.setDefaults(o.AppID)
	if o.Scopes == nil {
		o.Scopes = AllScopes()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.PageLimit <= 0 {
		o.PageLimit = 999
	}
	if o.MaxBlocks <= 0 {
		o.MaxBlocks = 11000
	}
}

// Server is the workspace and the server that answers for it.
type Server struct {
	opts Options
	http *http.Server
	port net.Listener
	Live *Live
	url  string        // its own address
	done chan struct{} // closed by Close: lets go of hanging requests

	mu       sync.Mutex
	behind   string        // the address for clients, if that is another one
	changed  chan struct{} // closed and replaced whenever anything changes
	token    string
	authCode string // why the token is refused now; empty if it is not
	scopes   []string
	users    map[string]*User
	groups   map[string]*Group
	channels map[string]*channel
	files    map[string]*File
	private  []Ephemeral
	held     []func()
	lastTS   int64 // microseconds
	serial   int
	calls    []Call
	faults   []*fault
	down     bool
	unhang   chan struct{}
}

// Call is one request that was made, the token left out.
type Call struct {
	Method string
	Params url.Values
	Answer string // ok, an error code, or the fault that was played
}

// New starts a workspace.
func New(o Options) (*Server, error) {
	s := NewUnserved(o)
	l, err := net.Listen("tcp", s.opts.Addr)
	if err != nil {
		return nil, fmt.Errorf("listening for the fake slack: %w", err)
	}
	s.url = "http://" + l.Addr().String()
	s.http = &http.Server{Handler: s.Handler(), ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(discard{}, "", 0)}
	s.port = l
	go func() { _ = s.http.Serve(l) }() // ends with Close
	return s, nil
}

// Unserved is the address of a workspace that no socket leads to.
const Unserved = "https://slack.invalid"

// NewUnserved makes a workspace that listens nowhere: whoever wants to reach it brings its requests to [Server.Handler]. A
// connection that is to be closed without an answer is a panic of [http.ErrAbortHandler] there.
func NewUnserved(o Options) *Server {
	o.setDefaults()
	s := &Server{
		opts: o, url: Unserved, done: make(chan struct{}), changed: make(chan struct{}), unhang: make(chan struct{}),
		token: o.Token, scopes: append([]string(nil), o.Scopes...), users: map[string]*User{},
		groups: map[string]*Group{}, channels: map[string]*channel{}, files: map[string]*File{},
	}
	s.Live = newLive(s, o.App)
	s.AddUser(User{ID: o.BotUserID, Name: o.BotName, Bot: true})
	for _, u := range o.Users {
		s.AddUser(u)
	}
	for _, g := range o.Groups {
		s.SetGroup(g)
	}
	for _, c := range o.Channels {
		s.AddChannel(c)
	}
	return s
}

// Handler answers for the workspace.
func (s *Server) Handler() http.Handler { return api{s} }

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// URL is the api_url of this workspace, with a trailing slash.
func (s *Server) URL() string { return s.url + "/api/" }

// Behind says under which address clients reach this workspace, when something lies in between: "http://host:port".
func (s *Server) Behind(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.behind = address
}

// Token is the bot token that is valid here.
func (s *Server) Token() string { return s.opts.Token }

// BotUserID is the id by which people mention the bot.
func (s *Server) BotUserID() string { return s.opts.BotUserID }

// Close stops the server at once, hanging requests included.
func (s *Server) Close() {
	s.Live.Socket.Cut(1 << 10)
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.done:
		return
	default:
		close(s.done)
	}
	if s.http != nil {
		_ = errors.Join(s.http.Close(), s.port.Close()) // which the former leaves open where Serve has not begun yet
	}
}

// api is the side of the workspace that the program under test sees: its methods answer requests, where those of [Server] are for
// the test that plays the people.
type api struct{ *Server }

// ServeHTTP implements http.Handler.
func (s api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/link/") {
		s.Live.serveLink(w, r)
		return
	}
	method, isUpload := "upload", strings.HasPrefix(r.URL.Path, "/upload/")
	if !isUpload {
		var ok bool
		if method, ok = strings.CutPrefix(r.URL.Path, "/api/"); !ok {
			http.NotFound(w, r)
			return
		}
	}
	f := s.takeFault(method)
	if f != nil && f.early() {
		s.record(method, nil, f.Kind.String()) // before the client can know of it
		f.before(w, r, s)
		return
	}
	if isUpload {
		s.receiveUpload(w, r)
		return
	}
	params, err := link.Params(r)
	if err != nil {
		s.record(method, nil, "invalid_form_data")
		writeJSON(w, failure("invalid_form_data"))
		return
	}
	params["authorization"] = r.Header["Authorization"]
	answer := s.answer(method, params)
	if f != nil && f.Kind == Duplicate {
		answer = s.answer(method, params)
	}
	if f != nil && f.after(w, answer) {
		return
	}
	s.mu.Lock()
	w.Header().Set("X-OAuth-Scopes", strings.Join(s.scopes, ","))
	s.mu.Unlock()
	writeJSON(w, answer)
}

// result is an answer's fields; "ok" is set when it is written.
type result map[string]any

func failure(code string) result { return result{"ok": false, "error": code} }

func invalid(format string, args ...any) result {
	r := failure("invalid_arguments")
	r["response_metadata"] = map[string]any{"messages": []string{"[ERROR] " + fmt.Sprintf(format, args...)}}
	return r
}

// answer carries out one method on the workspace.
func (s api) answer(method string, params url.Values) result {
	s.mu.Lock()
	defer s.mu.Unlock()
	token, header := params.Get("token"), params["authorization"]
	params.Del("token")
	params.Del("authorization")
	r := s.authorize(method, token)
	if method == "apps.connections.open" {
		r = s.Live.authorizeApp(strings.Join(header, ""))
	}
	if r == nil {
		r = s.dispatch(method, params)
	}
	if _, failed := r["error"]; !failed {
		r["ok"] = true
	}
	said, _ := r["error"].(string)
	if said == "" {
		said = "ok"
	}
	s.calls = append(s.calls, Call{Method: method, Params: maps.Clone(params), Answer: said})
	s.tell()
	params.Set("token", token)
	params["authorization"] = header
	return r
}

func writeJSON(w http.ResponseWriter, r result) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(r) // whoever went away does not want the answer
}

func (s api) record(method string, p url.Values, answer string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, Call{Method: method, Params: p, Answer: answer})
	s.tell()
}

// tell wakes whoever waits. The lock is held.
func (s *Server) tell() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// WaitFor blocks until a condition holds, looking again whenever anything happened here. The error of a condition that never
// held carries the transcript.
func (s *Server) WaitFor(ctx context.Context, condition func() bool) error {
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		if condition() {
			return nil
		}
		select {
		case <-changed:
		case <-s.done:
			return errors.New("the fake slack was closed while waiting for it")
		case <-ctx.Done():
			return fmt.Errorf("waiting for the fake slack: %w; it says:\n%s", ctx.Err(), s.Transcript())
		}
	}
}
