// Package locks is what is recorded of state locks that somebody holds, or that a terraform which was killed has left behind: whose a
// lock is, when it is looked at again, who is told. It unlocks nothing.
package locks

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/announce"
	"sallyport/agent/config"
	"sallyport/agent/datadir"
	"sallyport/agent/health"
	"sallyport/agent/journal"
	"sallyport/agent/lifecycle"
	"sallyport/agent/lifecycle/lockowner"
	"sallyport/agent/runner"
	"sallyport/agent/terraform/diag"
	"sallyport/agent/workers"
	"sallyport/notify"
	"sallyport/store"
)

const (
	firstLook = time.Minute // a left lock is looked at again after this long, then after twice as long, ...

	// RunnerExit is what a runner gets to go away after it wrote its result; until then it is no news that something runs.
	RunnerExit = 3 * time.Second

	// maxUnseen bounds what is remembered of processes whose end nobody saw; older ones left their lock long ago or not at all.
	maxUnseen = 8
)

// Locks is what is recorded of state locks that somebody holds, or has left behind.
type Locks struct {
	messages *announce.Messages
	health   *health.Health
	journal  *journal.Journal
	active   *active.Active
	now      func() time.Time
	work     *workers.Pool
}

// Options are what locks are recorded with.
type Options struct {
	Messages *announce.Messages
	Health   *health.Health
	Journal  *journal.Journal
	Active   *active.Active
	Now      func() time.Time
	Work     *workers.Pool
}

// New makes what records locks.
func New(o Options) *Locks {
	return &Locks{messages: o.Messages, health: o.Health, journal: o.Journal, active: o.Active, now: o.Now, work: o.Work}
}

// BeginPlan notes in the transaction that starts a plan that one is under way. If the agent dies, that is how the next one
// knows that the lock which it meets is the dead plan's.
func (l *Locks) BeginPlan(tx *store.Tx, run *store.Run, s *config.Stack) error {
	st, err := tx.Stack(run.Stack)
	if err != nil {
		return err
	}
	// The plan of a run that was superseded a moment ago may still be on its way out; it sees to its own end.
	if p := st.Planning; p != nil && (p.Run == run.ID || l.work.Busy(p.Run) == "") {
		Unseen(st, *p, l.now())
	}
	st.Planning = nil
	if lifecycle.TakesLock(run, s) { // plans without the lock leave none
		st.Planning = &store.Unseen{Run: run.ID, Who: l.active.LockOwner(), From: l.now().UTC()}
	}
	return tx.PutStack(st)
}

// Unseen remembers a terraform that may have left the state lock behind.
func Unseen(st *store.StackState, u store.Unseen, until time.Time) {
	u.Until = until.UTC()
	st.Unseen = append(st.Unseen, u)
	if over := len(st.Unseen) - maxUnseen; over > 0 {
		st.Unseen = slices.Clone(st.Unseen[over:])
	}
}

// EndPlan notes that a plan's terraform has ended, and whether it was killed.
func (l *Locks) EndPlan(run *store.Run, cause error) error {
	var failed *diag.Error
	killed := errors.As(cause, &failed) && failed.Killed
	return l.journal.Write(func(tx *journal.Tx) error {
		st, err := tx.Stack(run.Stack)
		if err != nil || st.Planning == nil || st.Planning.Run != run.ID {
			return err
		}
		if killed {
			Unseen(st, *st.Planning, l.now())
		}
		st.Planning = nil
		return tx.PutStack(st)
	})
}

// NoteLock writes a lock that was met into its stack's state.
func (l *Locks) NoteLock(conf *active.Config, st *store.StackState, met *diag.LockInfo) *store.LeftLock {
	lock := l.whose(conf, st, met)
	now := l.now().UTC()
	lock.FoundAt = now
	if before := st.LeftLock; before != nil && before.ID == lock.ID && before.Created.Equal(lock.Created) {
		lock.FoundAt, lock.Looks, lock.Told = before.FoundAt, before.Looks+1, before.Told
	}
	lock.NotBefore = now.Add(min(firstLook<<min(lock.Looks, 8), lifecycle.LongestLook))
	st.LeftLock = lock
	return lock
}

