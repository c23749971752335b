package buttons

import (
	"strings"
	"sync"
	"time"

	"sallyport/agent/active"
)

const (
	// awhile is how long it is remembered who is no approver, and how much was done for whom.
	awhile = 10 * time.Second
	// mostBeside is how many windows and pages are opened, and refusals told, for one person in that time.
	mostBeside = 15
)

// crowd bounds what one person's presses cost all others, who share what Slack lets us ask, open and tell: right before an apply the agent
// asks who has approved it, and whoever holds a button down must not hold that up. Votes are not bounded.
type crowd struct {
	mu        sync.Mutex
	since     time.Time
	conf      *active.Config    // in which people were no approvers
	strangers map[string]string // why not, by person and stack
	beside    map[string]int    // what was done, by person
}

// fresh forgets what was longer ago, or was so in another configuration.
func (c *crowd) fresh(conf *active.Config, now time.Time) {
	if c.strangers == nil || c.conf != conf || now.Sub(c.since).Abs() >= awhile {
		c.since, c.conf, c.strangers, c.beside = now, conf, map[string]string{}, map[string]int{}
	}
}

// refused says why somebody was no approver of the run's stack a moment ago; empty if nobody has asked.
func (c *crowd) refused(p *press, now time.Time) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fresh(p.conf, now)
	return c.strangers[p.user+" "+p.run.Stack]
}

// remember notes why somebody is no approver. Whatever else somebody may not do something for is asked anew each time.
func (c *crowd) remember(p *press, why string, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fresh(p.conf, now)
	if strings.HasPrefix(why, active.NoApprover) {
		c.strangers[p.user+" "+p.run.Stack] = why
	}
}

// tooMuch counts something that is done for somebody and decides nothing. It reports whether that is left out by now.
func (c *crowd) tooMuch(p *press, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fresh(p.conf, now)
	c.beside[p.user]++
	return c.beside[p.user] > mostBeside
}
