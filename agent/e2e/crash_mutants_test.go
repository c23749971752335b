package e2e

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/agent/need"
	"sallyport/agent/patience"
	"sallyport/notify/slack/slacktest"
)

// mutant is a defence that can be switched off.
type mutant struct {
	without  string
	schedule string   // of the polls of git; default every second
	stacks   []string // that there are; default "one"
	story    func(*site)
}

// mutants are the defences that can be switched off, each with the shortest story in which that matters. The checks are
// those of TestCrash; a story ends when the agent has either done the wrong thing or refused it.
var mutants = []mutant{
	{"plan digest", "", []string{"one", "three"}, func(s *site) {
		m := s.cardOf("one")
		mine, _, _, _, _ := m.Run()
		other, _, _, _, _ := s.cardOf("three").Run()
		swapPlans(s, other, mine)
		s.reply(jane, m, "approve")
		s.awaits(mine, "errored")
	}},
	{"end seen", "", nil, func(s *site) {
		s.long = true
		s.push(false, "one")
		id := s.approved("one")
		s.midApply()
		s.killOne("apply-run")
		s.killOne(oracleWord)
		s.awaits(id, "interrupted", "applied", "errored")
		s.settle()
	}},
	{"orphans", "", nil, func(s *site) {
		s.long = true
		s.push(false, "one")
		id := s.approved("one")
		s.midApply()
		s.killOne(oracleWord)
		s.awaits(id, "interrupted")
		m := s.after("one", id) // the provisioner may still be at work
		next, _, _, _, _ := m.Run()
		s.reply(jane, m, s.words(m))
		within(patience.Limit(), func() bool { return s.starts(next) })
		s.settle()
	}},
	{"edited", "", nil, func(s *site) {
		m := s.cardOf("one")
		b := s.reply(jane, m, "hello")
		b.edited, b.text = time.Now(), "approve"
		s.slack.Edit(ops, b.ts, "approve")
		s.answered(m)
	}},
	{"human", "", nil, func(s *site) {
		m := s.cardOf("one")
		s.vote(slacktest.Message{Channel: ops, ThreadTS: m.TS, User: jane, BotID: "B0OTHER", Text: "approve"})
		s.answered(m)
	}},
	{"approver", "", nil, func(s *site) {
		m := s.cardOf("one")
		s.reply(eve, m, "approve")
		s.answered(m)
	}},
	{"words", "", nil, func(s *site) {
		s.awaits(s.approved("one"), "applied")
		s.content["one"] = s.version + 1 // the next version destroys what there is
		s.push(false, "one")
		m := s.cardOf("one")
		s.reply(jane, m, "approve")
		s.answered(m)
	}},
	{"different people", "", []string{"two"}, func(s *site) {
		m := s.cardOf("two")
		s.reply(jane, m, "approve")
		s.reply(jane, m, "approve")
		s.answered(m)
	}},
	{"reread", "", nil, func(s *site) {
		m := s.cardOf("one")
		id, _, _, _, _ := m.Run()
		s.call("pause", "one")
		b := s.reply(jane, m, "approve")
		s.awaits(id, "approved")
		s.slack.Fail("conversations.history", 1000, slacktest.Fault{Kind: slacktest.ServerError}) // the usual look notices nothing
		s.slack.Delete(ops, b.ts)
		b.deleted = time.Now()
		s.call("resume", "one")
		s.awaits(id, "planned")
	}},
	{"last look", "@every 1h", nil, func(s *site) {
		m := s.cardOf("one")
		id, _, _, _, _ := m.Run()
		s.git.set(wireSlow, 700) // the last question to git takes a while
		s.reply(jane, m, "approve")
		s.awaits(id, "approved")
		s.call("pause", "one")
		limit := 8 * time.Second // nothing shows that it was thought better of
		if len(s.faults) > 0 {
			limit = patience.Limit() // it will come
		}
		within(limit, func() bool { return s.starts(id) })
	}},
	{"newest", "@every 1h", nil, func(s *site) {
		m := s.cardOf("one")
		id, _, _, _, _ := m.Run()
		s.push(false, "one")
		s.reply(jane, m, "approve")
		s.awaits(id, "superseded")
	}},
	{"intent", "", nil, func(s *site) {
		s.approved("one")
		s.settle()
	}},
	{"search", "", nil, func(s *site) {
		s.awaits(s.approved("one"), "applied")
		s.settle() // the fault must hit the next message, not one that is still to come about this
		s.slack.Fail("chat.postMessage", 1, slacktest.Fault{Kind: slacktest.LoseAnswer})
		s.push(false, "one")
		id, _, _, _, _ := s.cardOf("one").Run()
		s.call("approve", fmt.Sprint(id))
		s.awaits(id, "applied")
		s.settle()
	}},
	{"redaction", "", nil, func(s *site) {
		for s.version%5 != 3 {
			s.push(false)
		}
		s.push(false, "one") // its provisioner fails, and terraform quotes what it had said
		within(patience.Limit(), func() bool { m, ok := s.newestCard("one"); return ok && s.versionOf(m) == s.version })
		s.awaits(s.approved("one"), "errored")
		s.settle()
		s.stopAgent()
		s.checkSecrets()
	}},
}

