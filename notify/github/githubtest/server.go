// Package githubtest is a GitHub Enterprise Server of one's own: a server on loopback with repositories, pull requests, statuses,
// comments and reviews that answers the methods which Sallyport calls as GitHub answers them, refuses what GitHub refuses,
// and fails on demand.
//
//	s, err := githubtest.New(githubtest.Options{
//		Users:        []githubtest.User{{ID: 7, Login: "jane"}},
//		Repositories: []githubtest.Repository{{ID: 42, Name: "ops/infra", Access: map[string]string{"jane": "write"}}},
//	})
//	defer s.Close()
//	// github { url = s.URL(), repository = "ops/infra", token = s.Token() }
//	n := s.OpenPull("ops/infra", githubtest.Pull{Author: "jane", Title: "grow", Head: sha})
//	err = s.WaitFor(ctx, func() bool { return len(s.Comments("ops/infra", n)) == 1 })
//
// It plays the API only; the commits themselves are git's. Answers to GET carry an ETag that depends on the token, lists are
// paged with Link headers, and 304s do not count against the limit, when there is one ([Options].Limit).
//
// Nothing here sleeps: waiting is for a condition, and the clock is the caller's. It needs no testing package, so that a
// demonstration can use it too. Calls that make no sense (an unknown repository or user) panic: they are mistakes of the
// program that plays the people.
package githubtest

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// Options say what the server looks like at first. Everything has a default but users and repositories.
type Options struct {
	Addr         string // to listen on; default a free port of 127.0.0.1
	Token        string // default ghp_ and 36 zeros
	Login        string // of the token's owner; default sallyport-bot, with id 900
	Scopes       []string
	App          bool              // an app with an installation in place of a token
	TokenLife    time.Duration     // of an installation's tokens; default an hour
	Grants       map[string]string // what the token may do: default [AllGrants]
	Users        []User
	Repositories []Repository
	TLS          bool             // https with a CA of its own: see [Server.CAPEM]
	Limit        int              // requests an hour; 0: no limits and no headers about them
	PageLimit    int              // most entries of a page, whatever is asked for; default 100
	Now          func() time.Time // default time.Now
}

// AllGrants are the permissions that Sallyport needs.
func AllGrants() map[string]string {
	return map[string]string{"metadata": "read", "contents": "read", "statuses": "write", "pull_requests": "write"}
}

func (o *Options) setDefaults() {
	set := func(s *string, value string) {
		if *s == "" {
			*s = value
		}
	}
	set(&o.Addr, "127.0.0.1:0")
	set(&o.Token, "ghp_000000000000000000000000000000000000")
	set(&o.Login, "sallyport-bot")
	if o.TokenLife == 0 {
		o.TokenLife = time.Hour
	}
	if o.Grants == nil {
		o.Grants = AllGrants()
	}
	if o.PageLimit <= 0 {
		o.PageLimit = 100
	}
	if o.Now == nil {
		o.Now = time.Now
	}
}

// What the fake app is called, and its bot.
const (
	AppID          = 314
	InstallationID = 2718
	appSlug        = "sallyport"
	appBot         = "sallyport[bot]"
	botID          = 901
	ownerID        = 900
)

// Server is the site and the server that answers for it.
type Server struct {
	opts  Options
	http  *http.Server
	port  net.Listener
	url   string
	done  chan struct{} // closed by Close: lets go of hanging requests
	caPEM []byte
	key   *rsa.PrivateKey // of the app

	mu      sync.Mutex
	changed chan struct{} // closed and replaced whenever anything changes
	grants  map[string]string
	revoked bool
	tokens  map[string]time.Time // of installations, until when
	users   map[string]*User
	repos   map[string]*repository
	serial  int64
	used    int // of the limit
	reset   time.Time
	calls   []Call
	conns   int
	before  map[string]func(Call)
	faults  []*fault
	down    bool
	unhang  chan struct{}
}

// New starts a server.
func New(o Options) (*Server, error) {
	o.setDefaults()
	s := &Server{
		opts: o, done: make(chan struct{}), changed: make(chan struct{}), unhang: make(chan struct{}), grants: o.Grants,
		tokens: map[string]time.Time{}, users: map[string]*User{}, repos: map[string]*repository{}, before: map[string]func(Call){}, serial: 1000,
		reset: o.Now().Add(time.Hour),
	}
	s.AddUser(User{ID: ownerID, Login: o.Login})
	s.AddUser(User{ID: botID, Login: appBot, Bot: true})
	for _, u := range o.Users {
		s.AddUser(u)
	}
	for _, r := range o.Repositories {
		s.AddRepository(r)
	}
	if o.App {
		if err := makeKey(s); err != nil {
			return nil, err
		}
	}
	l, err := net.Listen("tcp", o.Addr)
	if err != nil {
		return nil, fmt.Errorf("listening for the fake github: %w", err)
	}
	s.http = &http.Server{
		Handler: api{s}.routes(), ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(discard{}, "", 0),
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.conns++
			}
		},
	}
	s.url = "http://" + l.Addr().String()
	if o.TLS {
		s.url = "https://" + l.Addr().String()
		if l, err = secure(s, l); err != nil {
			return nil, err
		}
	}
	s.port = l
	go func() { _ = s.http.Serve(l) }() // ends with Close
	return s, nil
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// URL is the `url` of this site. Its API is below /api/v3.
func (s *Server) URL() string { return s.url }

// Token is the token that is valid here.
func (s *Server) Token() string { return s.opts.Token }

// Close stops the server at once, hanging requests included.
func (s *Server) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.done:
		return
	default:
		close(s.done)
	}
	_ = errors.Join(s.http.Close(), s.port.Close()) // which the former leaves open where Serve has not begun yet
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
			return errors.New("the fake github was closed while waiting for it")
		case <-ctx.Done():
			return fmt.Errorf("waiting for the fake github: %w; it says:\n%s", ctx.Err(), s.Transcript())
		}
	}
}
