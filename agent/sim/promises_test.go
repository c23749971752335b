package sim

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"sallyport/notify/slack/slacktest"
	"sallyport/store"
)

// ops is the channel.
const ops = "C0000OPS"

// needed is how many people a stack needs.
var needed = map[string]int{"network": 1, "app": 2, "edge": 1}

// vote is what a person said in a thread, with what the message above showed them.
type vote struct {
	user, ts, words string
	thread          string
	run             int
	digest          string
	at              time.Time
	gone            time.Time // deleted or edited
}

// promises are what the agent is held to. They know nothing of its rules: only what people did in Slack, what terraform was
// started with, and what the store remembers.
type promises struct {
	mu      sync.Mutex
	plans   map[string]intent
	votes   []*vote
	starts  map[int]string // digest by run
	digests map[string]int // run by digest
	live    map[string]int // run by stack
	ends    map[int]string
	applied int
	known   map[int]*seen
	history uint64
	slackAt time.Time // since when Slack has been well
	gitAt   time.Time // and git
	heads   []head
	jumped  bool // history was rewritten: people say what counts
}

// seen is what was last known of a run.
type seen struct {
	status    store.Status
	decisions int
	mark      string
	since     time.Time // when the mark was first seen
}

// head is what the branch held from a moment on.
type head struct {
	at    time.Time
	files map[string]string
}

func newPromises() *promises {
	return &promises{
		plans: map[string]intent{}, starts: map[int]string{}, digests: map[string]int{}, live: map[string]int{}, ends: map[int]string{},
		known: map[int]*seen{},
	}
}

func (p *promises) planned(digest string, i intent) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.plans[digest] = i
}

func (p *promises) voted(v *vote) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.votes = append(p.votes, v)
}

// late is how long after a word or its deletion an apply may still go by what was before: the agent asks Slack, then git, then it
// begins.
const late = 3 * time.Minute

// spawned holds the start of an apply against what was promised.
func (p *promises) spawned(w *world, run int, stack, digest string) {
	p.timely(w, run, stack, digest)
	p.mu.Lock()
	defer p.mu.Unlock()
	plan, known := p.plans[digest]
	w.note("apply of #%d %s begins: %s", run, stack, plan.effect())
	if !known || plan.Stack != stack {
		w.breaks("#%d applies a plan that nobody made for %s: %s", run, stack, digest)
	}
	if was, twice := p.starts[run]; twice {
		w.breaks("#%d is applied twice: %s and %s", run, was, digest)
	}
	if other, twice := p.digests[digest]; twice {
		w.breaks("the plan %s is applied twice: by #%d and #%d", digest, other, run)
	}
	if other, busy := p.live[stack]; busy {
		w.breaks("#%d and #%d are applied to %s at the same time", other, run, stack)
	}
	p.starts[run], p.digests[digest], p.live[stack] = digest, run, run
	p.approved(w, run, stack, plan)
}

// approved looks for those who agreed to what is about to be done. The lock is held.
func (p *promises) approved(w *world, run int, stack string, plan intent) {
	agreed := map[string]bool{}
	for _, v := range p.votes {
		if v.run != run || v.user != jane && v.user != joe {
			continue
		}
		shown, known := p.plans[v.digest]
		same := known && shown.effect() == plan.effect()
		stands := v.gone.IsZero() || time.Since(v.gone) < late
		switch {
		case strings.HasPrefix(v.words, "deny") && stands && time.Since(v.at) > late && p.heard(v.at):
			w.breaks("#%d %s is applied, and %s had denied it at %s", run, stack, v.user, v.ts)
		case v.words == "approve" && !plan.destroys() && same && stands, v.words == "approve destroy" && same && stands:
			agreed[v.user] = true
		}
	}
	if len(agreed) < needed[stack] {
		w.breaks("#%d %s is applied with %d of %d approvals of what it does: %s", run, stack, len(agreed), needed[stack], plan.effect())
	}
}

// heard reports whether Slack has been well ever since a moment.
func (p *promises) heard(at time.Time) bool { return !p.slackAt.IsZero() && p.slackAt.Before(at) }

