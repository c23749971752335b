package sim

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"math/rand/v2"

	"sallyport/notify/slack/slacktest"
	"sallyport/store"
)

// rest is the longest that it may take to come to rest when all is well.
const rest = 24 * time.Hour

// ending is what became of a story.
type ending struct {
	broken  []string
	diary   string
	lasted  time.Duration // by the clock in it
	applies int
	lives   int
	runs    int
}

// tell plays the story of a seed, on a clock of its own.
func tell(t *testing.T, seed uint64, s *saboteur) (end ending) {
	t.Helper()
	dir := roomFor(t)
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC))) // a bubble begins in the year 2000
		w := &world{
			seed: seed, dir: dir, began: time.Now(), over: make(chan struct{}), slack: newSlack(), git: newOrigin(), mirror: &fetched{has: map[string]bool{}},
			clouds: map[string]*cloud{}, promise: newPromises(), dices: map[string]*rand.Rand{}, sabot: s,
		}
		for _, name := range stacks {
			w.clouds[name] = &cloud{stack: name, lineage: "lineage-" + name, state: map[string]string{}, objects: map[string]string{}}
		}
		if err := os.WriteFile(filepath.Join(dir, "terraform"), nil, 0o700); err != nil {
			t.Fatal(err)
		}
		w.commit("", map[string]string{"network/main.tf": module("a=1 b=1"), "app/main.tf": module("c=1"), "edge/main.tf": module("d=1 e=1")})
		w.play()
		close(w.over)
		w.slack.Close()
		synctest.Wait()
		end = ending{
			broken: w.broken, diary: w.story(), lasted: time.Since(w.began), applies: w.promise.applied, lives: w.lives, runs: len(w.promise.known),
		}
	})
	return end
}

// roomFor is a directory in memory if the machine has one: a commit is to cost no disk's time.
func roomFor(t *testing.T) string {
	t.Helper()
	if dir, err := os.MkdirTemp("/dev/shm", "sallyport-sim-"); err == nil {
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		return dir
	}
	return t.TempDir()
}

var stacks = []string{"network", "app", "edge"}

func module(want string) string { return "# want: " + want + "\nlocals {\n  x = 1\n}\n" }

// play tells the story, and stops at the first promise that is broken.
func (w *world) play() {
	w.start()
	for time.Since(w.began) < *trouble && !w.isBroken() {
		w.pass(w.between("pace", 2*time.Second, time.Minute))
		w.event()
	}
	w.settle()
	w.halt()
}

// pass lets time go by; whatever happens meanwhile is held against the promises.
func (w *world) pass(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end) && !w.isBroken(); {
		time.Sleep(min(time.Minute, time.Until(end)))
		synctest.Wait()
		w.revive()
		w.promise.look(w)
	}
}

// revive starts an agent where there is none, as systemd does.
func (w *world) revive() {
	w.mu.Lock()
	l := w.life
	w.mu.Unlock()
	select {
	case <-l.ended:
	default:
		return
	}
	if l.err != nil && !l.dead.Load() && !errors.Is(l.err, store.ErrFull) {
		w.breaks("life %d ended by itself: %v", l.n, l.err)
	}
	w.promise.restarted()
	w.start()
	synctest.Wait()
}

// halt stops the agent for good.
func (w *world) halt() {
	w.mu.Lock()
	l := w.life
	w.mu.Unlock()
	l.stop()
	<-l.ended
}

// event is one thing that happens.
func (w *world) event() {
	switch roll := w.roll("event"); {
	case roll < 0.12:
		w.change()
	case roll < 0.22:
		w.drift()
	case roll < 0.50:
		w.decide()
	case roll < 0.58:
		w.order()
	case roll < 0.81:
		w.turn()
	case roll < 0.84:
		w.jump()
	case roll < 0.90:
		w.strike()
	case roll < 0.93:
		w.tidy(jane)
	}
}

// commit pushes files onto the branch.
func (w *world) commit(parent string, files map[string]string) {
	all := map[string]string{"README.md": "x\n"}
	if parent != "" {
		maps.Copy(all, w.git.at(parent).files)
	}
	maps.Copy(all, files)
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	hash := w.git.push(parent, w.pick("git", "Dev", "Ann"), "change "+strings.Join(names, ", "), all)
	w.promise.pushed(all)
	w.note("commit %s: %s", hash[:8], names)
}

// change pushes something: a change, a revert, nonsense, or the branch to where it was.
func (w *world) change() {
	tip := w.git.tip()
	switch roll := w.roll("git"); {
	case roll < 0.05 && len(tip.Parents) > 0:
		w.git.reset(tip.Parents[0])
		w.promise.rewritten()
		w.note("the branch is put back to %s", tip.Parents[0][:8])
	case roll < 0.15 && len(tip.Parents) > 0:
		w.commit(tip.Hash, w.git.at(tip.Parents[0]).files) // a revert
	case roll < 0.22:
		w.commit(tip.Hash, map[string]string{w.pick("git", stacks...) + "/main.tf": "# nothing is wanted here\nlocals {\n  x = 1\n}\n"})
	case roll < 0.27:
		w.commit(tip.Hash, map[string]string{w.pick("git", stacks...) + "/main.tf": "locals {\n"})
	case roll < 0.35:
		w.commit(tip.Hash, map[string]string{"README.md": fmt.Sprint(time.Now())})
	default:
		files := map[string]string{}
		for _, s := range stacks {
			if w.chance("git", 0.45) {
				files[s+"/main.tf"] = module(w.wish())
			}
		}
		if len(files) > 0 {
			w.commit(tip.Hash, files)
		}
	}
}