// whose finds out whether a lock is of a process of ours. It is only if everything fits: the user and the machine, the
// operation, and the time. Otherwise nobody may be told to unlock it before they asked its owner.
func (l *Locks) whose(conf *active.Config, st *store.StackState, met *diag.LockInfo) *store.LeftLock {
	lock := &store.LeftLock{
		ID: l.health.Redact(met.ID), Path: l.health.Redact(met.Path), Operation: l.health.Redact(met.Operation), Who: l.health.Redact(met.Who),
		Created: met.Since().UTC().Truncate(time.Millisecond), Info: l.health.Redact(met.Info),
	}
	if met.Since().IsZero() {
		lock.Created = time.Time{}
	}
	var of store.Unseen
	lock.Holder, of = lockowner.Of(met, st, l.active.LockOwner())
	lock.Run, lock.Apply = of.Run, of.Apply
	lock.Dead, lock.Foreign = isDead(conf.Cfg.DataDir, of)
	return lock
}

// isDead reports whether it is proven that nothing of a process lives any more, or else on which other machine it ran. The
// terraform of a plan dies with its agent; that of an apply holds its run's lock, as does all that it started.
func isDead(dataDir string, u store.Unseen) (dead bool, foreign string) {
	_, here, _ := strings.Cut(diag.LockOwner(""), "@")
	if _, host, ok := strings.Cut(u.Who, "@"); !ok || host != here {
		return false, host
	}
	if !u.Apply {
		return true, ""
	}
	state, err := runner.Attach(datadir.Run(dataDir, u.Run))
	return err == nil && !state.StillHeld && (state.Phase == runner.Lost || state.Phase == runner.Finished), ""
}

// EnqueueLock tells people of a lock, loudly and once: in the thread of the apply that left it, or as news of its own.
func (l *Locks) EnqueueLock(tx *store.Tx, conf *active.Config, st *store.StackState, waiting *store.Run) error {
	lock := st.LeftLock
	if err := RecordLock(tx, lock); err != nil {
		return err
	}
	if lock.Told {
		return nil
	}
	lock.Told = true
	if err := tx.PutStack(st); err != nil {
		return err
	}
	text := fmt.Sprintf("%s waits: %s.\nNothing of it is planned until the lock is gone; #%d looks again by itself.\nNext: %s",
		st.Name, notify.LockText(lock), waiting.ID, notify.LockHint(lock, st.Name))
	if lock.ID != "" && lock.Holder != store.HolderOther {
		text += fmt.Sprintf(" (or tell me in the channel: unlock %s %s)", st.Name, lock.ID)
	}
	key := "lock/" + lock.ID
	of, err := tx.Run(lock.Run)
	if err == nil && of.Apply != nil {
		return l.messages.Say(tx, of, store.MessageLoud, key, text)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	m := l.messages.Note("stack/"+st.Name+"/"+key, text)
	m.Run, m.Mention = waiting.ID, true
	if conf.Cfg.Slack != nil {
		m.Channel = active.ChannelOf(conf.Cfg, conf.Stack(st.Name))
	}
	return tx.Enqueue(m)
}

// RecordLock keeps a lock with the apply that left it, for those who look at that run later.
func RecordLock(tx *store.Tx, lock *store.LeftLock) error {
	if !lock.Apply {
		return nil
	}
	_, err := tx.ChangeRun(lock.Run, func(r *store.Run) error {
		if r.Apply != nil {
			copied := *lock
			r.Apply.LeftLock = &copied
		}
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil // trimmed
	}
	return err
}

// LockGone forgets a lock that was opened by somebody, or is not there any more. by is empty then.
func (l *Locks) LockGone(tx *store.Tx, st *store.StackState, by string) error {
	lock := st.LeftLock
	if lock == nil {
		return nil
	}
	st.LeftLock = nil
	if err := tx.PutStack(st); err != nil {
		return err
	}
	gone := *lock
	gone.GoneAt, gone.GoneBy = l.now().UTC(), by
	if err := RecordLock(tx, &gone); err != nil || !lock.Told || !lock.Apply {
		return err
	}
	run, err := tx.Run(lock.Run)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	text := "The state lock " + lock.ID + " is gone; " + st.Name + " is planned again."
	if by != "" {
		text = fmt.Sprintf("%s unlocked the state of %s (%s); it is planned again.", by, st.Name, lock.ID)
	}
	return l.messages.Say(tx, run, store.MessageReply, "lock/"+lock.ID+"/gone", text)
}

// LookNow has a left lock looked at in the next pass: a person asked for it, or may have done something about it.
func LookNow(tx *store.Tx, stack string) error {
	st, err := tx.Stack(stack)
	if err != nil || st.LeftLock == nil {
		return err
	}
	st.LeftLock.Looks, st.LeftLock.NotBefore = 0, time.Time{}
	return tx.PutStack(st)
}