// ended is terraform's own end of an apply.
func (p *promises) ended(w *world, run int, how string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w.note("apply of #%d ends: %s", run, how)
	p.ends[run] = how
	p.applied++
	for stack, live := range p.live {
		if live == run {
			delete(p.live, stack)
		}
	}
}

// look compares the store with what was promised.
func (p *promises) look(w *world) {
	w.view(func(tx *store.Tx) error {
		runs, err := tx.Runs(store.RunFilter{Limit: 10_000})
		if err != nil {
			return err
		}
		head, _, err := tx.HistoryHead()
		if err != nil {
			return err
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if head < p.history {
			w.breaks("the history had %d entries and has %d", p.history, head)
		}
		p.history = head
		found := map[int]bool{}
		for _, run := range runs {
			found[run.ID] = true
			p.remembers(w, run)
			p.truthful(w, run)
			p.moves(w, run)
		}
		for id := range p.known {
			if !found[id] {
				w.breaks("#%d is forgotten", id)
			}
		}
		return nil
	})
}

// remembers: nothing that was recorded changes or disappears.
func (p *promises) remembers(w *world, run *store.Run) {
	was := p.known[run.ID]
	if was == nil {
		p.known[run.ID] = &seen{status: run.Status, decisions: len(run.Decisions)}
		return
	}
	if was.status.Terminal() && was.status != run.Status {
		w.breaks("#%d was %s and is %s", run.ID, was.status, run.Status)
	}
	if len(run.Decisions) < was.decisions {
		w.breaks("#%d had %d decisions and has %d", run.ID, was.decisions, len(run.Decisions))
	}
	was.status, was.decisions = run.Status, len(run.Decisions)
}

// truthful: what is recorded of an apply is what terraform did.
func (p *promises) truthful(w *world, run *store.Run) {
	how, over := p.ends[run.ID]
	_, started := p.starts[run.ID]
	right := map[string][]store.Status{
		"ok": {store.Applied}, "failed": {store.Errored, store.Canceled, store.Stale}, "refused": {store.Errored, store.Canceled},
		"killed": {store.Interrupted},
	}[how]
	switch {
	case run.Status == store.Applied && !started:
		w.breaks("#%d is recorded as applied, and terraform was never started", run.ID)
	case !run.Status.Terminal() && run.Status != store.Applying && started:
		w.breaks("#%d is %s, and terraform was started", run.ID, run.Status)
	case run.Status.Terminal() && started && !over:
		w.breaks("#%d is %s, and terraform is at work", run.ID, run.Status)
	case run.Status.Terminal() && over:
		for _, s := range right {
			if s == run.Status {
				return
			}
		}
		w.breaks("#%d is %s, and terraform's end was: %s", run.ID, run.Status, how)
	}
}

// patience is how long an open run may stand still without saying what it waits for. A plan may take its plan_timeout.
var patience = map[store.Status]time.Duration{
	store.Pending: 10 * time.Minute, store.Planning: 40 * time.Minute, store.Approved: 10 * time.Minute, store.Applying: 10 * time.Minute,
}

// moves: an open run goes on, or says what it waits for.
func (p *promises) moves(w *world, run *store.Run) {
	known := p.known[run.ID]
	mark := strings.Join([]string{string(run.Status), run.Held, run.NotBefore.String(), run.UpdatedAt.String()}, "|")
	_, alive := p.live[run.Stack]
	if mark != known.mark || run.Status.Terminal() || run.Status == store.Planned || run.Held != "" || run.Status == store.Applying && alive || w.weather().full {
		known.mark, known.since = mark, time.Now()
		return
	}
	if most := patience[run.Status]; time.Since(known.since) > most {
		w.breaks("#%d %s is %s for %s and does not say what it waits for", run.ID, run.Stack, run.Status, time.Since(known.since))
		known.since = time.Now()
	}
}

// restarted: while no agent lives, nothing moves.
func (p *promises) restarted() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.known {
		s.mark = ""
	}
}

// words are how a card says that its run has ended.
var words = map[store.Status]string{
	store.Applied: "applied", store.Errored: "errored", store.Interrupted: "interrupted", store.Canceled: "canceled", store.Stale: "stale",
	store.Discarded: "discarded", store.Superseded: "superseded", store.Expired: "expired", store.NoChanges: "no changes", store.Previewed: "previewed",
}

