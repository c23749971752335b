package outbox

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/clock"
	"sallyport/agent/config/receiver"
	"sallyport/agent/datadir"
	"sallyport/agent/health"
	"sallyport/agent/hint"
	"sallyport/agent/journal"
	"sallyport/notify/webhook"
	"sallyport/notify/words"
	"sallyport/store"
)

const (
	// wordAge is for how long a receiver is tried that does not answer, answers with an error of its own, or is a command that
	// fails: after that nobody wants to be woken by it any more.
	wordAge = 3 * 24 * time.Hour
	// maxWordRefused is how often a receiver may say that it will never take something before that is given up: about twenty minutes,
	// since its key may just be changing.
	maxWordRefused = 12
	// wordMemory is how long status shows that a receiver was not told of something, though it takes what comes after.
	wordMemory = 24 * time.Hour
)

// Receivers tells the receivers of the configuration's notify blocks, each in a loop of its own, so that one which hangs delays
// nobody else. Everything is told at least once: after an answer that was lost, again and under the same id.
type Receivers struct {
	outbox  *Outbox
	client  *http.Client
	version string
	mu      sync.Mutex
	lost    map[string]time.Time // when something was given up, by receiver
}

// NewReceivers makes what tells receivers. version is the agent's, as it says it to them.
func NewReceivers(ob *Outbox, version string) *Receivers {
	return &Receivers{outbox: ob, client: webhook.NewClient(), version: version, lost: map[string]time.Time{}}
}

// Tell delivers until ctx ends. A reload that brings a receiver has it told from then on; one that takes it away drops what it was
// not told.
func (rs *Receivers) Tell(ctx context.Context) {
	ob := rs.outbox
	var loops sync.WaitGroup
	defer loops.Wait()
	begun := map[string]bool{}
	var swept *active.Config
	for ctx.Err() == nil {
		changed := ob.changes.Next()
		conf := ob.active.Current.Load()
		for _, r := range conf.Cfg.Notify {
			if !begun[r.Name] {
				begun[r.Name] = true
				loops.Go(func() { ob.health.Tend(ctx, "telling "+r.Name, func(ctx context.Context) { rs.tellOne(ctx, r.Name) }) })
			}
		}
		if swept != conf {
			if err := rs.sweep(conf, begun); err != nil {
				ob.journal.StoreFault(err)
			} else {
				swept = conf
			}
		}
		clock.Sleep(ctx, IdlePass, changed)
	}
}

// named is the receiver of a name; nil if the configuration has none.
func named(conf *active.Config, name string) *receiver.Receiver {
	for _, r := range conf.Cfg.Notify {
		if r.Name == name {
			return r
		}
	}
	return nil
}

