package source

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/clock"
	"sallyport/agent/config"
	"sallyport/agent/config/calendar"
	"sallyport/agent/control"
	"sallyport/agent/fault"
	"sallyport/agent/health"
	"sallyport/agent/journal"
	"sallyport/agent/lifecycle"
	"sallyport/agent/repo"
	"sallyport/notify/words"
	"sallyport/store"
)

const (
	PollTimeout  = 30 * time.Second // of the question what a branch's newest commit is
	fetchTimeout = 30 * time.Minute // of a whole clone; a stall ends it much sooner
	// lastingError is how long polls must fail before Slack is told, once: a server that restarts is no news.
	lastingError = 10 * time.Minute
	maxBackoff   = 5 * time.Minute
)

// ForRepositories runs watch once for each repository of the configuration that wants it, until ctx ends. A reload is picked
// up at the next turn: watch returns by itself when its repository is not wanted any more.
func (src *Source) ForRepositories(ctx context.Context, wanted func(*config.Repository) bool, watch func(ctx context.Context, name string)) {
	running := map[string]bool{}
	var mu sync.Mutex
	var group sync.WaitGroup
	for ctx.Err() == nil {
		changed := src.changes.Next()
		mu.Lock()
		for _, r := range src.active.Cfg().Repositories {
			if running[r.Name] || !wanted(r) {
				continue
			}
			running[r.Name] = true
			group.Go(func() {
				src.health.Tend(ctx, "watching repository "+r.Name, func(ctx context.Context) { watch(ctx, r.Name) })
				mu.Lock()
				defer mu.Unlock()
				delete(running, r.Name)
			})
		}
		mu.Unlock()
		select {
		case <-ctx.Done():
		case <-changed:
		}
	}
	group.Wait()
}

// PollRepositories polls each repository on its schedule until ctx ends.
func (src *Source) PollRepositories(ctx context.Context) {
	src.ForRepositories(ctx, func(*config.Repository) bool { return true }, src.pollRepository)
}

// pollRepository polls one repository until it leaves the configuration or ctx ends: at once, then on its schedule
// with a little jitter, and more slowly while it fails.
func (src *Source) pollRepository(ctx context.Context, name string) {
	failures := 0
	for ctx.Err() == nil {
		conf := src.active.Current.Load()
		r := conf.Cfg.Repository(name)
		if r == nil {
			return
		}
		err := src.Poll(ctx, conf, r)
		if err == nil {
			failures = 0
		} else {
			failures++
		}
		src.Rest(ctx, r, src.NextPoll(r, failures))
	}
}

// Rest waits for the next poll; less if the configuration changed when that is.
func (src *Source) Rest(ctx context.Context, r *config.Repository, wait time.Duration) {
	began, wall := time.Now(), src.now()
	until := began.Add(wait)
	for ctx.Err() == nil {
		changed := src.changes.Next()
		now := src.active.Cfg().Repository(r.Name)
		left := time.Until(until)
		if left <= 0 || now == nil || !now.Same(r) || src.clocks.Reading().Jumped(wall, time.Since(began)) {
			return // after a jump of the clock, once, and then by the schedule of the new time
		}
		clock.Sleep(ctx, min(left, clock.Look), changed)
	}
}

// NextPoll is how long to wait: until the schedule's next time, plus up to a tenth of that so that many agents do not
// come at once, and doubled with each failure up to five minutes.
func (src *Source) NextPoll(r *config.Repository, failures int) time.Duration {
	schedule, err := calendar.ParseSchedule(r.Schedule)
	if err != nil {
		return maxBackoff // cannot be: the configuration was checked
	}
	wait := clock.UntilNext(schedule, src.now())
	wait += time.Duration(src.jitter() * float64(wait) / 10)
	for i := 0; i < failures && i < 10 && wait < maxBackoff; i++ {
		wait = min(wait*2, max(maxBackoff, wait))
	}
	return wait
}