// told: at the end, with Slack well, everybody was told everything, and once.
func (p *promises) told(w *world) {
	cards := map[int][]slacktest.Message{}
	for _, m := range w.slack.Messages(ops) {
		if run, _, _, _, ok := m.Run(); ok {
			cards[run] = append(cards[run], m)
		}
	}
	for run, list := range cards {
		if len(list) > 1 {
			w.breaks("#%d has %d messages", run, len(list))
		}
	}
	w.view(func(tx *store.Tx) error {
		runs, err := tx.Runs(store.RunFilter{Limit: 10_000})
		if err != nil {
			return err
		}
		for _, run := range runs {
			list := cards[run.ID]
			quiet := run.Status == store.NoChanges || run.Status == store.Superseded ||
				run.Apply == nil && (run.Status == store.Canceled || run.Status == store.Stale) // who canceled it was answered
			switch {
			case len(list) == 0 && (quiet && run.Card == nil || run.Apply == nil && run.Card != nil && takenOver(w, run)):
			case len(list) == 0:
				w.breaks("#%d %s is %s, and nobody was told", run.ID, run.Stack, run.Status)
			case run.Status.Terminal() && !strings.Contains(list[0].Text, words[run.Status]):
				w.breaks("#%d is %s, and its message says: %s", run.ID, run.Status, list[0].Text)
			}
		}
		return nil
	})
	w.view(func(tx *store.Tx) error { return p.answered(w, tx) })
	p.saidOnce(w)
	p.mu.Lock()
	defer p.mu.Unlock()
	for run := range p.starts {
		if p.known[run] == nil {
			w.breaks("#%d was applied and is in no record", run)
		} else if p.known[run].status == store.Applying {
			w.breaks("#%d is applying for ever", run)
		}
	}
}

// answered: whoever decided in a thread was counted, or told that it did not count.
func (p *promises) answered(w *world, tx *store.Tx) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, v := range p.votes {
		if !v.gone.IsZero() || !strings.HasPrefix(v.words, "approve") && !strings.HasPrefix(v.words, "deny") {
			continue
		}
		run, err := tx.Run(v.run)
		if err != nil {
			return err
		}
		counted := slices.ContainsFunc(run.Decisions, func(d store.Decision) bool { return d.TS == v.ts })
		told := slices.ContainsFunc(w.slack.Thread(ops, v.thread), func(m slacktest.Message) bool { return m.BotID != "" && m.TS > v.ts })
		if !counted && !told {
			w.breaks("%s said %q to #%d at %s: it is not recorded, and nothing was answered", v.user, v.words, v.run, v.ts)
		}
	}
	return nil
}

// onlyOnce are the keys of what cannot come about a second time: an end, an answer to one reply, a reminder.
var onlyOnce = regexp.MustCompile(`^run/[0-9]+/(end|remind|answer/.*)$`)

// saidOnce: what is said of a run is not said twice, whatever answer of Slack's was lost.
func (p *promises) saidOnce(w *world) {
	times := map[string]string{}
	for _, top := range w.slack.Messages(ops) {
		for _, m := range append([]slacktest.Message{top}, w.slack.Thread(ops, top.TS)...) {
			var meta struct {
				Payload struct {
					Key string `json:"key"`
				} `json:"event_payload"`
			}
			if json.Unmarshal(m.Metadata, &meta) != nil || !onlyOnce.MatchString(meta.Payload.Key) {
				continue
			}
			if before, twice := times[meta.Payload.Key]; twice && before != m.TS {
				w.breaks("%s is said twice, at %s and at %s: %s", meta.Payload.Key, before, m.TS, m.Text)
			}
			times[meta.Payload.Key] = m.TS
		}
	}
}

// takenOver reports whether a run's message is that of a later run by now.
func takenOver(w *world, run *store.Run) bool {
	m, ok := w.slack.Message(run.Card.Channel, run.Card.TS)
	later, _, _, _, isCard := m.Run()
	return ok && isCard && later > run.ID
}
