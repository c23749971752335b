package slackbot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/health"
	"sallyport/agent/journal"
	"sallyport/agent/ledger"
	"sallyport/agent/lifecycle/votes"
	"sallyport/agent/outbox"
	"sallyport/agent/phrase"
	"sallyport/agent/rescue"
	"sallyport/notify/slack"
	"sallyport/store"
)

const (
	hearTimeout = time.Minute
	// sweepEvery is how often every waiting run's thread is read even if the channel does not say that it grew.
	sweepEvery = 90 * time.Second
	lateReply  = 24 * time.Hour // how long threads of ended runs are still answered
	slowest    = 6              // times slower than slack.poll while nothing waits
)

// slackReader is what is remembered between two looks at Slack.
type slackReader struct {
	bot   *Slackbot
	swept time.Time
	idle  int
	said  map[string]bool // where something was said since the last look, see [live.Live.Said]
	known map[string]bool // the threads that were looked for then, named likewise
	again map[string]int  // see [slackReader.lookAgain]
	owed  time.Time       // see [slackReader.spare]
}

// Listen reads Slack until ctx ends: as often as slack.poll says while something waits, up to six times slower otherwise.
func (sb *Slackbot) Listen(ctx context.Context) {
	e := &slackReader{bot: sb}
	for ctx.Err() == nil {
		changed, heard := sb.changes.Next(), sb.live.Heard()
		conf := sb.active.Current.Load()
		wait := outbox.IdlePass
		if conf.Slack != nil {
			wait = e.turn(ctx, conf)
		}
		atLeast := wait
		if conf.Slack != nil {
			atLeast = min(wait, conf.Cfg.Slack.Poll) // never faster than slack.poll, whatever happens
		}
		e.rest(ctx, pause{atLeast: atLeast, wait: wait, changed: changed, heard: heard})
	}
}

// turn looks once and returns when to look again.
func (e *slackReader) turn(ctx context.Context, conf *active.Config) (next time.Duration) {
	a := e.bot
	e.heard()
	lookCtx, cancel := context.WithTimeout(ctx, hearTimeout)
	defer cancel()
	waiting, err := e.listen(lookCtx, conf)
	if ctx.Err() != nil {
		return 0
	}
	if a.active.Listened() {
		a.bell.Wake() // approved runs waited for this, see lifecycle.Next
	}
	if err := errors.Join(a.peers.Show(conf), a.ledger.ShowRollback(), a.buttons.Follow(conf)); err != nil {
		a.journal.StoreFault(err)
	}
	defer func() { next = e.lookAgain(next) }()
	poll := conf.Cfg.Slack.Poll
	if err == nil && a.live.Tells() {
		defer func() { next = slowed(next) }() // what is said is told
	}
	if after, limited := slack.RetryAfter(err); limited {
		return max(after, poll)
	}
	if a.faults.Set("slack: reading", err) && err != nil {
		a.log.Warn("reading slack", "err", err)
	}
	switch {
	case err != nil:
		e.idle = min(e.idle+1, slowest)
		return poll * time.Duration(1+e.idle)
	case waiting:
		e.idle = 0
		return poll
	}
	e.idle = min(e.idle+1, slowest-1)
	return poll * time.Duration(1+e.idle)
}

// listen reads every channel once, and the threads that grew. It reports whether anything waits for people.
func (e *slackReader) listen(ctx context.Context, conf *active.Config) (waiting bool, err error) {
	a := e.bot
	self, err := conf.Directory.Identity(ctx)
	if err != nil {
		return false, err
	}
	threads, runs, err := a.threads()
	if err != nil {
		return false, err
	}
	e.known = map[string]bool{}
	for _, t := range threads {
		e.known[t.Channel+"/"+t.TS] = true
	}
	sweep := a.now().Sub(e.swept) >= sweepEvery || a.now().Before(e.swept)
	var faults []error // one bad channel or reply must not make us deaf for the others
	for name := range active.ChannelsOf(conf) {
		channel, err := conf.Directory.Channel(ctx, name)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		here := map[string]*store.Thread{}
		for _, t := range threads {
			if t.Channel == channel {
				here[t.TS] = t
			}
		}
		faults = append(faults, a.health.Contained(health.Work{Name: "reading channel " + name, Watches: true}, func() error {
			return e.channel(ctx, conf, self, channel, here, runs, sweep)
		}))
	}
	for _, status := range runs {
		waiting = waiting || status == store.Planned || status == store.Approved
	}
	if sweep {
		e.swept = a.now()
	}
	err = errors.Join(faults...)
	if err == nil { // votes come first
		err = conf.LearnNames(ctx)
	}
	return waiting, err
}

