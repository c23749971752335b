package clock

import (
	"time"

	"sallyport/store"
)

// Clock is both clocks of this machine, or those that a test sets.
type Clock struct {
	now    func() time.Time
	uptime func() store.Uptime
}

// Options are what a clock reads.
type Options struct {
	Now    func() time.Time
	Uptime func() store.Uptime // an empty one says that there is none
}

// New makes a clock.
func New(o Options) *Clock { return &Clock{now: o.Now, uptime: o.Uptime} }

// Reading is what both clocks show now.
func (c *Clock) Reading() Reading { return Reading{Wall: c.now(), Up: c.uptime()} }