// sweep drops what receivers are not to be told any more that left the configuration.
func (rs *Receivers) sweep(conf *active.Config, begun map[string]bool) error {
	ob := rs.outbox
	var gone []*store.Message
	err := ob.store.View(func(tx *store.Tx) error {
		all, err := tx.Outbox()
		for _, m := range all {
			if m.Kind.ForReceiver() && (m.Word == nil || named(conf, m.Word.Receiver) == nil) {
				gone = append(gone, m)
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	for name := range begun {
		if named(conf, name) == nil {
			ob.faults.Set(sourceOf(name), nil)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	ob.log.Warn("receivers left the configuration, and what they were not told is dropped", "messages", len(gone), "first", gone[0].Key)
	return ob.journal.Write(func(tx *journal.Tx) error {
		tx.Passes(string(store.MessageWord), "dropped")
		for _, m := range gone {
			if err := tx.DeleteMessage(m.Seq); err != nil {
				return err
			}
		}
		return nil
	})
}

// tellOne delivers what one receiver is to be told, oldest first, until ctx ends.
func (rs *Receivers) tellOne(ctx context.Context, name string) {
	var rest time.Time // until then it is left alone, whatever there is to tell
	rs.outbox.keepOn(ctx, func(ctx context.Context) time.Duration {
		conf := rs.outbox.active.Current.Load()
		r := named(conf, name)
		if r == nil {
			return IdlePass
		}
		rs.forgetLost(name)
		return rs.outbox.pass(ctx, &toReceiver{receivers: rs, to: r, rest: &rest})
	})
}

// sourceOf is under which name status shows what is wrong with a receiver.
func sourceOf(name string) string { return "notify " + name }

// toReceiver is one receiver in one pass.
type toReceiver struct {
	receivers *Receivers
	to        *receiver.Receiver
	rest      *time.Time // stays from pass to pass
}

func (t *toReceiver) takes(m *store.Message) bool {
	return m.Kind.ForReceiver() && m.Word != nil && m.Word.Receiver == t.to.Name
}

func (t *toReceiver) rests(*store.Message) time.Duration { return time.Until(*t.rest) }

func (t *toReceiver) waits(*store.Message) {}

func (t *toReceiver) struck(_ *store.Message, p *health.StruckError) (time.Duration, error) {
	return p.Wait(), nil
}

// deliver tells one thing and records what became of it.
func (t *toReceiver) deliver(ctx context.Context, m *store.Message, _ *queue) (time.Duration, error) {
	ob := t.receivers.outbox
	run, err := ob.ledger.RunOf(m)
	if err != nil {
		return 0, err
	}
	link := ""
	if run != nil && run.Card != nil {
		link = run.Card.Permalink
	}
	err = t.receivers.send(ctx, t.to, webhook.Of(ob.id, link, m))
	if ctx.Err() != nil {
		return 0, nil // stopping: the next agent tells it, perhaps a second time
	}
	if err == nil {
		t.receivers.told(t.to.Name)
		return 0, ob.journal.Write(func(tx *journal.Tx) error {
			tx.Passes(string(m.Kind), "told")
			return finish(tx.Tx, m, nil)
		})
	}
	m.Attempts++
	m.Error = ob.health.Redact(err.Error())
	next := afterFailure(m, err, ob.now())
	if next.over {
		return 0, t.giveUp(m)
	}
	if next.others {
		*t.rest = time.Now().Add(next.wait)
	}
	fault := fmt.Errorf("%s was not told that %s: %s", t.to.Name, m.Text, m.Error)
	if ob.faults.Set(sourceOf(t.to.Name), hint.With(fault, "it is tried again by itself; sallyport doctor tries whether it is reached")) {
		ob.log.Warn("telling a receiver", "receiver", t.to.Name, "run", m.Run, "message", m.Key, "err", err)
	}
	m.NotBefore = ob.now().UTC().Add(min(next.wait, maxSendHold))
	err = ob.journal.Write(func(tx *journal.Tx) error {
		tx.Passes(string(m.Kind), "again")
		return tx.PutMessage(m)
	})
	if errors.Is(err, store.ErrReplaced) || errors.Is(err, store.ErrNotFound) {
		return time.Millisecond, nil
	}
	return next.wait, err
}

// failure is what becomes of something that a receiver did not take.
type failure struct {
	over   bool // it is not tried again
	others bool // it is about the receiver, and not about this: what else there is to tell waits as well
	wait   time.Duration
}

// afterFailure is the rule: what a receiver refuses is tried a number of times, and everything else for days.
func afterFailure(m *store.Message, err error, now time.Time) failure {
	next := failure{others: true, wait: min(time.Second<<min(m.Attempts, 9), maxSendWait)}
	refused := &webhook.Error{}
	if errors.As(err, &refused) {
		next.wait, next.others = max(next.wait, refused.After), !refused.Final()
	}
	next.over = !next.others && m.Attempts >= maxWordRefused || now.Sub(m.CreatedAt) > wordAge
	return next
}

// giveUp drops what a receiver does not take, and has people told so where they are told everything else.
func (t *toReceiver) giveUp(m *store.Message) error {
	ob := t.receivers.outbox
	text := fmt.Sprintf("%s was not told that %s: %s. That was given up after %s.", t.to.Name, m.Text, m.Error, words.CountOf(m.Attempts, "try", "tries"))
	ob.log.Error("a receiver is not told, and that is given up", "receiver", t.to.Name, "run", m.Run, "message", m.Key, "tries", m.Attempts, "err", m.Error)
	err := ob.journal.Update(func(tx *journal.Tx) error {
		tx.Passes(string(m.Kind), "given up")
		if err := finish(tx.Tx, m, nil); err != nil {
			return err
		}
		return tx.Enqueue(ob.ledger.Note("lost/"+t.to.Name, text))
	})
	if err == nil {
		t.receivers.gaveUp(t.to.Name, text)
	}
	return err
}

// send tells a receiver, by whatever way it has.
func (rs *Receivers) send(ctx context.Context, r *receiver.Receiver, e webhook.Event) error {
	if len(r.Command) > 0 {
		said, err := r.Run(ctx, datadir.Home(rs.outbox.active.Cfg().DataDir), e.JSON())
		if err != nil {
			return fmt.Errorf("%s: %w%s", r.Command[0], err, said.Shown(rs.outbox.health.Redact))
		}
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	return webhook.Post(limited, rs.client, webhook.Target{URL: r.URL, Headers: r.Headers, Agent: "sallyport/" + rs.version}, e)
}

// gaveUp has status show for a while that a receiver was not told of something.
func (rs *Receivers) gaveUp(name, text string) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.lost[name] = rs.outbox.now()
	rs.outbox.faults.Set(sourceOf(name), hint.With(errors.New(text), "look at its url and headers, or at its command; sallyport doctor --notify %s sends a test", name))
}

// told takes back what status shows, unless something was given up: that is not made good by what comes after.
func (rs *Receivers) told(name string) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if _, lost := rs.lost[name]; !lost {
		rs.outbox.faults.Set(sourceOf(name), nil)
	}
}

// forgetLost takes back what status shows of something that was given up long ago.
func (rs *Receivers) forgetLost(name string) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if at, lost := rs.lost[name]; lost && rs.outbox.now().Sub(at) > wordMemory {
		delete(rs.lost, name)
		rs.outbox.faults.Set(sourceOf(name), nil)
	}
}