// wish is what somebody wants of a stack.
func (w *world) wish() string {
	var out []string
	for _, name := range []string{"a", "b", "c", "d"} {
		if w.chance("git", 0.6) {
			out = append(out, fmt.Sprintf("%s=%d", name, 1+int(w.roll("git")*3)))
		}
	}
	return strings.Join(out, " ")
}

// turn changes the weather.
func (w *world) turn() {
	slack := w.pick("sky", "", "slow", "flaky", "flaky", "down", "limited")
	git := w.pick("sky", "", "down", "hang", "slow", "flaky", "stale")
	terraform := w.pick("sky", "", "", "down", "hang")
	what := w.pick("sky", "slack", "git", "terraform", "disk", "", "", "")
	w.setWeather(func(s *weather) {
		s.full = false
		switch what {
		case "slack":
			s.slack = slack
		case "git":
			s.git = git
		case "terraform":
			s.terraform = terraform
		case "disk":
			s.full = true
		default:
			*s = weather{}
		}
	})
	w.promise.slackIs(w.weather().slack)
	w.promise.gitIs(w.weather().git)
}

// drift changes an object behind terraform's back.
func (w *world) drift() {
	c := w.clouds[w.pick("drift", stacks...)]
	c.mu.Lock()
	names := slices.Sorted(maps.Keys(c.objects))
	c.mu.Unlock()
	if len(names) == 0 {
		return
	}
	name, gone := w.pick("drift", names...), w.chance("drift", 0.5)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.objects[name] = "by hand"; gone {
		delete(c.objects, name)
	}
	w.note("drift of %s %s", c.stack, name)
}

// jump sets the wall clock.
func (w *world) jump() {
	skews := []time.Duration{0, 0, time.Hour, -time.Hour, 26 * time.Hour, -26 * time.Hour, 400 * 24 * time.Hour, 7 * time.Minute}
	skew := skews[int(w.roll("clock")*float64(len(skews)))]
	w.mu.Lock()
	w.skew = skew
	w.mu.Unlock()
	w.note("the wall clock is %s ahead", skew)
}

// strike ends the agent: at once, at one of its next commits, or as an upgrade does.
func (w *world) strike() {
	w.mu.Lock()
	l := w.life
	w.mu.Unlock()
	switch roll := w.roll("strike"); {
	case roll < 0.3:
		l.kill("at rest")
	case roll < 0.9:
		n, after := 1+int(w.roll("strike")*12), w.chance("strike", 0.5)
		l.mu.Lock()
		l.doom = doom{n, after}
		l.mu.Unlock()
	default:
		w.note("life %d is stopped", l.n)
		l.stopping.Store(true)
		l.stop()
	}
}

// settle: everything is well, and people do what the agent asks for, until nothing is left to do.
func (w *world) settle() {
	w.note("from here on all is well")
	w.setWeather(func(s *weather) { *s = weather{} })
	w.mu.Lock()
	w.skew, w.calmed = 0, true
	w.life.mu.Lock()
	w.life.doom = doom{}
	w.life.mu.Unlock()
	w.mu.Unlock()
	w.promise.slackIs("")
	w.promise.gitIs("")
	w.commit(w.git.tip().Hash, map[string]string{"network/main.tf": module("a=9"), "app/main.tf": module("b=9"), "edge/main.tf": module("c=9")})
	quiet := 0
	for end := time.Now().Add(rest); !w.isBroken(); {
		if time.Now().After(end) {
			w.breaks("it does not come to rest: %s", w.waiting())
			return
		}
		for _, text := range append([]string{"resume"}, "resume network", "resume app", "resume edge") {
			if w.paused(strings.TrimSpace(strings.TrimPrefix(text, "resume"))) {
				w.command(jane, text)
			}
		}
		w.tidy(joe)
		for _, user := range []string{jane, joe} {
			for _, m := range w.slack.Messages(ops) {
				if _, _, destroys, ok := asks(m); ok && !w.hasVoted(user, m) {
					w.says(user, m, map[bool]string{true: "approve destroy", false: "approve"}[destroys])
				}
			}
		}
		w.pass(6 * time.Minute)
		if quiet++; w.waiting() != "" {
			quiet = 0
		}
		if quiet >= 2 {
			w.promise.told(w)
			return
		}
	}
}

// hasVoted reports whether somebody approved what a message shows.
func (w *world) hasVoted(user string, m slacktest.Message) bool {
	run, _, digest, _, _ := m.Run()
	w.promise.mu.Lock()
	defer w.promise.mu.Unlock()
	return slices.ContainsFunc(w.promise.votes, func(v *vote) bool {
		return v.user == user && v.run == run && v.digest == digest && v.gone.IsZero() && strings.HasPrefix(v.words, "approve") && time.Since(v.at) < time.Hour
	})
}

// paused reports whether a stack, or the whole agent, is paused.
func (w *world) paused(stack string) (yes bool) {
	w.view(func(tx *store.Tx) error {
		if stack == "" {
			a, err := tx.Agent()
			yes = err == nil && a.Paused != nil
			return err
		}
		st, err := tx.Stack(stack)
		yes = err == nil && st.Paused != nil
		return err
	})
	return yes
}

// waiting is what is still to do; empty if nothing.
func (w *world) waiting() string {
	var left []string
	alive := w.view(func(tx *store.Tx) error {
		runs, err := tx.OpenRuns()
		if err != nil {
			return err
		}
		for _, r := range runs {
			left = append(left, fmt.Sprintf("#%d %s is %s (%s)", r.ID, r.Stack, r.Status, r.Held))
		}
		outbox, err := tx.Outbox()
		for _, m := range outbox {
			left = append(left, fmt.Sprintf("message %s of #%d: %s", m.Key, m.Run, m.Error))
		}
		return err
	})
	if !alive {
		return "no agent lives"
	}
	return strings.Join(left, "; ")
}
