package live

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/bell"
	"sallyport/agent/config"
	"sallyport/agent/health"
	"sallyport/agent/patience"
	"sallyport/notify/redact"
	"sallyport/notify/slack"
	"sallyport/notify/slack/slacktest"
	"sallyport/notify/slack/socket"
)

// What is said can be relied on to be told while the socket is open, has told something and missed nothing lately; it is remembered until
// it is taken, and whoever answers a young message is known.
func TestTells(t *testing.T) {
	t.Parallel()
	fake, err := slacktest.New(slacktest.Options{Channels: []slacktest.Channel{{ID: "C0000OPS", Name: "ops", Member: true}}, Users: []slacktest.User{{ID: "U01JANE"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Close)
	client, err := slack.New(slack.Options{
		Token: redact.NewSecret(fake.Token()), AppToken: redact.NewSecret(fake.Live.Token()), APIURL: fake.URL(),
	})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	faults := health.NewFaults(time.Now)
	act := active.New(active.Options{Faults: faults, Log: slog.New(slog.DiscardHandler)})
	act.Current.Store(&active.Config{Cfg: &config.Config{}})
	l := New(Options{Active: act, Faults: faults, Changes: bell.NewBroadcast(), Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }})
	s, err := socket.New(socket.Options{Client: client, Handler: l.handle, Changed: l.show})
	if err != nil {
		t.Fatal(err)
	}
	if _, wanted := l.State(); wanted || l.Tells() || l.Show() != nil {
		t.Error("there is a socket before there is one")
	}
	l.set(s)
	ctx, cancel := context.WithTimeout(t.Context(), patience.Limit())
	defer cancel()
	running, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- s.Run(running) }()
	until := func(what string, like func() bool) {
		t.Helper()
		for {
			heard := l.Heard()
			if like() {
				return
			}
			select {
			case <-heard:
			case <-ctx.Done():
				t.Fatalf("never %s", what)
			}
		}
	}
	until("open", func() bool { st, _ := l.State(); return st.Connected })
	if l.Tells() {
		t.Error("it is relied on before it has told anything")
	}
	ts := fake.Say("U01JANE", "C0000OPS", "hello")
	until("told", l.Tells)
	fake.Reply("U01JANE", "C0000OPS", ts, "and again")
	said := map[string]bool{}
	until("told of the reply", func() bool {
		for key, young := range l.Said() {
			said[key] = said[key] || young
		}
		return said["C0000OPS/"+ts]
	})
	if left := l.Said(); len(said) != 1 || len(left) != 0 {
		t.Errorf("said %v, and again %v", said, left)
	}
	l.Missed()
	if l.Tells() {
		t.Error("it is relied on after it missed something")
	}
	now = now.Add(distrust + time.Second)
	if !l.Tells() {
		t.Error("it is never relied on again")
	}
	fake.Live.Change(func(a *slacktest.App) { a.NoSocketMode = true })
	until("lost", func() bool { return faults.Of(faultName).Error != "" })
	if l.Tells() || l.Show().Connected || l.Show().Hint == "" {
		t.Errorf("a lost socket: %+v", l.Show())
	}
	stop()
	<-done
	l.set(nil)
	if faults.Of(faultName).Error != "" {
		t.Error("one that is not wanted is still missed")
	}
}
