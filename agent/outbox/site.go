package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/clock"
	"sallyport/agent/health"
	"sallyport/agent/journal"
	"sallyport/agent/lifecycle/votes"
	"sallyport/notify/forge"
	"sallyport/notify/github"
	"sallyport/store"
)

// statusOf is a run as a commit status.
func (a *Outbox) statusOf(w *active.Config, run *store.Run) forge.Status {
	return github.RunStatus(a.runWords(w, run))
}

// runWords is a run as the site's readers see it. Attribute values and secrets are not in it.
func (a *Outbox) runWords(w *active.Config, run *store.Run) github.Run {
	r := github.Run{
		ID: run.ID, Stack: run.Stack, Status: run.Status, Plan: run.Plan, Apply: run.Apply, Needed: 1,
		Held: a.health.Redact(run.Held), By: w.DecidedBy(run),
	}
	if run.Card != nil {
		r.URL = run.Card.Permalink
	}
	if s := w.Stack(run.Stack); s != nil {
		r.Label, r.Needed = s.Label, s.Approvals
		_, r.Got = votes.Weigh(run, s)
	}
	return r
}

const (
	siteTimeout = time.Minute // of telling one thing, which may be several requests
	// maxRefused is how often a site may say that it will never take something before that is dropped: a server behind
	// the one that was pushed to may not know the commit yet.
	maxRefused = 5
)

// siteRests is how long sites that fail are left alone, by repository. Losing it costs one request.
type siteRests map[string]*siteRest

type siteRest struct {
	until    time.Time
	failures int
}

// failed notes an error and returns how long nothing is sent.
func (s siteRests) failed(repository string, wants time.Duration) time.Duration {
	rest := s[repository]
	if rest == nil {
		rest = &siteRest{}
		s[repository] = rest
	}
	rest.failures++
	wait := max(min(time.Second<<min(rest.failures, 9), maxSendWait), wants)
	rest.until = time.Now().Add(wait)
	return wait
}

// TellSites delivers what is in the outbox for the sites that host repositories, until ctx ends. It is apart from what goes
// to Slack, so that a site that hangs delays nothing else. Whatever it does may be done again, so a crash costs a request.
func (a *Outbox) TellSites(ctx context.Context) {
	rests := siteRests{}
	var idle *active.Config // without any site, and what an earlier one had for some is dropped
	for ctx.Err() == nil {
		changed := a.changes.Next()
		w := a.active.World.Load()
		if w == idle {
			clock.Sleep(ctx, IdlePass, changed)
			continue
		}
		wait := a.tellEach(ctx, w, rests)
		if idle = nil; len(w.Sites) == 0 && wait == IdlePass {
			idle = w
		}
		clock.Sleep(ctx, wait, changed)
	}
}

// tellEach tries every message that is due once and returns when to come again.
func (a *Outbox) tellEach(ctx context.Context, w *active.Config, rests siteRests) time.Duration {
	var outbox []*store.Message
	if err := a.store.View(func(tx *store.Tx) (err error) {
		outbox, err = tx.Outbox()
		return err
	}); err != nil {
		a.journal.StoreFault(err)
		return 5 * time.Second
	}
	next := IdlePass
	for _, m := range outbox {
		if ctx.Err() != nil {
			return next
		}
		if !m.Kind.ForSite() {
			continue
		}
		wait := a.clocks.Reading().Left(m.NotBefore, maxSendHold)
		if rest := rests[m.Repository]; rest != nil {
			wait = max(wait, time.Until(rest.until))
		}
		if wait <= 0 {
			err := a.health.Contained(messageWork(m), func() (err error) {
				wait, err = a.tellSite(ctx, w, m, rests)
				return err
			})
			if struck := health.AsStruck(err); struck != nil {
				a.faults.Set(messageFault(m), struck) // the others go on; it stays in the outbox
				wait, err = struck.Wait(), nil
			} else if err == nil {
				a.faults.Set(messageFault(m), nil)
			}
			if err != nil {
				a.journal.StoreFault(err)
				return 5 * time.Second
			}
		}
		if wait > 0 {
			next = min(next, wait)
		}
	}
	return next
}

