package e2e

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/agent/datadir"
	"sallyport/agent/need"
	"sallyport/store"
)

// atOnce is how many lives are lived at a time: most of each is waiting.
const atOnce = 5

// death is a life in which processes are killed.
type death struct {
	life  life
	kills []kill
}

func (d death) String() string { return fmt.Sprintf("%v in %q", d.kills, d.life.name) }

// TestKilledAtEveryPoint kills the program at each point that it has, and looks from outside whether anything was lost or
// done twice. Which points there are is found by living each life once without a death, so that none can be forgotten.
func TestKilledAtEveryPoint(t *testing.T) {
	t.Parallel()
	need.Long(t, "it starts hundreds of agents")
	if _, err := faulty(); err != nil { // before the lives are compared by how long they last
		t.Fatal(err)
	}
	passed := passedPoints(t)
	if t.Failed() {
		return // the lives are wrong even without a death
	}
	var mu sync.Mutex
	var again []death // kills that did not come, since the one before it had changed the story
	survived, missed := 0, 0
	die := func(t *testing.T, d death) {
		v := d.life.live(t, d.kills)
		v.tell()
		v.check()
		mu.Lock()
		defer mu.Unlock()
		for i, k := range d.kills {
			switch {
			case v.came(i):
				survived++
			case i > 0:
				again = append(again, death{d.life, []kill{{k.point, k.alone, k.alone}}})
			case k.n == 1:
				t.Errorf("nothing passed %s this time", d)
			default:
				missed++ // how often it is passed depends on the moment
			}
		}
	}
	each(t, plannedDeaths(passed), die)
	each(t, again, die)
	t.Logf("%d points, %d kills survived, %d moments that did not come again", len(passed), survived, missed)
}

// each runs a subtest for each item, some at a time, whatever -parallel says: they hardly compute.
func each[T fmt.Stringer](t *testing.T, items []T, f func(*testing.T, T)) {
	todo := make(chan T)
	var group sync.WaitGroup
	for range atOnce {
		group.Go(func() {
			for item := range todo {
				t.Run(item.String(), func(t *testing.T) { f(t, item) })
			}
		})
	}
	for _, item := range items {
		todo <- item
	}
	close(todo)
	group.Wait()
}

func (l life) String() string { return l.name }

// passes is how often the shortest life that passes a point does so.
type passes struct {
	life  life
	n     int
	first int // how many points are passed before it
	lasts time.Duration
}

// passedPoints lives every life once without a death and writes down what is passed.
func passedPoints(t *testing.T) map[string]passes {
	t.Helper()
	var mu sync.Mutex
	best := map[string]passes{}
	each(t, lives(t), func(t *testing.T, l life) {
		begin := time.Now()
		trace := t.TempDir() + "/trace"
		v := l.live(t, nil, "SALLYPORT_FAULT_TRACE="+trace)
		v.tell()
		v.check()
		lasts := time.Since(begin)
		counts, first := map[string]int{}, map[string]int{}
		for i, point := range strings.Split(strings.TrimSpace(read(t, trace)), "\n") {
			if counts[point]++; counts[point] == 1 {
				first[point] = i
			}
		}
		mu.Lock()
		defer mu.Unlock()
		for point, n := range counts {
			b, known := best[point]
			if !known || b.life.rare && !l.rare || b.life.rare == l.rare && lasts < b.lasts {
				best[point] = passes{l, n, first[point], lasts}
			}
		}
	})
	return best
}

// commitsOfALife is how many commits are died at in one life, on both sides of each.
const commitsOfALife = 2

