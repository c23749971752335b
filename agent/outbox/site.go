package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/config"
	"sallyport/agent/health"
	"sallyport/agent/journal"
	"sallyport/agent/lifecycle/votes"
	"sallyport/notify/forge"
	"sallyport/notify/forge/report"
	"sallyport/notify/people"
	"sallyport/store"
)

// statusOf is a run as a commit status.
func (ob *Outbox) statusOf(conf *active.Config, run *store.Run) forge.Status {
	return report.RunStatus(ob.runWords(conf, run))
}

// runWords is a run as the site's readers see it. Attribute values and secrets are not in it.
func (ob *Outbox) runWords(conf *active.Config, run *store.Run) report.Run {
	r := report.Run{
		ID: run.ID, Stack: run.Stack, Status: run.Status, Plan: run.Plan, Apply: run.Apply, Needed: 1,
		Hooks: run.HookNotes,
		Held:  people.Names(conf.Name).Plain(ob.health.Redact(run.Held)), By: conf.DecidedBy(run),
	}
	if run.Kind == store.KindPullRequest && run.Engine == config.EnginePacker {
		r.Image = true
		if len(run.Notes) > 0 {
			r.Differs = ob.health.Redact(run.Notes[0])
		}
	}
	if run.Card != nil {
		r.URL = run.Card.Permalink
	}
	if s := conf.Stack(run.Stack); s != nil {
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

// toSites are the sites that host repositories, in one pass.
type toSites struct {
	outbox *Outbox
	world  *active.Config
	rested siteRests // stays from pass to pass
}

func (s toSites) takes(m *store.Message) bool { return m.Kind.ForSite() }

func (s toSites) rests(m *store.Message) time.Duration {
	if rest := s.rested[m.Repository]; rest != nil {
		return time.Until(rest.until)
	}
	return 0
}

func (s toSites) waits(*store.Message) {}

func (s toSites) struck(_ *store.Message, p *health.StruckError) (time.Duration, error) {
	return p.Wait(), nil
}

func (s toSites) deliver(ctx context.Context, m *store.Message, _ *queue) (time.Duration, error) {
	return s.outbox.deliverToSite(ctx, s.world, m, s.rested)
}

// deliverToSite delivers one message and records what became of it. It returns after how long to try again; zero means done. The
// error is the store's.
func (ob *Outbox) deliverToSite(ctx context.Context, conf *active.Config, m *store.Message, rests siteRests) (time.Duration, error) {
	site := conf.Sites[m.Repository]
	if site == nil { // its block left the configuration
		return 0, ob.journal.Write(func(tx *journal.Tx) error { return tx.DeleteMessage(m.Seq) })
	}
	limited, cancel := context.WithTimeout(ctx, siteTimeout)
	defer cancel()
	deliver := ob.deliverStatus
	if m.Kind == store.MessageComment {
		deliver = ob.deliverComment
	}
	done, err := deliver(limited, conf, site, m)
	if ctx.Err() != nil {
		return 0, nil // stopping: the next agent tells it
	}
	words := site.Words()
	source := words.Block + " " + m.Repository
	var refused active.ForgeError
	if err != nil && !errors.As(err, &refused) {
		return 0, err
	}
	if err == nil || !refused.Everything() {
		ob.faults.Set(source, nil)
		delete(rests, m.Repository)
	}
	if err == nil || refused.Final() && m.Attempts >= maxRefused {
		if err != nil {
			ob.log.Warn(words.Block+" does not take this, and it is dropped", "message", m.Key, "err", err)
		}
		ob.faults.Set(source+": "+m.Key, nil)
		return 0, ob.journal.Write(func(tx *journal.Tx) error { return finish(tx.Tx, m, done) })
	}
	if refused.Everything() {
		if ob.faults.Set(source, err) {
			ob.log.Warn("telling "+words.Block, "message", m.Key, "err", err)
		}
		return rests.failed(m.Repository, refused.Wants()), nil
	}
	if ob.faults.Set(source+": "+m.Key, err) {
		ob.log.Warn("telling "+words.Block, "message", m.Key, "err", err)
	}
	m.Attempts++
	wait := min(time.Second<<min(m.Attempts, 9), maxSendWait)
	m.NotBefore, m.Error = ob.now().UTC().Add(wait), ob.health.Redact(err.Error())
	err = ob.journal.Write(func(tx *journal.Tx) error { return tx.PutMessage(m) })
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

// deliverStatus sets a commit status, if it is not what the site has already. A site keeps each, and takes a thousand of one
// commit and stack.
func (ob *Outbox) deliverStatus(ctx context.Context, conf *active.Config, site active.ForgeSite, m *store.Message) (func(*store.Tx) error, error) {
	if m.Run == 0 {
		s := report.Untouched(m.Stack, site.Words())
		switch {
		case m.Settled:
			s = report.Settled(m.Stack, m.Text)
		case m.Text != "":
			s = report.NotPlanned(m.Stack, m.Text)
		}
		at, err := ob.headOf(conf, m, m.PullRequest)
		if err != nil {
			return nil, err
		}
		return nil, site.SetStatus(ctx, at, s)
	}
	run, err := ob.ledger.RunOf(m)
	if err != nil || run == nil {
		return nil, err
	}
	s := ob.statusOf(conf, run)
	words := fmt.Sprintf("%s %s %s", s.State, s.Description, s.TargetURL)
	if words == run.Published {
		return nil, nil
	}
	number := 0
	if run.Kind == store.KindPullRequest {
		number = run.PullRequest
	}
	at, err := ob.headOf(conf, m, number)
	if err != nil {
		return nil, err
	}
	if err := site.SetStatus(ctx, at, s); err != nil {
		return nil, err
	}
	return func(tx *store.Tx) error {
		_, err := tx.ChangeRun(run.ID, func(r *store.Run) error { r.Published = words; return nil })
		return store.IgnoreMissing(err)
	}, nil
}

// headOf says whose head the commit of a status is: that of a pull request, or, without a number, that of the branch.
func (ob *Outbox) headOf(conf *active.Config, m *store.Message, number int) (forge.Head, error) {
	at := forge.Head{Commit: m.Commit, Number: number}
	if number == 0 {
		if r := conf.Cfg.Repository(m.Repository); r != nil {
			at.Branch = r.Branch
		}
		return at, nil
	}
	err := ob.store.View(func(tx *store.Tx) error {
		p, err := tx.PullRequest(m.Repository, number)
		if err == nil && p != nil && p.Head == m.Commit {
			at.Branch = p.Branch
		}
		return err
	})
	return at, err
}
