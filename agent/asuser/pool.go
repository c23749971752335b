package asuser

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"sallyport/agent/proc"
)

const (
	lockLook = 200 * time.Millisecond // how often a seat that another process holds is looked at
	mendRest = time.Minute            // between two tries to get a user back that could not be cleaned up
)

// A Pool are the users of terraform.user with what each of them is at work for.
//
// A numbered user is given to one phase of a run (its plan, its apply) at a time. Before and after it every process of the user's
// is ended, and what it left where everybody may write is removed. A user of whom something is left is given to nobody.
//
// The user of an apply is its run's until it is known that nothing of the run lives ([Turn.Leave], [Pool.Hold], [Pool.Return]):
// a runner outlives the agent, and commands that an apply left may outlive the runner.
type Pool struct {
	name   string
	dir    string // see PoolOptions
	common string // likewise
	seats  []*seat

	mu      sync.Mutex
	alone   bool // what is at work as a shared user wants to be alone
	turns   int
	changed chan struct{}
}

type seat struct {
	user  *User
	works []string // what it is at work for; more than one only for a shared user
	lock  *os.File
	stuck error
	again time.Time // when it is tried again to clean it up
	given int       // by which turn of the pool's it was last given
}

// PoolOptions say whose pool it is.
type PoolOptions struct {
	Name  string  // what terraform.user says
	Users []*User // that [Find] found for it
	// Common has the locks that tell other processes, other agents' too, which users are at work; see [CommonLocks]. Dir is a
	// directory of the agent's, which is made, for the locks of users that have none there.
	Common, Dir string
}

func (o PoolOptions) validate() error {
	if o.Dir == "" || len(o.Users) == 0 {
		return errors.New("a pool of users needs users, and a directory for their locks")
	}
	return nil
}

// NewPool makes a pool of users.
func NewPool(o PoolOptions) (*Pool, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the directory of terraform.user's locks: %w", err)
	}
	p := &Pool{name: o.Name, dir: o.Dir, common: o.Common, changed: make(chan struct{})}
	for _, u := range o.Users {
		p.seats = append(p.seats, &seat{user: u})
	}
	return p, nil
}

// Name is what terraform.user says; empty without one.
func (p *Pool) Name() string {
	if p == nil {
		return ""
	}
	return p.name
}

// Shared reports whether all runs share one user.
func (p *Pool) Shared() bool { return p != nil && !p.seats[0].user.Exclusive }

// Size is how many runs can be at work; 0: as many as anybody likes.
func (p *Pool) Size() int {
	if p == nil || p.Shared() {
		return 0
	}
	return len(p.seats)
}

// Anyone is one of the users, for what concerns all of them: see [User.Public].
func (p *Pool) Anyone() *User {
	if p == nil {
		return nil
	}
	return p.seats[0].user
}

// User is the pool's user with a number; nil if it has none.
func (p *Pool) User(uid int) *User {
	if p == nil {
		return nil
	}
	for _, s := range p.seats {
		if s.user.UID == uid {
			return s.user
		}
	}
	return nil
}

// Owners are the numbers of all users.
func (p *Pool) Owners() []int {
	if p == nil {
		return nil
	}
	var out []int
	for _, s := range p.seats {
		out = append(out, s.user.UID)
	}
	return out
}

// Room reports whether a user could be given to a work now.
func (p *Pool) Room(alone bool) bool {
	if p == nil {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.seats, func(s *seat) bool { return p.free(s, alone) })
}

func (p *Pool) free(s *seat, alone bool) bool {
	if s.user.Exclusive {
		return len(s.works) == 0 && (s.stuck == nil || time.Now().After(s.again))
	}
	return !p.alone && (!alone || len(s.works) == 0)
}

// Take waits for a user and makes sure that nothing of an earlier work is left of it. A nil pool gives a nil turn: there is no
// second user.
func (p *Pool) Take(ctx context.Context, w Work) (*Turn, error) {
	if p == nil {
		return nil, nil
	}
	for {
		p.mu.Lock()
		changed := p.changed
		s := p.next(w)
		p.mu.Unlock()
		if s != nil {
			if p.ready(s) {
				return &Turn{User: s.user, pool: p, seat: s, work: w}, nil
			}
			continue
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-changed:
		case <-time.After(lockLook):
		}
	}
}

// next gives a seat to a work; nil: none is free. Each has its turn, and one that could not be cleaned up the last.
func (p *Pool) next(w Work) *seat {
	var best *seat
	for _, s := range p.seats {
		if p.free(s, w.Alone) && (best == nil || (s.stuck == nil) == (best.stuck == nil) && s.given < best.given || s.stuck == nil && best.stuck != nil) {
			best = s
		}
	}
	if best != nil {
		p.turns++
		best.works, best.given = append(best.works, w.Name), p.turns
		p.alone = p.alone || w.Alone && !best.user.Exclusive
	}
	return best
}