// mutantsWanted says which mutants are tried. They test the tests, so they are a step of their own and no part of `go test ./...`:
//
//	go test ./agent/e2e -run 'TestMutants$' -v -mutants=4               four, others each time
//	go test ./agent/e2e -run 'TestMutants$' -v -mutants=all
//	go test ./agent/e2e -run 'TestMutants$' -v -mutants='edited,last look'
var mutantsWanted = flag.String("mutants", "", "what TestMutants switches off: `all`, names with commas between them, or how many at random")

// chosen are the mutants that were asked for.
func chosen(t *testing.T, wanted string) []mutant {
	t.Helper()
	if wanted == "all" {
		return mutants
	}
	if n, err := strconv.Atoi(wanted); err == nil {
		out := slices.Clone(mutants)
		rand.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
		return out[:max(0, min(n, len(out)))]
	}
	var out []mutant
	for _, name := range strings.Split(wanted, ",") {
		i := slices.IndexFunc(mutants, func(m mutant) bool { return m.without == name })
		if i < 0 {
			t.Fatalf("there is no mutant without %q", name)
		}
		out = append(out, mutants[i])
	}
	return out
}

// TestMutants proves that the checks of TestCrash can fail: each defence is switched off in turn, and they must notice. With
// the defence in place the same story must pass.
func TestMutants(t *testing.T) {
	t.Parallel()
	if *mutantsWanted == "" {
		need.Skip(t, "-mutants was not given", "it tests the tests, as a step of .ci/run; here with -mutants=all, or -mutants=N for N of them")
	}
	if _, err := faulty(); err != nil {
		t.Fatal(err)
	}
	list := chosen(t, *mutantsWanted)
	var mu sync.Mutex
	var table []string
	t.Run("mutant", func(t *testing.T) {
		for _, m := range list {
			t.Run(m.without, func(t *testing.T) {
				t.Parallel()
				t.Run("in place", func(t *testing.T) { t.Parallel(); m.tell(t, "") })
				t.Run("switched off", func(t *testing.T) {
					t.Parallel()
					noticed := m.tell(t, m.without)
					mu.Lock()
					defer mu.Unlock()
					table = append(table, fmt.Sprintf("%-17s %s", m.without, noticed))
				})
			})
		}
	})
	slices.Sort(table)
	t.Logf("caught %d of %d (there are %d), each by its script:\n%s", len(table), len(list), len(mutants), strings.Join(table, "\n"))
}

