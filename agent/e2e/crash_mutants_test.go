package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/notify/slack/slacktest"
)

// mutants are the defences that can be switched off, each with the shortest story in which that matters. The checks are
// those of TestCrash; a story ends when the agent has either done the wrong thing or refused it.
var mutants = []struct {
	without  string
	schedule string
	story    func(*site)
}{
	{"plan digest", "", func(s *site) {
		m := s.cardOf("one")
		mine, _, _, _, _ := m.Run()
		other, _, _, _, _ := s.cardOf("three").Run()
		swapPlans(s, other, mine)
		s.reply(jane, m, "approve")
		s.awaits(mine, "errored")
	}},
	{"end seen", "", func(s *site) {
		s.long = true
		s.push(false, "one")
		id := s.approved("one")
		s.midApply()
		s.killOne("apply-run")
		s.killOne("oracle-terraform")
		s.awaits(id, "interrupted", "applied", "errored")
		s.settle()
	}},
	{"orphans", "", func(s *site) {
		s.long = true
		s.push(false, "one")
		id := s.approved("one")
		s.midApply()
		s.killOne("oracle-terraform")
		s.awaits(id, "interrupted")
		m := s.after("one", id) // the provisioner may still be at work
		next, _, _, _, _ := m.Run()
		s.reply(jane, m, s.words(m))
		within(patience, func() bool { return s.starts(next) })
		s.settle()
	}},
	{"edited", "", func(s *site) {
		m := s.cardOf("one")
		b := s.reply(jane, m, "hello")
		b.edited, b.text = time.Now(), "approve"
		s.slack.Edit(ops, b.ts, "approve")
		s.answered(m)
	}},
	{"human", "", func(s *site) {
		m := s.cardOf("one")
		s.vote(slacktest.Message{Channel: ops, ThreadTS: m.TS, User: jane, BotID: "B0OTHER", Text: "approve"})
		s.answered(m)
	}},
	{"approver", "", func(s *site) {
		m := s.cardOf("one")
		s.reply(eve, m, "approve")
		s.answered(m)
	}},
	{"words", "", func(s *site) {
		s.awaits(s.approved("one"), "applied")
		s.content["one"] = s.version + 1 // the next version destroys what there is
		s.push(false, "one")
		m := s.cardOf("one")
		s.reply(jane, m, "approve")
		s.answered(m)
	}},
	{"different people", "", func(s *site) {
		m := s.cardOf("two")
		s.reply(jane, m, "approve")
		s.reply(jane, m, "approve")
		s.answered(m)
	}},
	{"reread", "", func(s *site) {
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
	{"last look", "@every 1h", func(s *site) {
		m := s.cardOf("one")
		id, _, _, _, _ := m.Run()
		s.cardOf("two") // while terraform plans others, nothing is applied
		s.cardOf("three")
		s.git.set(wireSlow, 700) // the last question to git takes a while
		s.reply(jane, m, "approve")
		s.awaits(id, "approved")
		s.call("pause", "one")
		within(8*time.Second, func() bool { return s.starts(id) }) // nothing shows that it was thought better of
	}},
	{"newest", "@every 1h", func(s *site) {
		m := s.cardOf("one")
		id, _, _, _, _ := m.Run()
		s.push(false, "one")
		s.reply(jane, m, "approve")
		s.awaits(id, "superseded")
	}},
	{"intent", "", func(s *site) {
		s.approved("one")
		s.settle()
	}},
	{"search", "", func(s *site) {
		s.awaits(s.approved("one"), "applied")
		s.settle() // the fault must hit the next message, not one that is still to come about this
		s.slack.Fail("chat.postMessage", 1, slacktest.Fault{Kind: slacktest.LoseAnswer})
		s.push(false, "one")
		id, _, _, _, _ := s.cardOf("one").Run()
		s.call("approve", fmt.Sprint(id))
		s.awaits(id, "applied")
		s.settle()
	}},
	{"redaction", "", func(s *site) {
		for s.version%5 != 3 {
			s.push(false)
		}
		s.push(false, "one") // its provisioner fails, and terraform quotes what it had said
		within(patience, func() bool { m, ok := s.newestCard("one"); return ok && s.versionOf(m) == s.version })
		s.awaits(s.approved("one"), "errored")
		s.settle()
		s.stopAgent()
		s.checkSecrets()
	}},
}

// TestMutants proves that the checks of TestCrash can fail: each defence is switched off in turn, and they must notice. With
// the defence in place the same story must pass.
func TestMutants(t *testing.T) {
	t.Parallel()
	slow(t, "it tells a short story twice for each defence")
	if _, err := faulty(); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var table []string
	t.Run("mutant", func(t *testing.T) {
		for _, m := range mutants {
			t.Run(m.without, func(t *testing.T) {
				t.Parallel()
				for _, off := range []string{"", m.without} {
					s := newSite(t, siteOptions{schedule: m.schedule, without: off, quiet: 20 * time.Second})
					m.story(s)
					s.checkSafety()
					switch {
					case off == "" && len(s.broken) > 0:
						t.Fatalf("with every defence in place: %q\n%s", s.broken, s.report("none", nil))
					case off != "" && len(s.broken) == 0:
						t.Fatalf("nothing was noticed without %q\n%s", off, s.report("none", nil))
					case off != "":
						mu.Lock()
						table = append(table, fmt.Sprintf("%-17s %s", off, s.broken[0]))
						mu.Unlock()
					}
					s.leave()
				}
			})
		}
	})
	slices.Sort(table)
	t.Logf("caught %d of %d, each by its script:\n%s", len(table), len(mutants), strings.Join(table, "\n"))
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
	if !within(patience, func() bool {
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
	if !within(patience, func() bool {
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
	within(patience, func() bool { return s.starts(id) })
	return id
}

// awaits waits until a run has one of these statuses, or the checks have found something.
func (s *site) awaits(id int, statuses ...string) {
	if !within(patience, func() bool {
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
	within(patience, func() bool {
		return s.starts(id) || slices.ContainsFunc(s.slack.Thread(ops, m.TS), func(r slacktest.Message) bool {
			return strings.Contains(r.Text, "did not count")
		})
	})
}

// swapPlans puts one run's plan file in the place of another's.
func swapPlans(s *site, from, to int) {
	plan := func(id int) string { return s.data("runs", fmt.Sprint(id), "plan", "plan.tfplan") }
	text, err := os.ReadFile(plan(from))
	if err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(plan(to), text, 0o600); err != nil {
		s.t.Fatal(err)
	}
}
