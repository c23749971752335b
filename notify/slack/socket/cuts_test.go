package socket_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"sallyport/agent/need"
	"sallyport/notify/slack/slacktest"
	"sallyport/notify/slack/socket"
)

// The places at which a connection is cut.
const (
	never = iota
	beforePress
	inFlight
	beforeRecord
	afterRecord
	whileConnecting
	renewed // not cut: Slack announces the end, with warning
	renewedAndCut
	places
)

// A thousand times the websocket is lost in a random place: whoever was shown that it worked is recorded, once, and whatever was said is
// told in the end.
func TestThousandCuts(t *testing.T) {
	need.LongUnlessRaced(t, "it cuts a thousand connections")
	t.Parallel()
	const people = 1000
	rng := rand.New(rand.NewPCG(17, 1))
	b := newBed(t, slacktest.App{})
	place := never // of the press that is under way; b.mu guards it, and what follows
	votes, heard, told := map[string]map[int64]bool{}, map[string]bool{}, 0
	b.handle = func(_ context.Context, e socket.Event) (socket.Answer, error) {
		b.mu.Lock()
		at := place
		b.mu.Unlock()
		if e.Kind == socket.Click && at == beforeRecord {
			b.fake.Live.Socket.Cut(1)
		}
		b.mu.Lock()
		switch e.Kind {
		case socket.Said:
			heard[e.Message] = true
		case socket.Click:
			told++
			if votes[e.User] == nil {
				votes[e.User] = map[int64]bool{}
			}
			votes[e.User][e.At.UnixMicro()] = true
		}
		b.mu.Unlock()
		if e.Kind == socket.Click && at == afterRecord {
			b.fake.Live.Socket.Cut(1)
		}
		return socket.Answer{}, nil
	}
	b.run()
	ctx := b.ctx()
	open := func() {
		t.Helper()
		b.must(b.fake.WaitFor(ctx, func() bool { n, _, _ := b.fake.Live.Socket.Count(); return n > 0 }))
	}
	open()
	ts := b.card()
	var said []string
	presses, repeated := 0, 0
	for i := range people {
		user := fmt.Sprintf("U%07d", i)
		b.fake.AddUser(slacktest.User{ID: user})
		at := 1 + rng.IntN(places-1)
		for worked := false; !worked; at = never {
			open()
			b.mu.Lock()
			place = at
			b.mu.Unlock()
			switch at {
			case beforePress:
				b.fake.Live.Socket.Cut(10)
			case whileConnecting:
				b.fake.Fail("apps.connections.open", 1+rng.IntN(2), slacktest.Fault{Kind: slacktest.Drop})
				b.fake.Live.Socket.Cut(10)
			case renewed, renewedAndCut:
				b.fake.Live.Socket.Refresh("warning")
			}
			if rng.IntN(4) == 0 {
				said = append(said, b.fake.Reply(user, ops, ts, "hm"))
			}
			p := b.fake.Live.Press(user, ops, ts, "approve")
			presses++
			if rng.IntN(8) == 0 {
				p.Again()
				repeated++
			}
			if at == inFlight || at == renewedAndCut {
				b.fake.Live.Socket.Cut(1)
			}
			worked = p.Wait(ctx) == nil
			b.mu.Lock()
			if worked && len(votes[user]) == 0 {
				t.Fatalf("%s was shown that it worked, and nothing is recorded (place %d)", user, at)
			}
			b.mu.Unlock()
		}
	}
	b.must(b.fake.WaitFor(ctx, func() bool { // the last ones that were told twice may still be on their way
		open()
		b.fake.Live.Socket.Retry()
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, ts := range said {
			if !heard[ts] {
				return false
			}
		}
		return true
	}))
	b.end()
	if len(votes) != people {
		t.Errorf("%d of %d people are recorded", len(votes), people)
	}
	keys := 0
	for user, pressed := range votes {
		if keys += len(pressed); len(pressed) > presses {
			t.Errorf("%s pressed %d times", user, len(pressed))
		}
	}
	if keys > presses || told > presses+repeated {
		t.Errorf("%d presses were told as %d, in %d deliveries", presses, keys, told)
	}
	_, ever, _ := b.fake.Live.Socket.Count()
	t.Logf("%d presses of %d people, %d told twice, over %d connections", presses, people, repeated, ever)
	if ever < people/3 || presses < people+people/3 {
		t.Errorf("there were %d connections and %d presses: nearly nothing was cut", ever, presses)
	}
}

