package socket_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	slackapi "github.com/slack-go/slack"

	"sallyport/agent/patience"
	"sallyport/notify/redact"
	"sallyport/notify/slack"
	"sallyport/notify/slack/slacktest"
	"sallyport/notify/slack/slacktest/blockkit"
	"sallyport/notify/slack/socket"
)

const (
	jane = "U01JANE"
	ops  = "C0000OPS"
)

// bed is a workspace with an app, and a socket to it that notes what it is told.
type bed struct {
	t      *testing.T
	fake   *slacktest.Server
	client *slack.Client
	sock   *socket.Socket
	end    func()

	mu      sync.Mutex
	events  []socket.Event
	handle  socket.Handler // asked first, if any
	changed chan struct{}
	rests   []time.Duration
	rested  chan struct{}
	tries   int // after so many it rests for good; 0: never
	guard   func(string, func() error) error
}

func newBed(t *testing.T, app slacktest.App) *bed {
	t.Helper()
	if app.TriggerLife == 0 {
		app.TriggerLife = time.Hour
	}
	fake, err := slacktest.New(slacktest.Options{
		App: app, Users: []slacktest.User{{ID: jane, Name: "jane"}}, Channels: []slacktest.Channel{{ID: ops, Name: "ops", Member: true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Close)
	b := &bed{t: t, fake: fake, changed: make(chan struct{}, 1)}
	b.client = b.newClient(fake.Live.Token())
	return b
}

func (b *bed) newClient(token string) *slack.Client {
	b.t.Helper()
	client, err := slack.New(slack.Options{Token: redact.NewSecret(b.fake.Token()), AppToken: redact.NewSecret(token), APIURL: b.fake.URL()})
	if err != nil {
		b.t.Fatal(err)
	}
	return client
}

// run opens the socket, until the test or end ends.
func (b *bed) run() *bed {
	b.t.Helper()
	rested := make(chan struct{}, 1)
	b.rested = rested
	s, err := socket.New(socket.Options{
		Client: b.client, Handler: b.told, Guard: b.guard, Jitter: func() float64 { return 0 },
		Changed: func() {
			select {
			case b.changed <- struct{}{}:
			default:
			}
		},
		Rest: func(ctx context.Context, d time.Duration) {
			b.mu.Lock()
			b.rests = append(b.rests, d)
			enough := b.tries > 0 && len(b.rests) >= b.tries
			b.mu.Unlock()
			if enough {
				rested <- struct{}{}
				<-ctx.Done()
			}
		},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	b.sock = s
	ctx, cancel := context.WithCancel(b.t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	b.end = sync.OnceFunc(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			b.t.Errorf("it ended with %v", err)
		}
	})
	b.t.Cleanup(b.end)
	return b
}

func (b *bed) told(ctx context.Context, e socket.Event) (socket.Answer, error) {
	b.mu.Lock()
	handle := b.handle
	b.mu.Unlock()
	var answer socket.Answer
	if handle != nil {
		var err error
		if answer, err = handle(ctx, e); err != nil {
			return answer, err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events = append(b.events, e)
	return answer, nil
}

func (b *bed) seen() []socket.Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]socket.Event(nil), b.events...)
}

func (b *bed) ctx() context.Context {
	ctx, cancel := context.WithTimeout(b.t.Context(), patience.Scaled(3*time.Minute))
	b.t.Cleanup(cancel)
	return ctx
}

// until waits for a state of the socket.
func (b *bed) until(what string, like func(socket.State) bool) socket.State {
	b.t.Helper()
	ctx := b.ctx()
	for {
		st := b.sock.State()
		if like(st) {
			return st
		}
		select {
		case <-b.changed:
		case <-ctx.Done():
			b.t.Fatalf("the socket never was %s; it is %+v", what, st)
		}
	}
}

func connected(st socket.State) bool { return st.Connected }

// card is a message with a button.
func (b *bed) card() string {
	b.t.Helper()
	api := slackapi.New(b.fake.Token(), slackapi.OptionAPIURL(b.fake.URL()))
	_, ts, err := api.PostMessageContext(b.t.Context(), ops, slackapi.MsgOptionText("a plan", false), slackapi.MsgOptionBlocks(
		slackapi.NewActionBlock("sallyport/12", slackapi.NewButtonBlockElement("approve", "12:abc", slackapi.NewTextBlockObject("plain_text", "Approve", false, false))),
	))
	if err != nil {
		b.t.Fatal(err)
	}
	return ts
}

func (b *bed) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func modal(title string) slack.Modal {
	text := func(s string) *slackapi.TextBlockObject {
		return slackapi.NewTextBlockObject("plain_text", s, false, false)
	}
	return slack.Modal{
		Type: "modal", Title: text(title), Submit: text("Deny"), CallbackID: "deny", PrivateMetadata: "12",
		Blocks: slackapi.Blocks{BlockSet: []slackapi.Block{
			slackapi.NewInputBlock("why", text("Why?"), nil, slackapi.NewPlainTextInputBlockElement(nil, "text")),
		}},
	}
}

// A press, the modal that it opens, what is wrong with what is submitted there, and what is right.
func TestPress(t *testing.T) {
	t.Parallel()
	b := newBed(t, slacktest.App{}).run()
	st := b.until("connected", connected)
	if st.App != "A0SALLY" || st.Connections != 1 || st.Connects != 1 {
		t.Errorf("state %+v", st)
	}
	ts := b.card()
	b.must(b.fake.Live.Press(jane, ops, ts, "approve").Wait(b.ctx()))
	var click socket.Event
	for _, e := range b.seen() {
		if e.Kind == socket.Click {
			click = e
		}
	}
	if click.User != jane || click.Channel != ops || click.Message != ts || click.Action != "approve" || click.Block != "sallyport/12" || click.Value != "12:abc" || click.At.IsZero() {
		t.Fatalf("the press is %+v", click)
	}
	shown, err := b.client.OpenView(t.Context(), click.Trigger, modal("Deny #12"))
	b.must(err)
	if _, err := b.client.OpenView(t.Context(), click.Trigger, modal("again")); !slack.Expired(err) {
		t.Errorf("a trigger serves twice: %v", err)
	}
	if _, err := b.client.UpdateView(t.Context(), shown.ID, "1.2", modal("x")); !slack.Changed(err) {
		t.Errorf("another hash: %v", err)
	}
	if _, err := b.client.UpdateView(t.Context(), shown.ID, shown.Hash, modal("Deny it")); err != nil {
		t.Error(err)
	}
	if _, err := b.client.UpdateView(t.Context(), "V404", "", modal("x")); !slack.Gone(err) {
		t.Errorf("a modal that is not there: %v", err)
	}
	b.mu.Lock()
	b.handle = func(_ context.Context, e socket.Event) (socket.Answer, error) {
		if e.Kind == socket.Submitted && e.View.State["why"]["text"].Value == "no" {
			return socket.Answer{Errors: map[string]string{"why": "say more"}}, nil
		}
		return socket.Answer{}, nil
	}
	b.mu.Unlock()
	b.must(b.fake.Live.Submit(jane, blockkit.Filled{"why": {"text": "no"}}).Wait(b.ctx()))
	if views := b.fake.Live.Views(jane); len(views) != 1 || views[0].Errors["why"] != "say more" || views[0].Title != "Deny it" {
		t.Errorf("after what is wrong: %+v", views)
	}
	b.must(b.fake.Live.Submit(jane, blockkit.Filled{"why": {"text": "not on a Friday"}}).Wait(b.ctx()))
	if views := b.fake.Live.Views(jane); len(views) != 0 {
		t.Errorf("it is still open: %+v", views)
	}
	late := b.fake.Live.Press(jane, ops, ts, "approve")
	b.must(late.Wait(b.ctx()))
	b.fake.Live.ExpireTriggers()
	events := b.seen()
	if _, err := b.client.OpenView(t.Context(), events[len(events)-1].Trigger, modal("late")); !slack.Expired(err) {
		t.Errorf("an expired trigger: %v", err)
	}
}

// What is not taken is not acknowledged, and a panic ends nothing.
func TestNotTaken(t *testing.T) {
	t.Parallel()
	b := newBed(t, slacktest.App{})
	b.guard = func(_ string, f func() error) (err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("panic: %v", p)
			}
		}()
		return f()
	}
	trouble := []func() error{
		func() error { return errors.New("the disk is full") },
		func() error { panic("nobody thought of this") },
	}
	taken := make(chan struct{}, len(trouble))
	b.handle = func(_ context.Context, e socket.Event) (socket.Answer, error) {
		if e.Kind != socket.Click {
			return socket.Answer{}, nil
		}
		b.mu.Lock()
		next := func() error { return nil }
		if len(trouble) > 0 {
			next, trouble = trouble[0], trouble[1:]
			defer func() { taken <- struct{}{} }()
		}
		b.mu.Unlock()
		return socket.Answer{}, next()
	}
	b.run()
	b.until("connected", connected)
	ts := b.card()
	for range 2 {
		n := b.sock.State().Connects
		p := b.fake.Live.Press(jane, ops, ts, "approve")
		<-taken
		b.fake.Live.Socket.Cut(1) // else it would never be known that there is no acknowledgement
		if err := p.Wait(b.ctx()); err == nil {
			t.Error("it was acknowledged")
		}
		b.until("connected again", func(st socket.State) bool { return st.Connected && st.Connects > n })
	}
	p := b.fake.Live.Press(jane, ops, ts, "approve")
	b.must(p.Wait(b.ctx()))
	p.Again()
	b.must(b.fake.WaitFor(b.ctx(), func() bool { return len(b.clicks()) == 2 }))
	clicks := b.clicks()
	if clicks[0].Envelope == clicks[1].Envelope || clicks[0].At != clicks[1].At || clicks[0].Value != clicks[1].Value {
		t.Errorf("the same press is %+v and %+v", clicks[0], clicks[1])
	}
}

func (b *bed) clicks() []socket.Event {
	var out []socket.Event
	for _, e := range b.seen() {
		if e.Kind == socket.Click {
			out = append(out, e)
		}
	}
	return out
}

// What only a person can mend is not tried fast, says so, and how.
func TestRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		app   slacktest.App
		token string
		want  string
		hint  string
		least time.Duration
	}{
		"the bot's token":      {slacktest.App{}, "xoxb-0-fake-token", "not_allowed_token_type", "begins with xapp-", 5 * time.Minute},
		"another token":        {slacktest.App{}, "xapp-1-other", "invalid_auth", "not valid any more", 5 * time.Minute},
		"a revoked token":      {slacktest.App{TokenCode: "token_revoked"}, "", "token_revoked", "not valid any more", 5 * time.Minute},
		"a scope is missing":   {slacktest.App{Scopes: []string{"authorizations:read"}}, "", "missing_scope: connections:write", "connections:write", 5 * time.Minute},
		"no Socket Mode":       {slacktest.App{NoSocketMode: true}, "", "Socket Mode is turned off", "turn Socket Mode on", 5 * time.Minute},
		"too many connections": {slacktest.App{MaxConnections: 1}, "", "more are open for the app", "one agent", 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t, test.app)
			if test.app.MaxConnections == 1 {
				other := newBedOn(t, b.fake)
				other.run()
				other.until("connected", connected)
			}
			if test.token != "" {
				b.client = b.newClient(test.token)
			}
			b.tries = 2
			b.run()
			st := b.until("refused", func(st socket.State) bool { return st.Err != nil })
			hinted, _ := errors.AsType[interface {
				error
				UserHint() string
			}](st.Err)
			if !strings.Contains(st.Err.Error(), test.want) || hinted == nil || !strings.Contains(hinted.UserHint(), test.hint) || st.Connected {
				t.Errorf("%+v", st)
			}
			select {
			case <-b.rested:
			case <-b.ctx().Done():
				t.Fatal("it does not try again")
			}
			for _, d := range b.rests {
				if d < test.least {
					t.Errorf("it rests %s", d)
				}
			}
		})
	}
}

func newBedOn(t *testing.T, fake *slacktest.Server) *bed {
	b := &bed{t: t, fake: fake, changed: make(chan struct{}, 1)}
	b.client = b.newClient(fake.Live.Token())
	return b
}