// Poll asks a repository for its newest commit and records it. It tells the same error once.
func (src *Source) Poll(ctx context.Context, conf *active.Config, r *config.Repository) error {
	err := src.health.Contained(health.Work{Name: "polling repository " + r.Name, Watches: true}, func() error { return src.Look(ctx, conf, r) })
	if ctx.Err() != nil {
		return ctx.Err()
	}
	src.polls.Tried(r.Name, err)
	news := src.faults.Set("repository "+r.Name, err)
	if err != nil && news {
		src.log.Warn("polling a repository", "repository", r.Name, "err", err)
	}
	if err != nil {
		if e := src.recordPollError(r, err); e != nil {
			src.journal.StoreFault(e)
		}
		return err
	}
	return nil
}

// Ask is [Source.Poll] for somebody who waits, and not longer than limit. That git does not answer them is recorded too: what is made
// for them goes by the newest commit known, and says since when that may be old.
func (src *Source) Ask(ctx context.Context, conf *active.Config, r *config.Repository, limit time.Duration) error {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := src.Poll(limited, conf, r)
	if err == nil || limited.Err() == nil || ctx.Err() != nil {
		return err
	}
	err = fmt.Errorf("git did not answer within %s", words.Duration(limit))
	if e := src.recordPollError(r, err); e != nil {
		src.journal.StoreFault(e)
	}
	return err
}

// Look is one poll: one round trip when nothing is new.
func (src *Source) Look(ctx context.Context, conf *active.Config, r *config.Repository) error {
	pollCtx, cancel := context.WithTimeout(ctx, PollTimeout)
	defer cancel()
	tip, err := conf.Repos[r.Name].Poll(pollCtx)
	if err != nil {
		return err
	}
	var known *store.RepositoryState
	err = src.store.View(func(tx *store.Tx) (err error) {
		known, err = tx.Repository(r.Name)
		return err
	})
	if err != nil {
		return fmt.Errorf("reading what is known of the repository: %w", err)
	}
	moved := known.URL != "" && (known.URL != r.URL || known.Branch != r.Branch)
	seen, asked := known.Head, known.Trust == lifecycle.Requirements(r)
	if known.HeldHead != "" && !r.FollowRewritten {
		// It waits for a person, and a branch that has come back is news. One that is not trusted is asked about again: somebody may
		// have reviewed it meanwhile.
		seen, asked = known.HeldHead, known.HeldWhy == ""
	}
	if tip.Commit == seen && asked && known.Error == "" && !moved && conf.Repos[r.Name].Has(tip.Commit) {
		src.polls.Polled(r.Name, src.now()) // in memory: an empty poll writes nothing
		return nil
	}
	return src.advance(ctx, conf, r, known, tip.Commit)
}

// advance fetches a new tip, checks that history was not rewritten, and records the tip as the head.
func (src *Source) advance(ctx context.Context, conf *active.Config, r *config.Repository, known *store.RepositoryState, tip string) error {
	git := conf.Repos[r.Name]
	fetchCtx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	err := git.Fetch(fetchCtx, tip)
	for range 3 {
		if !errors.Is(err, repo.ErrMoved) {
			break
		}
		moved, pollErr := git.Poll(fetchCtx) // somebody pushed in between
		if pollErr != nil {
			return pollErr
		}
		tip = moved.Commit
		err = git.Fetch(fetchCtx, tip)
	}
	if err != nil {
		return err
	}
	fault.Point("commit fetched")
	held, err := src.checkHead(fetchCtx, conf, r, known, tip)
	if err != nil {
		return err
	}
	return src.journal.Update(func(tx *journal.Tx) error {
		s, err := tx.Repository(r.Name)
		if err != nil {
			return err
		}
		if s.Head != known.Head || s.HeldHead != known.HeldHead {
			return nil // somebody else looked meanwhile, or a person accepted: the next poll sees both
		}
		now := src.now().UTC()
		s.URL, s.Branch, s.PolledAt = r.URL, r.Branch, now
		tx.Moves()
		if s.ErrorTold {
			if err := tx.Enqueue(src.ledger.Note("repository/"+r.Name+"/ok", fmt.Sprintf("Repository %s can be read again.", r.Name))); err != nil {
				return err
			}
		}
		s.Error, s.ErrorAt, s.ErrorTold = "", time.Time{}, false
		src.polls.Polled(r.Name, now)
		if held == nil {
			s.HeldHead, s.HeldWhy, s.HeldLost, s.HeldSince, s.Head, s.Trust, s.Suspect = "", "", nil, time.Time{}, tip, lifecycle.Requirements(r), ""
			if s.Accepted != tip {
				s.Accepted = ""
			}
			return tx.PutRepository(s)
		}
		return src.holdHead(tx.Tx, s, tip, held)
	})
}

