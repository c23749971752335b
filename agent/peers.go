package agent

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"sallyport/agent/config"
	"sallyport/agent/hint"
	"sallyport/notify/slack"
	"sallyport/store"
)

// Another agent at work on a stack of ours is noticed in two places: here, by what it posts into our channel, and at the
// state lock, when terraform meets it. Here only messages of our own bot are believed, see [slack.Message.Mark]: an agent
// with another bot user is noticed at the lock alone. Both agents would otherwise plan the same commits and ask for both;
// the lock and the serial of the state keep the second apply from running, but people decide twice and trust neither.

const (
	// peerQuiet is how long another agent must say nothing until it counts as gone: longer than a night without commits.
	peerQuiet = 24 * time.Hour
	// peerWrite is how often hearing from it again is written down at most; its cards change every few seconds.
	peerWrite = 10 * time.Minute
	// maxEpochs bounds how many of our own processes are remembered. Only words that were under way when one was killed
	// can be mistaken for somebody else's, so that a few would do.
	maxEpochs = 50

	peersKey  = "slack/peers"
	epochsKey = "epochs"
)

// peer is another agent that was heard in our channel.
type peer struct {
	Agent  string    `json:"agent"`
	First  time.Time `json:"first"` // by our clock: Slack's timestamps are never compared with it
	Last   time.Time `json:"last"`
	Stacks []string  `json:"stacks"`
	Run    int       `json:"run,omitempty"` // the one it was first heard with
	Link   string    `json:"link,omitempty"`
}

// introduceProcess gives this process a name of its own, so that a copy of the data directory, which has our id, can be
// told from ourselves before a restart. It returns the names of all.
func introduceProcess(tx *store.Tx, epoch string) ([]string, error) {
	var epochs []string
	if _, err := tx.Setting(epochsKey, &epochs); err != nil {
		return nil, err
	}
	epochs = append(epochs, epoch)
	epochs = epochs[max(0, len(epochs)-maxEpochs):]
	return epochs, tx.PutSetting(epochsKey, epochs)
}

// signs is what is remembered of the cards of a channel between two looks at it.
type signs struct {
	began string                // the newest message when this process first looked: what is not newer proves no life
	first map[string]slack.Mark // the cards of that moment: one that changes proves life, too
	seen  map[string]slack.Mark // what was weighed already
}