// plannedDeaths has a kill at each point, the first time that it is passed, and the last time if there are several. Both
// sides of a commit are died at in one life, one after the other, and so are the first times of commits that follow each other.
func plannedDeaths(passed map[string]passes) []death {
	var out []death
	var commits []death // sorted below
	for _, point := range slices.Sorted(maps.Keys(passed)) {
		p := passed[point]
		sides := func(name string) bool {
			before, knownBefore := passed[name+":before"]
			after, knownAfter := passed[name+":after"]
			return knownBefore && knownAfter && before.life.name == after.life.name
		}
		first, last := []kill{{point, 1, 1}}, []kill{{point, p.n, p.n}}
		if commit, is := strings.CutSuffix(point, ":after"); is && sides(commit) {
			continue // it comes with the other side
		}
		if commit, is := strings.CutSuffix(point, ":before"); is && sides(commit) {
			after := commit + ":after" // the next agent tries again what the last one died before
			first, last = append(first, kill{after, 1, 1}), append(last, kill{after, 1, passed[after].n})
			commits = append(commits, death{p.life, first})
		} else {
			out = append(out, death{p.life, first})
		}
		if p.n > 1 && !strings.HasPrefix(point, "apply-run") { // each runner passes a point once
			out = append(out, death{p.life, last})
		}
	}
	slices.SortStableFunc(commits, func(a, b death) int {
		return cmp.Or(cmp.Compare(a.life.name, b.life.name), cmp.Compare(passed[a.kills[0].point].first, passed[b.kills[0].point].first))
	})
	for i, d := range commits {
		if n := len(out); i > 0 && commits[i-1].life.name == d.life.name && len(out[n-1].kills) < 2*commitsOfALife {
			out[n-1].kills = append(out[n-1].kills, d.kills...)
		} else {
			out = append(out, d)
		}
	}
	return out
}

// check looks from outside whether all is well at the end of a life.
func (v *living) check() {
	v.t.Helper()
	v.checkApplies()
	v.checkEnds()
	if v.slack != nil {
		v.checkSlack()
	}
	if err := store.Check(datadir.Store(v.house.Data())); err != nil {
		v.t.Error(err)
	}
	if _, err := os.Stat(v.house.Path("s.sock")); err == nil {
		v.t.Error("the socket was left behind")
	}
}

// checkApplies holds what really ran against what was approved and what is told about it.
func (v *living) checkApplies() {
	v.t.Helper()
	started, code := map[string]int{}, map[string]int{}
	for _, d := range v.oracle.deeds() {
		switch {
		case d.Verb != "apply":
		case d.Mark == "START":
			started[d.Plan]++
			code[d.Plan] = -1 // no end
		case d.Signal == "":
			code[d.Plan] = d.Code
		}
	}
	for _, r := range v.runs {
		if r.Plan == nil {
			continue
		}
		n := started[r.Plan.Digest]
		switch {
		case n > 1:
			v.t.Errorf("the plan of #%d was applied %d times", r.ID, n)
		case n > 0 && !v.approved[r.ID]:
			v.t.Errorf("#%d was applied and nobody approved it", r.ID)
		case r.Status == store.Applied && (n != 1 || code[r.Plan.Digest] != 0):
			v.t.Errorf("#%d counts as applied; %d applies were started, exit code %d", r.ID, n, code[r.Plan.Digest])
		case n == 0 && v.approved[r.ID] && r.Status != store.Interrupted && len(r.Plan.Changes) > 0:
			v.t.Errorf("#%d was approved, ended %s, and was never applied", r.ID, r.Status)
		}
		delete(started, r.Plan.Digest)
	}
	for plan, n := range started {
		v.t.Errorf("a plan that no run has was applied %d times: %s", n, plan)
	}
}