// A renewal leaves no gap: the next connection is open before the old one goes, and nothing that is pressed meanwhile fails.
func TestRenewal(t *testing.T) {
	t.Parallel()
	b := newBed(t, slacktest.App{}).run()
	b.until("connected", connected)
	ts := b.card()
	for i := range 20 {
		n := b.sock.State().Connects
		b.fake.Live.Socket.Refresh([]string{"warning", "refresh_requested"}[i%2])
		b.must(b.fake.Live.Press(jane, ops, ts, "approve").Wait(b.ctx()))
		b.until("renewed", func(st socket.State) bool {
			if !st.Connected {
				t.Error("there is a gap")
			}
			return st.Connects > n
		})
		b.must(b.fake.Live.Press(jane, ops, ts, "approve").Wait(b.ctx()))
	}
	if n := len(b.clicks()); n != 40 {
		t.Errorf("%d presses", n)
	}
}

// What is being recorded when the agent stops is recorded, and acknowledged.
func TestStop(t *testing.T) {
	t.Parallel()
	b := newBed(t, slacktest.App{})
	recording, recorded := make(chan struct{}), make(chan struct{})
	b.handle = func(ctx context.Context, e socket.Event) (socket.Answer, error) {
		if e.Kind == socket.Click {
			close(recording)
			<-recorded
		}
		return socket.Answer{}, ctx.Err()
	}
	b.run()
	b.until("connected", connected)
	p := b.fake.Live.Press(jane, ops, b.card(), "approve")
	<-recording
	stopped := make(chan struct{})
	go func() { b.end(); close(stopped) }()
	b.until("lost", func(st socket.State) bool { return !st.Connected })
	close(recorded)
	<-stopped
	b.must(p.Wait(b.ctx()))
}

// Two programs with one app's token get a part each of what is pressed, and each sees that there is another.
func TestShared(t *testing.T) {
	t.Parallel()
	one := newBed(t, slacktest.App{}).run()
	one.until("connected", connected)
	two := newBedOn(t, one.fake).run()
	if st := two.until("connected", connected); st.Connections != 2 {
		t.Errorf("%+v", st)
	}
	ts := one.card()
	for range 10 {
		one.must(one.fake.Live.Press(jane, ops, ts, "approve").Wait(one.ctx()))
	}
	if a, b := len(one.clicks()), len(two.clicks()); a == 0 || b == 0 || a+b != 10 {
		t.Errorf("one got %d, the other %d", a, b)
	}
}

// What comes late comes whole, and what is retried says so by nothing but its envelope.
func TestLate(t *testing.T) {
	t.Parallel()
	b := newBed(t, slacktest.App{})
	deadlines := make(chan time.Time, 10)
	b.handle = func(ctx context.Context, e socket.Event) (socket.Answer, error) {
		if until, limited := ctx.Deadline(); e.Kind == socket.Click && limited {
			deadlines <- until
		}
		return socket.Answer{}, nil
	}
	b.run()
	b.until("connected", connected)
	ts := b.card()
	b.fake.Live.Socket.Hold()
	p := b.fake.Live.Press(jane, ops, ts, "approve")
	b.fake.ChangeUser(jane, func(u *slacktest.User) { u.Deleted = true })
	if n := len(b.clicks()); n != 0 {
		t.Errorf("%d presses came before they were let go", n)
	}
	b.fake.Live.Socket.Release()
	b.must(p.Wait(b.ctx()))
	select {
	case until := <-deadlines:
		if until.After(time.Now().Add(socket.HandlerTime)) {
			t.Errorf("the handler has until %s, and Slack waits no longer than three seconds", until)
		}
	default:
		t.Error("the handler has as long as it likes")
	}
	b.fake.Live.Change(func(a *slacktest.App) { a.NoInteractive = true })
	b.fake.ChangeUser(jane, func(u *slacktest.User) { u.Deleted = false })
	if err := b.fake.Live.Press(jane, ops, ts, "approve").Wait(b.ctx()); err == nil {
		t.Error("a press leads somewhere without interactivity")
	}
}
