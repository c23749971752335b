package slackbot

import (
	"context"
	"time"
)

const (
	// slower is how many times slower Slack is polled while the socket tells what is said, up to a minute.
	slower = 4
	// Slack takes about fifty questions a minute of each kind: so many looks can be woken at once, and then one in each breath.
	woken  = 5
	breath = 2 * time.Second
)

// slowed is the rest between two looks while the socket tells what is said.
func slowed(rest time.Duration) time.Duration { return min(slower*rest, max(rest, time.Minute)) }

// pause is how long to rest until the next look at Slack, and what ends that earlier.
type pause struct {
	atLeast, wait time.Duration
	changed       <-chan struct{} // ends it after atLeast: the agent waits for something else
	heard         <-chan struct{} // ends it at once: somebody said something
}

// rest waits until Slack is looked at again.
func (e *slackReader) rest(ctx context.Context, p pause) {
	began := time.Now()
	over := time.NewTimer(max(0, p.wait))
	defer over.Stop()
	spare := time.NewTimer(e.spare(began))
	defer spare.Stop()
	slow := time.NewTimer(max(0, p.atLeast))
	defer slow.Stop()
	var changed, heard <-chan struct{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-over.C:
			return
		case <-slow.C:
			changed = p.changed // never faster than slack.poll, whatever happens here
		case <-spare.C:
			heard = p.heard
		case <-changed:
			return
		case <-heard:
			e.owed = later(e.owed, began).Add(breath)
			return
		}
	}
}

// spare is how long it has to be until somebody who says something is heard at once: a channel full of talk must not use up what Slack
// lets us ask.
func (e *slackReader) spare(now time.Time) time.Duration {
	return max(0, later(e.owed, now).Sub(now)-(woken-1)*breath)
}

// heard takes over where something was said since the last look.
func (e *slackReader) heard() {
	e.said = e.bot.live.Said()
	for key := range e.again {
		e.said[key] = true
	}
}

// looks is how often a thread is looked for in which somebody answered before it was recorded that it is ours: whoever has the card
// before them can be faster than our record of having posted it. Each time after twice as long, about a minute in all.
const looks = 6

// lookAgain remembers those, and shortens the rest for them.
func (e *slackReader) lookAgain(next time.Duration) time.Duration {
	again := map[string]int{}
	for key, young := range e.said {
		if n := e.again[key] + 1; young && !e.known[key] && n <= looks {
			again[key], next = n, min(next, time.Second<<(n-1))
		}
	}
	e.again = again
	return next
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
