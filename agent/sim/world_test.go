package sim

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"sallyport/notify/slack/slacktest"
	"sallyport/store"
)

// world is everything outside of the agent, and what lasts when the agent dies.
type world struct {
	seed  uint64
	dir   string
	began time.Time
	over  chan struct{} // closed at the end: lets go of what would go on without an agent

	slack   *slacktest.Server
	git     *origin
	mirror  *fetched
	clouds  map[string]*cloud
	sabot   *saboteur
	promise *promises

	mu     sync.Mutex
	dices  map[string]*rand.Rand
	sky    weather
	skew   time.Duration // how far the wall clock lies
	diary  []string
	life   *life // the agent's process, if one is there
	lives  int
	broken []string // promises
	calmed bool     // nothing fails any more
}

// weather is how well the outside is.
type weather struct {
	slack, git, terraform string // "": well
	full                  bool   // the disk
}

func (w *world) weather() weather {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sky
}

func (w *world) setWeather(change func(*weather)) {
	w.mu.Lock()
	change(&w.sky)
	now := w.sky
	w.mu.Unlock()
	w.note("weather: %+v", now)
}

func (p *promises) gitIs(sky string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case sky != "":
		p.gitAt = time.Time{}
	case p.gitAt.IsZero():
		p.gitAt = time.Now()
	}
}

func (p *promises) pushed(files map[string]string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heads = append(p.heads, head{time.Now(), files})
}

func (p *promises) rewritten() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.jumped = true
}

func (p *promises) slackIs(sky string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case sky != "":
		p.slackAt = time.Time{}
	case p.slackAt.IsZero():
		p.slackAt = time.Now()
	}
}

// dice is a stream of chance of its own for each subject, so that what comes of one does not depend on how often another was
// asked: goroutines of one moment run in any order.
func (w *world) dice(subject string) *rand.Rand {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := w.dices[subject]
	if d == nil {
		h := fnv.New64a()
		_, _ = h.Write([]byte(subject)) // never fails
		d = rand.New(rand.NewPCG(w.seed, h.Sum64()))
		w.dices[subject] = d
	}
	return d
}

// roll is a number in [0,1).
func (w *world) roll(subject string) float64 {
	d := w.dice(subject)
	w.mu.Lock()
	defer w.mu.Unlock()
	return d.Float64()
}

func (w *world) chance(subject string, p float64) bool { return w.roll(subject) < p }

// fault is chance for what goes wrong.
func (w *world) fault(subject string, p float64) bool { return w.chance(subject, p) && !w.calm() }

func (w *world) calm() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calmed
}

func (w *world) between(subject string, least, most time.Duration) time.Duration {
	return least + time.Duration(w.roll(subject)*float64(most-least))
}

func (w *world) pick(subject string, list ...string) string {
	return list[int(w.roll(subject)*float64(len(list)))]
}

// now is the wall clock, as this machine shows it.
func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.skew).Round(0)
}

// uptime is the clock that nobody can set.
func (w *world) uptime() store.Uptime { return store.Uptime{Boot: "sim", Since: time.Since(w.began)} }

// note writes the diary, which is shown when a promise was broken.
func (w *world) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.diary = append(w.diary, fmt.Sprintf("%s  %s", time.Since(w.began).Round(time.Second/10), fmt.Sprintf(format, args...)))
}

// breaks notes that a promise was broken.
func (w *world) breaks(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	w.note("BROKEN: %s", text)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken = append(w.broken, text)
}

func (w *world) isBroken() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.broken) > 0
}

func (w *world) story() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.diary, "\n")
}