// ready locks a user and cleans up after what had it before. If that is impossible the seat is given to nobody for a while.
func (p *Pool) ready(s *seat) bool {
	if !s.user.Exclusive {
		return true
	}
	lock, err := p.lock(s.user)
	if err == nil {
		err = s.user.vacate()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil {
		s.lock, s.stuck = lock, nil
		return true
	}
	if lock != nil {
		err = errors.Join(err, lock.Close())
	}
	s.works = nil
	s.keepBack(err)
	return false
}

// keepBack keeps a user back that could not be cleaned up; nil: it can be given to a run.
func (s *seat) keepBack(err error) {
	rest := mendRest
	if errors.Is(err, errElsewhere) {
		rest = lockLook
	}
	s.stuck, s.again = err, time.Now().Add(rest)
}

// vacate ends what a user runs and removes what it left.
func (u *User) vacate() error {
	if err := u.End(); err != nil {
		return err
	}
	if err := u.bury(); err != nil {
		return err
	}
	return u.Sweep()
}

func (p *Pool) give(s *seat, w Work, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(s.works, w.Name); i >= 0 {
		s.works = slices.Delete(s.works, i, i+1)
	}
	if w.Alone {
		p.alone = false
	}
	if s.lock != nil {
		err = errors.Join(err, s.lock.Close())
		s.lock = nil
	}
	s.keepBack(err)
	close(p.changed)
	p.changed = make(chan struct{})
}

// Hold marks a user as at work for a run that an agent before this one started. Nothing of it is ended. A user that the pool does
// not have is nobody's concern.
func (p *Pool) Hold(uid int, work string) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.seats {
		if s.user.UID == uid && !slices.Contains(s.works, work) {
			s.works = append(s.works, work)
		}
	}
}

// Return takes a user back from a run of which nothing lives any more.
func (p *Pool) Return(uid int, work string) {
	if p == nil {
		return
	}
	p.mu.Lock()
	var s *seat
	if i := slices.IndexFunc(p.seats, func(s *seat) bool { return s.user.UID == uid && slices.Contains(s.works, work) }); i >= 0 {
		s = p.seats[i]
	}
	p.mu.Unlock()
	if s == nil {
		return
	}
	(&Turn{User: s.user, pool: p, seat: s, work: Work{Name: work}}).Close()
}

// Clear cleans up after users that nobody is at work as: an agent that was killed leaves what its plans had started.
func (p *Pool) Clear() {
	if p == nil || p.Shared() {
		return
	}
	p.mu.Lock()
	var idle []*seat
	for _, s := range p.seats {
		if len(s.works) == 0 && (s.stuck == nil || time.Now().After(s.again)) {
			s.works = []string{"cleaning up"}
			idle = append(idle, s)
		}
	}
	p.mu.Unlock()
	for _, s := range idle {
		if p.ready(s) {
			p.give(s, Work{Name: "cleaning up"}, nil)
		}
	}
}

// Borrow gives a user that nobody is at work as to another process than the agent, which alone knows whose a living process is:
// nothing is ended before. The turn ends as any other.
func (p *Pool) Borrow(work string) (*Turn, error) {
	if p == nil {
		return nil, nil
	}
	var faults []error
	for _, s := range p.seats {
		if !s.user.Exclusive {
			s.works = append(s.works, work)
			return &Turn{User: s.user, pool: p, seat: s, work: Work{Name: work}}, nil
		}
		lock, err := p.lock(s.user)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		living, err := proc.Of(s.user.UID)
		if err == nil && len(living) == 0 {
			s.lock, s.works = lock, []string{work}
			return &Turn{User: s.user, pool: p, seat: s, work: Work{Name: work}}, nil
		}
		faults = append(faults, fmt.Errorf("processes of %s live", s.user.Name), err, lock.Close())
	}
	return nil, errors.Join(faults...)
}

// Of reports whether the pool has exactly these users.
func (p *Pool) Of(users []*User) bool {
	return p != nil && slices.EqualFunc(p.seats, users, func(s *seat, u *User) bool { return s.user.UID == u.UID && s.user.Exclusive == u.Exclusive })
}

// Works reports whether a user is at work for something.
func (p *Pool) Works(uid int, work string) bool {
	if p == nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.seats, func(s *seat) bool { return s.user.UID == uid && slices.Contains(s.works, work) })
}

// Busy reports whether a user is at work.
func (p *Pool) Busy(uid int) bool {
	if p == nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.seats, func(s *seat) bool { return s.user.UID == uid && len(s.works) > 0 })
}

// Stuck says which users are given to nobody, and why; also one that another process is at work as.
func (p *Pool) Stuck() []error {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []error
	for _, s := range p.seats {
		if s.stuck != nil {
			out = append(out, fmt.Errorf("%s is given to no run: %w", s.user.Name, s.stuck))
		}
	}
	return out
}