// holdHead records that a branch is held, and tells it once.
func (src *Source) holdHead(tx *store.Tx, s *store.RepositoryState, tip string, held *holding) error {
	if held.why != "" && s.Suspect == "" {
		s.Suspect = tip
	}
	if s.HeldHead != tip || s.HeldWhy != held.why {
		key := "held/" + s.Name + "/" + tip
		s.HeldHead, s.HeldWhy, s.HeldLost, s.HeldSince = tip, held.why, held.lost, src.now().UTC()
		text := fmt.Sprintf("History of %s (%s) was rewritten: %s does not descend from %s, the newest commit seen. "+
			"Nothing is planned from it. To take it: sallyport accept %s %s", s.Name, s.Branch, words.Short(tip), words.Short(s.Head), s.Name, words.Short(tip))
		if len(held.lost) > 0 {
			text += "\nThe branch would lose " + words.List(held.lost, maxLost)
		}
		if held.why != "" {
			key += "/trust"
			text = fmt.Sprintf("%s (%s) is held at %s: %s. Nothing is planned from it. %s", s.Name, s.Branch, words.Short(tip), held.why, control.TrustHint)
		}
		if err := tx.Enqueue(src.ledger.Note(key, text)); err != nil {
			return err
		}
		if err := tx.AddEvent(store.Event{Type: "held", Text: text}); err != nil {
			return err
		}
		src.log.Warn("holding a branch", "repository", s.Name, "commit", tip, "why", text)
	}
	return tx.PutRepository(s)
}

// recordPollError writes the first failure and the moment when it was told, nothing in between: a repository that
// fails for a night costs two transactions.
func (src *Source) recordPollError(r *config.Repository, cause error) error {
	text := src.health.Redact(cause.Error())
	var known *store.RepositoryState
	err := src.store.View(func(tx *store.Tx) (err error) {
		known, err = tx.Repository(r.Name)
		return err
	})
	if err != nil {
		return err
	}
	lasts := known.Error != "" && !known.ErrorTold && src.now().Sub(known.ErrorAt) >= lastingError
	ahead := known.ErrorAt.After(src.now().Add(clock.Doubt)) // the clock was put back: it would never last
	if known.Error == text && !lasts && !ahead {
		return nil
	}
	return src.journal.Update(func(tx *journal.Tx) error {
		s, err := tx.Repository(r.Name)
		if err != nil {
			return err
		}
		if s.Error == "" || ahead {
			s.ErrorAt = src.now().UTC()
		}
		s.Error = text
		if s.URL == "" {
			s.URL, s.Branch = r.URL, r.Branch
		}
		if lasts {
			s.ErrorTold = true
			n := src.ledger.Note("repository/"+r.Name+"/"+s.ErrorAt.String(), fmt.Sprintf("Repository %s cannot be read since %s: %s",
				r.Name, s.ErrorAt.Format(time.RFC3339), text))
			if err := tx.Enqueue(n); err != nil {
				return err
			}
		}
		return tx.PutRepository(s)
	})
}