// lookAround weighs what cards in a channel say about who wrote them: another agent, a copy of us, or ourselves in a
// future that our store does not know.
func (e *ear) lookAround(ctx context.Context, w *world, self slack.Identity, channel string, at channelCursor, messages []slack.Message) error {
	a := e.agent
	known := e.signs[channel]
	if known == nil {
		known = &signs{began: at.TS, first: map[string]slack.Mark{}}
		for _, m := range messages {
			if laterTS(m.TS, known.began) {
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
		if isNote && key == peerNote(a.id) {
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
		live := laterTS(m.TS, known.began) || atFirst && was != mark
		if err := a.weighMark(ctx, w, channel, m.TS, mark, live, at); err != nil {
			return err // weighed again at the next look
		}
	}
	known.seen = seen
	e.signs[channel] = known
	return nil
}

func (a *slackbot) weighMark(ctx context.Context, w *world, channel, ts string, mark slack.Mark, live bool, at channelCursor) error {
	if mark.Agent == a.id && laterTS(ts, at.Own) {
		if err := a.compareHistory(ctx, w, channel, ts, mark); err != nil {
			return err
		}
	}
	if !live || !a.foreign(mark) || !ourStack(w, mark) {
		return nil
	}
	return a.meetPeer(ctx, w, channel, ts, mark)
}

// foreign reports whether another process than ours, now or before, wrote a mark.
func (a *slackbot) foreign(mark slack.Mark) bool {
	if mark.Agent != a.id {
		return true
	}
	return mark.Epoch != "" && !slices.Contains(a.epochs, mark.Epoch)
}

// ourStack reports whether a mark is about a stack that we have too. Two agents may well share a channel and have stacks
// of one name, for staging and for production: then their states lie in different places.
func ourStack(w *world, mark slack.Mark) bool {
	if mark.Stack == "" {
		return true // it was said to us
	}
	s := w.stack(mark.Stack)
	return s != nil && (mark.State == "" || mark.State == stateMark(w.cfg, s))
}

// meetPeer writes down that another agent is at work, and tells people once.
func (a *slackbot) meetPeer(ctx context.Context, w *world, channel, ts string, mark slack.Mark) error {
	known, err := a.knownPeers()
	if err != nil {
		return err
	}
	p, now := known[mark.Agent], a.now().UTC()
	if p != nil && now.Sub(p.Last) < peerWrite && !now.Before(p.Last) && (mark.Stack == "" || slices.Contains(p.Stacks, mark.Stack)) {
		return nil
	}
	if p == nil {
		p = &peer{Agent: mark.Agent, First: now, Stacks: []string{}, Run: mark.Run}
		p.Link, _ = w.slack.Permalink(ctx, channel, ts) // a comfort
		known[mark.Agent] = p
	}
	p.Last = now
	if mark.Stack != "" && !slices.Contains(p.Stacks, mark.Stack) {
		p.Stacks = append(p.Stacks, mark.Stack)
	}
	tell := p.First.Equal(now) && mark.Stack != "" // what it told itself need not be told again
	err = a.update(func(tx *Tx) error {
		if err := tx.PutSetting(peersKey, known); err != nil {
			return err
		}
		if !tell {
			return nil
		}
		text := a.peerText(w, p)
		if err := tx.AddEvent(store.Event{Type: "peer", Stack: mark.Stack, Text: text}); err != nil {
			return err
		}
		note := a.note(peerNote(mark.Agent), text)
		note.Mention = true
		return tx.Enqueue(note)
	})
	if err == nil && tell {
		a.log.Error("another agent is at work on a stack of ours", "agent", mark.Agent, "stack", mark.Stack, "run", mark.Run)
	}
	return err
}

// peerNote is the key of the message about another agent. That agent, hearing it, knows that it was heard.
func peerNote(agent string) string { return "peer/" + agent }

func (a *slackbot) knownPeers() (map[string]*peer, error) {
	known := map[string]*peer{}
	err := a.store.View(func(tx *store.Tx) error {
		_, err := tx.Setting(peersKey, &known)
		return err
	})
	return known, err
}

// showPeers shows in status which other agents are at work, and forgets those that have been quiet for long enough.
func (a *slackbot) showPeers(w *world) error {
	known, err := a.knownPeers()
	if err != nil {
		return err
	}
	var gone []string
	now := a.now()
	for id, p := range known {
		switch quiet := now.Sub(p.Last); {
		case quiet >= peerQuiet:
			gone = append(gone, id)
			a.faults.set("another agent "+id, nil)
		default: // a clock that went back only makes it shown for longer; it is written anew when it is heard again
			a.faults.set("another agent "+id, hint.Refuse(peerAdvice, "%s", a.peerText(w, p)))
		}
	}
	if len(gone) == 0 {
		return nil
	}
	return a.update(func(tx *Tx) error {
		known := map[string]*peer{}
		if _, err := tx.Setting(peersKey, &known); err != nil {
			return err
		}
		for _, id := range gone {
			delete(known, id)
		}
		return tx.PutSetting(peersKey, known)
	})
}

const peerAdvice = "only one may run: stop the other one (systemctl stop sallyport on its host); it is shown until it has been quiet for a day"

func (a *slackbot) peerText(w *world, p *peer) string {
	host, err := os.Hostname()
	if err != nil {
		host = "an unknown host"
	}
	which := "stacks that are ours too"
	if len(p.Stacks) > 0 {
		which = "stack " + joinSome(p.Stacks, 10)
		if len(p.Stacks) > 1 {
			which = "stacks " + joinSome(p.Stacks, 10)
		}
		which += ", which this agent watches too"
	}
	who := "Another agent, " + p.Agent + ","
	if p.Agent == a.id {
		who = "A copy of this agent's data directory (agent " + p.Agent + ")"
	}
	text := fmt.Sprintf("%s is at work in this channel since %s on %s.", who, p.First.UTC().Format("2006-01-02 15:04 MST"), which)
	if p.Link != "" {
		text += " See " + p.Link + "."
	}
	return text + fmt.Sprintf(" This agent is %s on %s, data in %s. Two agents on one stack plan everything twice and ask twice, "+
		"and what is approved in one is stale in the other. Stop one of the two: systemctl stop sallyport on its host.", a.id, host, w.cfg.DataDir)
}

// stateMark is a digest of where a stack's state lies: repository, directory, workspace and what names the place in the
// backend's configuration. What may be a secret there is left out.
func stateMark(cfg *config.Config, s *config.Stack) string {
	place := ""
	if r := cfg.Repository(s.Repository); r != nil {
		place = gitPlace(r.URL)
	}
	parts := []string{place, s.Dir, s.Workspace}
	for _, key := range []string{
		"bucket", "key", "prefix", "path", "workspace_dir", "workspace_key_prefix", "resource_group_name",
		"storage_account_name", "container_name", "schema_name", "namespace", "secret_suffix",
	} {
		if v, set := s.BackendConfig[key]; set {
			parts = append(parts, key+"="+v.Reveal())
		}
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:8])
}

// gitPlace is a repository's URL without what differs between two ways to the same one: ssh and https, user, port, case
// of the host, .git at the end.
func gitPlace(raw string) string {
	if !strings.Contains(raw, "://") {
		if host, path, found := strings.Cut(raw, ":"); found { // git@host:path
			raw = "ssh://" + host + "/" + path
		}
	}
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	return strings.ToLower(u.Hostname()) + "/" + strings.TrimSuffix(strings.Trim(u.Path, "/"), ".git")
}