// tellSite delivers one message and records what became of it. It returns after how long to try again; zero means done. The
// error is the store's.
func (a *Outbox) tellSite(ctx context.Context, w *active.Config, m *store.Message, rests siteRests) (time.Duration, error) {
	site := w.Sites[m.Repository]
	if site == nil { // the github block left the configuration
		return 0, a.journal.Write(func(tx *journal.Tx) error { return tx.DeleteMessage(m.Seq) })
	}
	limited, cancel := context.WithTimeout(ctx, siteTimeout)
	defer cancel()
	tell := a.tellStatus
	if m.Kind == store.MessageComment {
		tell = a.tellComment
	}
	done, err := tell(limited, w, site, m)
	if ctx.Err() != nil {
		return 0, nil // stopping: the next agent tells it
	}
	source := "github " + m.Repository
	var refused active.ForgeError
	if err != nil && !errors.As(err, &refused) {
		return 0, err
	}
	if err == nil || !refused.Everything() {
		a.faults.Set(source, nil)
		delete(rests, m.Repository)
	}
	if err == nil || refused.Final() && m.Attempts >= maxRefused {
		if err != nil {
			a.log.Warn("github does not take this, and it is dropped", "message", m.Key, "err", err)
		}
		a.faults.Set(source+": "+m.Key, nil)
		return 0, a.journal.Write(func(tx *journal.Tx) error { return finish(tx.Tx, m, done) })
	}
	if refused.Everything() {
		if a.faults.Set(source, err) {
			a.log.Warn("telling github", "message", m.Key, "err", err)
		}
		return rests.failed(m.Repository, refused.Wants()), nil
	}
	if a.faults.Set(source+": "+m.Key, err) {
		a.log.Warn("telling github", "message", m.Key, "err", err)
	}
	m.Attempts++
	wait := min(time.Second<<min(m.Attempts, 9), maxSendWait)
	m.NotBefore, m.Error = a.now().UTC().Add(wait), a.health.Redact(err.Error())
	err = a.journal.Write(func(tx *journal.Tx) error { return tx.PutMessage(m) })
	if errors.Is(err, store.ErrReplaced) || errors.Is(err, store.ErrNotFound) {
		return time.Millisecond, nil
	}
	return wait, err
}

// finish takes a message out of the outbox, unless a newer one has taken its place while it was sent.
func finish(tx *store.Tx, m *store.Message, done func(*store.Tx) error) error {
	if done != nil {
		if err := done(tx); err != nil {
			return err
		}
	}
	err := tx.PutMessage(m)
	if errors.Is(err, store.ErrReplaced) || errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return tx.DeleteMessage(m.Seq)
}

// tellStatus sets a commit status, if it is not what the site has already. A site keeps each, and takes a thousand of one
// commit and stack.
func (a *Outbox) tellStatus(ctx context.Context, w *active.Config, site active.ForgeSite, m *store.Message) (func(*store.Tx) error, error) {
	if m.Run == 0 {
		s := github.Untouched(m.Stack)
		switch {
		case m.Settled:
			s = github.Settled(m.Stack, m.Text)
		case m.Text != "":
			s = github.NotPlanned(m.Stack, m.Text)
		}
		return nil, site.SetStatus(ctx, m.Commit, s)
	}
	run, err := a.ledger.RunOf(m)
	if err != nil || run == nil {
		return nil, err
	}
	s := a.statusOf(w, run)
	words := fmt.Sprintf("%s %s %s", s.State, s.Description, s.TargetURL)
	if words == run.Published {
		return nil, nil
	}
	if err := site.SetStatus(ctx, m.Commit, s); err != nil {
		return nil, err
	}
	return func(tx *store.Tx) error {
		_, err := tx.ChangeRun(run.ID, func(r *store.Run) error { r.Published = words; return nil })
		return store.IgnoreMissing(err)
	}, nil
}