// checkEnds compares how the runs ended with how they should have. Only where the runner was killed may one be
// interrupted, and then a recovery run has come after it.
func (v *living) checkEnds() {
	v.t.Helper()
	var ends []store.Status
	runner := v.deaths == 0 && v.came(0)
	lost := 0
	for i := len(v.runs) - 1; i >= 0; i-- {
		r := v.runs[i]
		if r.ID != len(v.runs)-i {
			v.t.Errorf("the runs' numbers have a gap: %s", v.summary())
		}
		if r.Status == store.Interrupted && !v.takenOver(r.ID) {
			v.t.Errorf("nothing takes over from #%d, which was interrupted", r.ID)
		}
		if v.approved[r.ID] && len(r.Decisions) == 0 {
			v.t.Errorf("jane's approval of #%d is forgotten", r.ID)
		}
		if r.Status == store.Interrupted {
			lost++
		}
		ends = append(ends, r.Status)
	}
	if slices.Equal(ends, v.ends) || runner && lost > 0 {
		return
	}
	if lost == 1 && v.lostHandOver() {
		return
	}
	v.t.Errorf("the runs ended %q, want %q", ends, v.ends)
}

// checkSlack looks at what people were told: one message for each run, and its end once.
func (v *living) checkSlack() {
	v.t.Helper()
	cards, prompts, shown := map[int]int{}, map[int]string{}, map[int]string{}
	for _, m := range v.slack.Messages(ops) {
		if run, _, _, _, ok := m.Run(); ok {
			cards[run]++
			prompts[run], shown[run] = m.TS, m.Visible()
		}
	}
	for _, r := range v.runs {
		asked := r.Plan != nil && len(r.Plan.Changes) > 0 && r.Status != store.Previewed
		if want := map[bool]int{true: 1}[asked || r.Status == store.Errored]; cards[r.ID] != want && (asked || cards[r.ID] > 1) {
			v.t.Errorf("#%d has %d messages, want %d", r.ID, cards[r.ID], want)
		}
		if prompts[r.ID] == "" {
			continue
		}
		files, reports := 0, 0
		for _, m := range v.slack.Thread(ops, prompts[r.ID]) {
			files += len(m.Files)
			for _, f := range m.Files {
				if link := "<" + v.slack.Permalink(f) + "|The whole plan>, a file in this thread"; asked && !strings.Contains(shown[r.ID], link) {
					v.t.Errorf("the message of #%d does not lead to its plan by %s:\n%s", r.ID, link, shown[r.ID])
				}
			}
			if m.TS != prompts[r.ID] && strings.HasPrefix(m.Text, fmt.Sprintf("#%d %s ", r.ID, r.Stack)) {
				reports++
			}
		}
		if asked && files != 1 {
			v.t.Errorf("the plan of #%d is in its thread %d times", r.ID, files)
		}
		told := asked && r.Status.Terminal() && r.Status != store.Superseded && r.Status != store.NoChanges
		if want := map[bool]int{true: 1}[told]; reports != want {
			v.t.Errorf("the end of #%d (%s) is told %d times, want %d", r.ID, r.Status, reports, want)
		}
	}
	seen := map[string]int{}
	for _, m := range v.slack.Messages(ops) {
		if _, _, _, _, ok := m.Run(); !ok && m.User != jane && m.User != eve {
			seen[m.Text]++
		}
	}
	for text, n := range seen {
		if n > 1 {
			v.t.Errorf("this was said %d times: %s", n, text)
		}
	}
}

// takenOver reports whether there is a run that takes over from another.
func (v *living) takenOver(id int) bool {
	for _, r := range v.runs {
		if r.After == id {
			return true
		}
	}
	return false
}

// lostHandOver reports whether the agent died between the decision to apply and terraform's start: the one moment in which
// its death alone interrupts an apply. Terraform has not run then.
func (v *living) lostHandOver() bool {
	ran, could := map[string]int{}, map[string]int{} // by digest, which two plans of one commit and no state may share
	for _, d := range v.oracle.applies() {
		ran[d.Plan]++
	}
	for _, r := range v.runs {
		if r.Plan != nil && r.Status != store.Interrupted && v.approved[r.ID] {
			could[r.Plan.Digest]++
		}
	}
	for _, r := range v.runs {
		if r.Status == store.Interrupted && r.Plan != nil && ran[r.Plan.Digest] > could[r.Plan.Digest] {
			return false
		}
	}
	return v.deaths > 0
}
