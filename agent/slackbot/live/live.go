// Package live keeps Slack's websocket open, where the configuration has an app token, and passes on what comes over it.
//
// That somebody said something is news and no more: it wakes the reading of Slack, which reads the thread as it does without a socket,
// and nothing is decided by what came over the socket. What somebody pressed goes to [Options.Handle].
//
// A socket that is lost shows among what is wrong ("slack: socket"), and Slack is polled as fast as without one.
package live

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"sync"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/bell"
	"sallyport/agent/clock"
	"sallyport/agent/contain"
	"sallyport/agent/control"
	"sallyport/agent/health"
	"sallyport/agent/hint"
	"sallyport/agent/phrase"
	"sallyport/notify/slack/socket"
)

const (
	faultName = "slack: socket"
	// look is how often the configuration in force is compared with what is open, should no change be told.
	look = 30 * time.Second
	// most bounds what is remembered of threads in which somebody said something.
	most = 1000
)

// Options are what live works with.
type Options struct {
	Active  *active.Active
	Health  *health.Health
	Faults  *health.Faults
	Changes *bell.Broadcast
	Log     *slog.Logger
	Now     func() time.Time
	// Handle takes what somebody pressed, submitted or closed, see [socket.Handler]. Nil: nothing is done about it.
	Handle socket.Handler
}

// Live is the socket, while there is one, and what was said since Slack was read last.
type Live struct {
	opts  Options
	heard *bell.Broadcast

	mu   sync.Mutex
	open *socket.Socket // nil: none is to be open
	said map[string]bool
	told bool      // something was told since the socket was opened
	miss time.Time // when something was found out that it had not told
}

// New makes it; nothing is opened before [Live.Run].
func New(o Options) *Live {
	return &Live{opts: o, heard: bell.NewBroadcast(), said: map[string]bool{}}
}

// Run keeps the socket open until ctx ends: of the configuration in force, also after that was read again.
func (l *Live) Run(ctx context.Context) {
	for ctx.Err() == nil {
		changed := l.opts.Changes.Next()
		conf := l.opts.Active.Current.Load()
		if !wanted(conf) {
			clock.Sleep(ctx, look, changed)
			continue
		}
		l.keep(ctx, conf)
	}
}

func wanted(conf *active.Config) bool { return conf.Slack != nil && !conf.Cfg.Slack.AppToken.IsZero() }

// keep keeps the socket of one configuration open until there is another one.
func (l *Live) keep(ctx context.Context, conf *active.Config) {
	s, err := socket.New(socket.Options{Client: conf.Slack, Handler: l.handle, Log: l.opts.Log, Now: l.opts.Now, Guard: l.guard, Changed: l.show})
	if err != nil {
		l.opts.Faults.Set(faultName, err)
		clock.Sleep(ctx, look, nil)
		return
	}
	l.set(s)
	running, stop := context.WithCancel(ctx)
	defer stop()
	var group sync.WaitGroup
	group.Go(func() {
		l.opts.Health.Tend(running, "listening to slack's socket", func(ctx context.Context) { _ = s.Run(ctx) })
	})
	for ctx.Err() == nil {
		changed := l.opts.Changes.Next()
		if now := l.opts.Active.Current.Load(); now.Slack != conf.Slack || !wanted(now) {
			break
		}
		clock.Sleep(ctx, look, changed)
	}
	stop()
	group.Wait()
	l.set(nil)
}

func (l *Live) set(s *socket.Socket) {
	l.mu.Lock()
	l.open, l.told = s, false
	l.mu.Unlock()
	l.show()
}

// guard does work in which a panic is an error, which is logged with its stack trace.
func (l *Live) guard(work string, f func() error) error {
	err := contain.Do(work, f)
	l.opts.Health.LogIfPanic(err)
	return err
}

// show shows whether the socket is lost, and has Slack read at once when that changed: what was said meanwhile nobody told.
func (l *Live) show() {
	st, wanted := l.State()
	var err error
	if wanted && !st.Connected {
		err = st.Err
	}
	l.mu.Lock()
	l.told = l.told && st.Connected
	l.mu.Unlock()
	l.opts.Faults.Set(faultName, err)
	l.heard.Tell()
	l.opts.Changes.Tell()
}

// State is how the socket is. wanted is false where none is to be open.
func (l *Live) State() (st socket.State, wanted bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open == nil {
		return socket.State{}, false
	}
	return l.open.State(), true
}

// Show is how the socket is, for `sallyport status`; nil where none is to be open.
func (l *Live) Show() *control.SlackSocket {
	st, wanted := l.State()
	if !wanted {
		return nil
	}
	out := &control.SlackSocket{Connected: st.Connected, Connects: st.Connects, Connections: st.Connections}
	if !st.Since.IsZero() {
		since := st.Since.UTC()
		out.Since = &since
	}
	if st.Err != nil {
		out.Error, out.Hint = st.Err.Error(), hint.Of(st.Err)
	}
	return out
}

// handle is told of everything that comes over the socket.
func (l *Live) handle(ctx context.Context, e socket.Event) (socket.Answer, error) {
	switch {
	case e.Kind == socket.Said:
		l.note(ctx, e)
	case l.opts.Handle != nil:
		return l.opts.Handle(ctx, e)
	default:
		return socket.Answer{}, errors.New("nothing here takes what was pressed")
	}
	return socket.Answer{}, nil
}

// distrust is how long Slack is polled at its full pace after something was said that the socket did not tell.
const distrust = 10 * time.Minute

// note remembers where something was said, and wakes the reading of Slack. What the bot itself says is no news, but shows that the
// socket tells.
func (l *Live) note(ctx context.Context, e socket.Event) {
	own := false
	if conf := l.opts.Active.Current.Load(); conf.Directory != nil {
		self, err := conf.Directory.Identity(ctx)
		own = err == nil && e.User == self.UserID
	}
	l.mu.Lock()
	l.told = true
	if len(l.said) < most {
		young := e.Thread != "" && e.At.Sub(phrase.TimeOf(e.Thread)) < time.Minute
		key := e.Channel + "/" + cmp.Or(e.Thread, e.Message)
		l.said[key] = l.said[key] || young
	}
	l.mu.Unlock()
	if !own {
		l.heard.Tell()
	}
}

// Heard is closed when something was said, or the socket was opened or lost, after it was taken.
func (l *Live) Heard() <-chan struct{} { return l.heard.Next() }

// Said are the messages below which, or by which, something was said since the last call, as channel and timestamp with a slash between.
// True are those that somebody replied to when they were so young that it may not be recorded yet that they are ours.
func (l *Live) Said() map[string]bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	said := maps.Clone(l.said)
	clear(l.said)
	return said
}

// Tells reports whether what is said can be relied on to be told over the socket: it is open, it has told something, and lately it
// missed nothing. An app can lack the subscription to what is said in channels, and other programs with its token get a part of it.
func (l *Live) Tells() bool {
	st, _ := l.State()
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.told && st.Connected && l.opts.Now().Sub(l.miss).Abs() > distrust
}

// Missed is told that something was said which the socket did not tell though it tells.
func (l *Live) Missed() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.told {
		l.miss = l.opts.Now()
	}
}
