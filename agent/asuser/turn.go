package asuser

import "os"

// A Work is what a user is wanted for.
type Work struct {
	Name  string // "plan of #12", for people
	Alone bool   // nothing else may be at work as the same user meanwhile, or begin
}

// A Turn is a user at work. All methods of a nil *Turn do nothing.
type Turn struct {
	User *User
	pool *Pool
	seat *seat
	work Work
}

// Lock is the lock of the user, for a process that goes on holding it when this one dies; nil for a shared user.
func (t *Turn) Lock() *os.File {
	if t == nil {
		return nil
	}
	return t.seat.lock
}

// Who is the user; nil for a nil turn.
func (t *Turn) Who() *User {
	if t == nil {
		return nil
	}
	return t.User
}

// Close ends the turn: everything of the user's is ended, what it left is removed, and it can be given to another work. What
// cannot be cleaned up is told by [Pool.Stuck].
func (t *Turn) Close() {
	if t == nil {
		return
	}
	var err error
	if t.User.Exclusive {
		err = t.User.vacate()
	}
	t.pool.give(t.seat, t.work, err)
}

// Leave leaves the user to a runner that holds a copy of the lock, until [Pool.Return].
func (t *Turn) Leave() error {
	if t == nil || t.seat.lock == nil {
		return nil
	}
	t.pool.mu.Lock()
	defer t.pool.mu.Unlock()
	err := t.seat.lock.Close()
	t.seat.lock = nil
	return err
}
