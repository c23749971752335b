// Package peers tells from messages in Slack that this agent is not alone: that another agent is at work on a stack of ours, that
// the data directory was copied, or that it was put back to an older state.
//
// Another agent is noticed in two places: here, by what it posts into our channel, and at the state lock, when terraform meets it.
// Here only messages of our own bot are believed, see [slack.Message.Mark]: an agent with another bot user is noticed at the lock
// alone. Both agents would otherwise plan the same commits and ask for both; the lock and the serial of the state keep the second
// apply from running, but people decide twice and trust neither.
package peers

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/health"
	"sallyport/agent/hint"
	"sallyport/agent/journal"
	"sallyport/agent/ledger"
	"sallyport/agent/outbox"
	"sallyport/agent/phrase"
	"sallyport/notify/slack"
	"sallyport/notify/words"
	"sallyport/store"
)

// What is kept in the store, by name.
const (
	peersKey  store.Key[map[string]*peer] = "slack/peers" // the other agents that were heard
	epochsKey store.Key[[]string]         = "epochs"      // what this data directory was called at each of its starts, newest last
)

const (
	// peerQuiet is how long another agent must say nothing until it counts as gone: longer than a night without commits.
	peerQuiet = 24 * time.Hour
	// peerWrite is how often hearing from it again is written down at most; its cards change every few seconds.
	peerWrite = 10 * time.Minute
	// maxEpochs bounds how many of our own processes are remembered. Only words that were under way when one was killed
	// can be mistaken for somebody else's, so that a few would do.
	maxEpochs = 50
)

// Watch compares what cards in Slack say about who wrote them with what this agent knows of itself.
type Watch struct {
	epochs  []string
	faults  *health.Faults
	id      string
	journal *journal.Journal
	ledger  *ledger.Ledger
	log     *slog.Logger
	now     func() time.Time
	signs   map[string]*signs // of each channel
	store   *store.Store
}

// Options are what other agents are looked for with.
type Options struct {
	Epochs  []string // see [Identity]
	Faults  *health.Faults
	ID      string // of our data directory
	Journal *journal.Journal
	Ledger  *ledger.Ledger
	Log     *slog.Logger
	Now     func() time.Time
	Store   *store.Store
}

// New makes a watch that has not looked yet.
func New(o Options) *Watch {
	return &Watch{
		epochs: o.Epochs, faults: o.Faults, id: o.ID, journal: o.Journal, ledger: o.Ledger, log: o.Log, now: o.Now,
		signs: map[string]*signs{}, store: o.Store,
	}
}

// peer is another agent that was heard in our channel.
type peer struct {
	Agent  string    `json:"agent"`
	First  time.Time `json:"first"` // by our clock: Slack's timestamps are never compared with it
	Last   time.Time `json:"last"`
	Stacks []string  `json:"stacks"`
	Run    int       `json:"run,omitempty"` // the one it was first heard with
	Link   string    `json:"link,omitempty"`
}

// addEpoch gives this process a name of its own, so that a copy of the data directory, which has our id, can be
// told from ourselves before a restart. It returns the names of all.
func addEpoch(tx *store.Tx, epoch string) ([]string, error) {
	epochs, _, err := epochsKey.Get(tx)
	if err != nil {
		return nil, err
	}
	epochs = append(epochs, epoch)
	epochs = epochs[max(0, len(epochs)-maxEpochs):]
	return epochs, epochsKey.Put(tx, epochs)
}

// signs is what is remembered of the cards of a channel between two looks at it.
type signs struct {
	began string                // the newest message when this process first looked: what is not newer proves no life
	first map[string]slack.Mark // the cards of that moment: one that changes proves life, too
	seen  map[string]slack.Mark // what was weighed already
}

// Look weighs what cards in a channel say about who wrote them: another agent, a copy of us, or ourselves in a
// future that our store does not know.
func (w *Watch) Look(ctx context.Context, conf *active.Config, self slack.Identity, channel string, at outbox.ChannelCursor, messages []slack.Message) error {
	known := w.signs[channel]
	if known == nil {
		known = &signs{began: at.TS, first: map[string]slack.Mark{}}
		for _, m := range messages {
			if phrase.LaterTS(m.TS, known.began) {
				known.began = m.TS
			}
			if mark, ok := m.Mark(self); ok {
				known.first[m.TS] = mark
			}
		}
	}
	seen := map[string]slack.Mark{}
	for _, m := range messages {
		mark, ok := m.Mark(self)
		key, sender, isNote := m.NoteKey(self)
		if isNote && key == peerNote(w.id) {
			mark, ok = slack.Mark{Agent: sender}, true // somebody alive has heard us, and says so
		}
		if !ok {
			continue
		}
		seen[m.TS] = mark
		if before, weighed := known.seen[m.TS]; weighed && before == mark {
			continue
		}
		was, atFirst := known.first[m.TS]
		live := phrase.LaterTS(m.TS, known.began) || atFirst && was != mark
		if err := w.weighMark(ctx, conf, channel, m.TS, mark, live, at); err != nil {
			return err // weighed again at the next look
		}
	}
	known.seen = seen
	w.signs[channel] = known
	return nil
}