// threads are those that may get an answer, with where their runs stand; those whose time is over are dropped. It is asked at each look at
// Slack, so that no run is decoded which still waits.
func (sb *Slackbot) threads() ([]*store.Thread, map[int]store.Status, error) {
	var out []*store.Thread
	runs := map[int]store.Status{}
	var over []int
	err := sb.store.View(func(tx *store.Tx) error {
		all, err := tx.Threads()
		if err != nil {
			return err
		}
		for _, t := range all {
			status, err := tx.RunStatus(t.Run)
			if err != nil {
				return err
			}
			out, runs[t.Run] = append(out, t), status
			if !status.Terminal() {
				continue
			}
			run, err := tx.Run(t.Run)
			if err != nil {
				return err
			}
			heard, _, err := outbox.CursorKey(t.Channel).Get(tx)
			if err != nil {
				return err
			}
			if quietSince(run, sb.now()) && quietInSlack(t, heard.TS) {
				over, out = append(over, t.Run), out[:len(out)-1]
				delete(runs, t.Run)
			}
		}
		return nil
	})
	if err == nil && len(over) > 0 {
		err = sb.journal.Write(func(tx *journal.Tx) error {
			for _, id := range over {
				if err := tx.DeleteThread(id); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return out, runs, err
}

// quietSince reports whether a run ended so long ago, by our clock, that its thread is not answered any more.
func quietSince(run *store.Run, now time.Time) bool {
	return run.Status.Terminal() && now.Sub(run.EndedAt).Abs() > lateReply && !votes.Unreviewed(run)
}

// quietInSlack reports the same by Slack's clock: others have gone on speaking in the channel for long. Ours alone is not enough,
// since a thread that is dropped is never read again, and a clock that is set wrong would drop them all.
func quietInSlack(t *store.Thread, heard string) bool {
	return phrase.TimeOf(heard).Sub(phrase.TimeOf(cmp.Or(t.LatestReply, t.TS))) > lateReply
}

// channel reads one channel: its history once, and replies only where a thread grew or lost something.
func (e *slackReader) channel(ctx context.Context, conf *active.Config, self slack.Identity, channel string, here map[string]*store.Thread, runs map[int]store.Status, sweep bool) error {
	a := e.bot
	at, err := a.cursor(ctx, conf, channel)
	if err != nil {
		return err
	}
	cursor := at.TS
	oldest := cursor
	for ts := range here {
		if phrase.LaterTS(oldest, ts) {
			oldest = ts
		}
	}
	messages, err := conf.Slack.History(ctx, channel, oldest)
	if err != nil {
		return err
	}
	faults := []error{a.peers.Look(ctx, conf, self, channel, at, messages)} // before any command: pausing comes first
	for _, m := range messages {
		if t := here[m.TS]; t != nil {
			grew := m.ReplyCount != t.ReplyCount || m.LatestReply != t.LatestReply
			_, told := e.said[channel+"/"+m.TS]
			if grew && !told {
				a.live.Missed()
			}
			if !grew && !told && !(sweep && !runs[t.Run].Terminal()) {
				continue
			}
			run, err := a.ledger.RunOf(&store.Message{Run: t.Run})
			if err != nil || run == nil { // nil: it was forgotten meanwhile
				faults = append(faults, err)
				continue
			}
			err = a.health.Contained(health.Work{Name: fmt.Sprintf("reading the thread of #%d", run.ID), At: m.LatestReply, Watches: true}, func() error {
				return a.readThread(ctx, conf, self, t, run, &m)
			})
			struck := health.AsStruck(err)
			if a.health.ShowStruck(fmt.Sprintf("slack: thread of #%d", run.ID), struck); struck == nil {
				faults = append(faults, err) // else it is this thread's alone
			}
		}
	}
	faults = append(faults, a.commands.Besides(ctx, conf, self, channel, cursor, here, messages))
	newest := cursor
	for _, m := range messages {
		if !phrase.LaterTS(m.TS, cursor) || m.ThreadTS != "" && m.ThreadTS != m.TS {
			continue
		}
		if _, told := e.said[channel+"/"+m.TS]; !told {
			a.live.Missed()
		}
		err := a.health.Contained(health.Work{Name: "obeying a command of " + m.TS, Watches: true}, func() error { return a.commands.Obey(ctx, conf, self, channel, m) })
		if struck := health.AsStruck(err); struck != nil && struck.Held() {
			err = a.commands.GiveUp(channel, m, struck) // one that nobody can read must not make us deaf to all that come after it
		}
		if err != nil {
			a.notRecorded(ctx, conf, m, m.TS, err)
			faults = append(faults, err)
			break // the cursor stays before it, so that it is obeyed later
		}
		if phrase.LaterTS(m.TS, newest) {
			newest = m.TS
		}
	}
	if at.TS != newest {
		at.TS = newest
		faults = append(faults, putCursor(a.journal, channel, at))
	}
	return errors.Join(faults...)
}

// cursor is how far a channel's commands were heard. An agent that sees a channel for the first time does not obey what
// was said there before it came.
func (sb *Slackbot) cursor(ctx context.Context, conf *active.Config, channel string) (outbox.ChannelCursor, error) {
	var c outbox.ChannelCursor
	var restored time.Time
	var settled ledger.Rollback
	err := sb.store.View(func(tx *store.Tx) error {
		var err, other, third error
		c, _, err = outbox.CursorKey(channel).Get(tx)
		restored, _, other = rescue.DeafBefore.Get(tx)
		settled, _, third = ledger.SettledKey.Get(tx)
		return errors.Join(err, other, third)
	})
	if err != nil {
		return c, err
	}
	if c.TS != "" && c.Restored.Equal(restored) {
		if c.Own != "" && c.Settled.Equal(settled.At) {
			return c, nil
		}
		c.Own, c.Settled = c.TS, settled.At
		if settled.Channel == channel && phrase.LaterTS(settled.TS, c.Own) {
			c.Own = settled.TS
		}
		return c, putCursor(sb.journal, channel, c)
	}
	latest, ok, err := conf.Slack.Latest(ctx, channel)
	if err != nil {
		return c, err
	}
	c = outbox.ChannelCursor{TS: "0000000001.000000", Restored: restored, Settled: settled.At}
	if ok {
		c.TS = latest.TS
	}
	c.Own = c.TS
	return c, putCursor(sb.journal, channel, c)
}

func putCursor(j *journal.Journal, channel string, c outbox.ChannelCursor) error {
	return j.Write(func(tx *journal.Tx) error { return outbox.CursorKey(channel).Put(tx, c) })
}