// tell tells a mutant's story without a defence, or with all of them, and returns what the checks noticed.
func (m mutant) tell(t *testing.T, off string) (noticed string) {
	t.Helper()
	o := siteOptions{schedule: m.schedule, without: off, stacks: m.stacks}
	if o.stacks == nil {
		o.stacks = []string{"one"}
	}
	if off != "" {
		o.quiet = patience.Scaled(20 * time.Second) // some never come to rest, which is how they are noticed
	}
	s := newSite(t, o)
	m.story(s)
	s.checkSafety()
	switch {
	case off == "" && len(s.broken) > 0:
		t.Fatalf("with every defence in place: %q\n%s", s.broken, s.report("none", nil))
	case off != "" && len(s.broken) == 0:
		t.Fatalf("nothing was noticed without %q\n%s", off, s.report("none", nil))
	case off != "":
		noticed = s.broken[0]
	}
	s.leave()
	return noticed
}

// newestCard is the newest message of a stack's runs.
func (s *site) newestCard(stack string) (found slacktest.Message, ok bool) {
	for _, m := range s.slack.Messages(ops) {
		if _, of, _, _, is := m.Run(); is && of == stack {
			found, ok = m, true
		}
	}
	return found, ok
}

// versionOf is the version that a run's plan was made of.
func (s *site) versionOf(m slacktest.Message) int {
	_, _, digest, _, _ := m.Run()
	for _, d := range s.oracle.deeds() {
		if d.Verb == "plan" && d.Mark == "END" && d.Plan == digest {
			var n int
			_, _ = fmt.Sscan(d.Version, &n)
			return n
		}
	}
	return 0
}

// cardOf waits for the message about the newest version of a stack that was pushed.
func (s *site) cardOf(stack string) slacktest.Message {
	newest := 0
	for _, p := range s.pushes {
		newest = max(newest, p.versions[stack])
	}
	var found slacktest.Message
	if !within(patience.Limit(), func() bool {
		m, ok := s.newestCard(stack)
		found = m
		return ok && s.versionOf(m) == newest
	}) {
		s.t.Fatalf("version %d of %s has no message", newest, stack)
	}
	return found
}

// after waits for the message about a run of a stack that came after another one.
func (s *site) after(stack string, before int) slacktest.Message {
	var found slacktest.Message
	if !within(patience.Limit(), func() bool {
		m, ok := s.newestCard(stack)
		id, _, _, _, _ := m.Run()
		s.observe()
		found = m
		return ok && id > before && s.seen[id].Status == "planned"
	}) {
		s.t.Fatalf("no run of %s is planned after run %d\n%s", stack, before, s.report("none", nil))
	}
	return found
}

// approved lets enough people approve the newest version of a stack, and waits for the start of terraform.
func (s *site) approved(stack string) int {
	m := s.cardOf(stack)
	id, _, _, _, _ := m.Run()
	s.reply(jane, m, s.words(m))
	within(patience.Limit(), func() bool { return s.starts(id) })
	return id
}

// awaits waits until a run has one of these statuses, or the checks have found something.
func (s *site) awaits(id int, statuses ...string) {
	if !within(patience.Limit(), func() bool {
		s.observe()
		s.checkSafety()
		return len(s.broken) > 0 || slices.Contains(statuses, s.seen[id].Status)
	}) {
		s.t.Fatalf("run %d is not %v but %s\n%s", id, statuses, s.seen[id].Status, s.report("none", nil))
	}
}

// answered waits until the bot has told somebody why a vote did not count, or the apply was started.
func (s *site) answered(m slacktest.Message) {
	id, _, _, _, _ := m.Run()
	within(patience.Limit(), func() bool {
		return s.starts(id) || slices.ContainsFunc(s.slack.Thread(ops, m.TS), func(r slacktest.Message) bool {
			return strings.Contains(r.Text, "did not count")
		})
	})
}

// swapPlans puts one run's plan file in the place of another's.
func swapPlans(s *site, from, to int) {
	plan := func(id int) string { return s.Data("runs", fmt.Sprint(id), "plan", "plan.tfplan") }
	text, err := os.ReadFile(plan(from))
	if err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(plan(to), text, 0o600); err != nil {
		s.t.Fatal(err)
	}
}