func (w *Watch) weighMark(ctx context.Context, conf *active.Config, channel, ts string, mark slack.Mark, live bool, at outbox.ChannelCursor) error {
	if mark.Agent == w.id && phrase.LaterTS(ts, at.Own) {
		if err := w.compareHistory(ctx, conf, channel, ts, mark); err != nil {
			return err
		}
	}
	if !live || !w.foreign(mark) || !ourStack(conf, mark) {
		return nil
	}
	return w.meetPeer(ctx, conf, channel, ts, mark)
}

// foreign reports whether another process than ours, now or before, wrote a mark.
func (w *Watch) foreign(mark slack.Mark) bool {
	if mark.Agent != w.id {
		return true
	}
	return mark.Epoch != "" && !slices.Contains(w.epochs, mark.Epoch)
}

// ourStack reports whether a mark is about a stack that we have too. Two agents may well share a channel and have stacks
// of one name, for staging and for production: then their states lie in different places.
func ourStack(conf *active.Config, mark slack.Mark) bool {
	if mark.Stack == "" {
		return true // it was said to us
	}
	s := conf.Stack(mark.Stack)
	return s != nil && (mark.State == "" || mark.State == active.StateMark(conf.Cfg, s))
}

// meetPeer writes down that another agent is at work, and tells people once.
func (w *Watch) meetPeer(ctx context.Context, conf *active.Config, channel, ts string, mark slack.Mark) error {
	known, err := w.knownPeers()
	if err != nil {
		return err
	}
	p, now := known[mark.Agent], w.now().UTC()
	if p != nil && now.Sub(p.Last) < peerWrite && !now.Before(p.Last) && (mark.Stack == "" || slices.Contains(p.Stacks, mark.Stack)) {
		return nil
	}
	if p == nil {
		p = &peer{Agent: mark.Agent, First: now, Stacks: []string{}, Run: mark.Run}
		p.Link, _ = conf.Slack.Permalink(ctx, channel, ts) // a comfort
		known[mark.Agent] = p
	}
	p.Last = now
	if mark.Stack != "" && !slices.Contains(p.Stacks, mark.Stack) {
		p.Stacks = append(p.Stacks, mark.Stack)
	}
	tell := p.First.Equal(now) && mark.Stack != "" // what it told itself need not be told again
	err = w.journal.Update(func(tx *journal.Tx) error {
		if err := peersKey.Put(tx, known); err != nil {
			return err
		}
		if !tell {
			return nil
		}
		text := w.peerText(conf, p)
		if err := tx.AddEvent(store.Event{Type: "peer", Stack: mark.Stack, Text: text}); err != nil {
			return err
		}
		note := w.ledger.Note(peerNote(mark.Agent), text)
		note.Mention = true
		return tx.Enqueue(note)
	})
	if err == nil && tell {
		w.log.Error("another agent is at work on a stack of ours", "agent", mark.Agent, "stack", mark.Stack, "run", mark.Run)
	}
	return err
}

// peerNote is the key of the message about another agent. That agent, hearing it, knows that it was heard.
func peerNote(agent string) string { return "peer/" + agent }

func (w *Watch) knownPeers() (map[string]*peer, error) {
	var known map[string]*peer
	err := w.store.View(func(tx *store.Tx) (err error) {
		known, _, err = peersKey.Get(tx)
		return err
	})
	if known == nil {
		known = map[string]*peer{}
	}
	return known, err
}

// Show shows in status which other agents are at work, and forgets those that have been quiet for long enough.
func (w *Watch) Show(conf *active.Config) error {
	known, err := w.knownPeers()
	if err != nil {
		return err
	}
	var gone []string
	now := w.now()
	for id, p := range known {
		switch quiet := now.Sub(p.Last); {
		case quiet >= peerQuiet:
			gone = append(gone, id)
			w.faults.Set("another agent "+id, nil)
		default: // a clock that went back only makes it shown for longer; it is written anew when it is heard again
			w.faults.Set("another agent "+id, hint.Refuse(peerAdvice, "%s", w.peerText(conf, p)))
		}
	}
	if len(gone) == 0 {
		return nil
	}
	return w.journal.Update(func(tx *journal.Tx) error {
		known, _, err := peersKey.Get(tx)
		if err != nil {
			return err
		}
		for _, id := range gone {
			delete(known, id)
		}
		return peersKey.Put(tx, known)
	})
}

const peerAdvice = "only one may run: stop the other one (systemctl stop sallyport on its host); it is shown until it has been quiet for a day"

func (w *Watch) peerText(conf *active.Config, p *peer) string {
	host, err := os.Hostname()
	if err != nil {
		host = "an unknown host"
	}
	which := "stacks that are ours too"
	if len(p.Stacks) > 0 {
		which = "stack " + words.List(p.Stacks, 10)
		if len(p.Stacks) > 1 {
			which = "stacks " + words.List(p.Stacks, 10)
		}
		which += ", which this agent watches too"
	}
	who := "Another agent, " + p.Agent + ","
	if p.Agent == w.id {
		who = "A copy of this agent's data directory (agent " + p.Agent + ")"
	}
	text := fmt.Sprintf("%s is at work in this channel since %s on %s.", who, p.First.UTC().Format("2006-01-02 15:04 MST"), which)
	if p.Link != "" {
		text += " See " + p.Link + "."
	}
	return text + fmt.Sprintf(" This agent is %s on %s, data in %s. Two agents on one stack plan everything twice and ask twice, "+
		"and what is approved in one is stale in the other. Stop one of the two: systemctl stop sallyport on its host.", w.id, host, conf.Cfg.DataDir)
}
