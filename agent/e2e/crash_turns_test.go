package e2e

import (
	"fmt"
	"slices"
	"strconv"
	"syscall"
	"time"

	"pgregory.net/rapid"

	"sallyport/notify/slack/slacktest"
)

// A turn is one thing that happens to a site. N chooses among what there is (which stack, which run, which way); it is a
// number and not a name, so that a script stays valid when steps before it are left out.
type turn struct {
	Do string
	N  int
}

func (t turn) String() string { return fmt.Sprintf("{%q, %d}", t.Do, t.N) }

// deeds of the driver, and how often each comes up in a hundred or so random steps.
var stepWeights = []struct {
	do     string
	weight int
}{
	{"push", 14}, {"rewrite", 1}, {"approve", 20}, {"approve and kill", 9}, {"careless", 3}, {"half approve", 3}, {"stranger", 4}, {"bot", 2}, {"edited", 2}, {"edit later", 2},
	{"delete later", 3}, {"twice", 3}, {"deny", 2}, {"garbage", 2}, {"old thread", 2},
	{"cli approve", 5}, {"cli deny", 2}, {"cli cancel", 3}, {"cli plan", 4}, {"cli recover", 3}, {"cli pause", 1}, {"cli resume", 5}, {"cli accept", 4},
	{"kill agent", 10}, {"stop agent", 3}, {"start agent", 8}, {"kill runner", 4}, {"kill terraform", 4}, {"kill both", 3},
	{"fill disk", 2}, {"git wire", 3}, {"slack wire", 4}, {"slack fault", 6}, {"heal", 6}, {"wait", 12}, {"busy", 5}, {"settle", 2},
}

// scripts draws a list of steps. rapid makes a failing one shorter by leaving steps out.
func scripts() *rapid.Generator[[]turn] {
	var names []string
	for _, w := range stepWeights {
		names = append(names, slices.Repeat([]string{w.do}, w.weight)...)
	}
	// By single bits: rapid's numbers prefer to be small, and then nothing but pushes would happen.
	number := func(t *rapid.T, what string, below int) int {
		n := 0
		for _, bit := range rapid.SliceOfN(rapid.Bool(), 10, 10).Draw(t, what) {
			n = 2*n + count(bit)
		}
		return n * below / 1024
	}
	one := rapid.Custom(func(t *rapid.T) turn {
		return turn{names[number(t, "do", len(names))], number(t, "n", 12)}
	})
	return rapid.SliceOfN(one, 25, 80)
}

// play does the steps. It stops early when the checks found something.
func (s *site) play(script []turn) {
	for _, st := range script {
		if len(s.broken) > 0 {
			return
		}
		s.counts.steps++
		s.passes(st)
		s.play1(st)
		s.observe()
		s.checkSafety()
	}
}

// passes ends what does not last: an agent that went is started again by its supervisor, and outages end.
func (s *site) passes(st turn) {
	if s.agent == nil {
		if s.gone--; s.gone <= 0 {
			s.up()
		}
	} else {
		s.gone = st.N % 4
	}
	if s.healthy("git", time.Now(), time.Now()) && s.healthy("slack", time.Now(), time.Now()) && s.ballast == "" {
		s.ill = 1 + st.N%6
	} else if s.ill--; s.ill <= 0 {
		s.heal()
		s.did("healed by itself")
	}
}

func (s *site) play1(st turn) {
	stack := siteStacks[st.N%len(siteStacks)].name
	switch st.Do {
	case "push":
		s.pushSome(st.N)
	case "rewrite":
		s.push(true, stack)
	case "cli approve", "cli deny", "cli cancel":
		s.decideByShell(st.Do[len("cli "):], st.N)
	case "cli plan", "cli recover":
		s.call(st.Do[len("cli "):], stack)
	case "cli pause", "cli resume":
		args := []string{st.Do[len("cli "):]}
		if st.N%2 == 0 {
			args = append(args, stack)
		}
		s.call(args...)
	case "cli accept":
		s.call("accept", "infra", s.infra.Head())
	case "wait":
		<-time.After(time.Duration(st.N) * 100 * time.Millisecond) // time that passes is one of the things that happen
	case "busy":
		s.midApply()
	case "settle":
		s.settle()
	default:
		if !s.disturb(st) {
			s.talk(st)
		}
	}
}

// pushSome touches no stack, one, two or all.
func (s *site) pushSome(n int) {
	switch n {
	case 9:
		s.push(false)
	case 10:
		s.push(false, "one", "two")
	case 11:
		s.push(false, "one", "two", "three")
	default:
		s.push(false, siteStacks[n%len(siteStacks)].name)
	}
}

// disturb does what is done to processes, disk and network; false if the step is none of these.
func (s *site) disturb(st turn) bool {
	switch st.Do {
	case "kill agent":
		s.killAgent()
	case "stop agent":
		s.stopAgent()
	case "start agent":
		s.up()
	case "kill runner":
		s.midApply()
		s.counts.runnerKills += count(s.killOne("apply-run"))
	case "kill terraform":
		s.midApply()
		s.counts.terraformKills += count(s.killOne(oracleWord))
	case "kill both":
		s.midApply()
		killed := s.killOne("apply-run")
		s.counts.runnerKills += count(killed)
		s.counts.terraformKills += count(s.killOne(oracleWord))
	case "fill disk":
		s.fillDisk()
	case "git wire":
		s.outage("git")
		s.git.set(wireMode(1+st.N%int(wireModes-1)), st.N*40)
		s.did("the wire to git %v", s.git.now())
	case "slack wire":
		s.outage("slack")
		s.chat.set(wireMode(1+st.N%int(wireModes-1)), st.N*60)
		s.did("the wire to Slack %v", s.chat.now())
	case "slack fault":
		s.slackFault(st.N)
	case "heal":
		s.heal()
		s.did("healed")
	default:
		return false
	}
	return true
}

// midApply waits for a moment in which terraform applies something, but not for long.
func (s *site) midApply() {
	within(1500*time.Millisecond, func() bool {
		// Plans of other stacks go on meanwhile.
		deeds := slices.DeleteFunc(s.oracle.deeds(), func(d deed) bool { return d.Verb == "plan" })
		return len(deeds) > 0 && deeds[len(deeds)-1].Verb == "provision" && deeds[len(deeds)-1].Mark == "START"
	})
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (s *site) killAgent() {
	if !s.alive() {
		return
	}
	s.kill()
	s.counts.agentKills++
	s.did("killed the agent")
}

func (s *site) stopAgent() {
	if !s.alive() {
		return
	}
	s.signal(syscall.SIGTERM)
	if code := s.end(); code != 0 && s.ballast == "" {
		s.wrong("the agent's exit code after SIGTERM is %d", code)
	}
	s.counts.stops++
	s.did("stopped the agent")
}

func (s *site) fillDisk() {
	if !s.small || s.ballast != "" {
		return
	}
	s.ballast = s.Data("ballast")
	fill(s.t, s.ballast)
	s.counts.fullDisks++
	s.did("filled the disk")
}

// slackFault lets requests of Slack's most used methods fail, some after they were carried out.
func (s *site) slackFault(n int) {
	kinds := []slacktest.FaultKind{
		slacktest.LoseAnswer, slacktest.LateServerError, slacktest.Truncate, slacktest.ServerError, slacktest.Drop, slacktest.RateLimitedOK,
	}
	methods := []string{"chat.postMessage", "chat.update", "conversations.replies", "conversations.history", "chat.postMessage"}
	kind, method := kinds[n%len(kinds)], methods[n%len(methods)]
	s.outage("slack")
	s.slack.Fail(method, 1+n%2, slacktest.Fault{Kind: kind})
	s.did("slack: %s of %s", kind, method)
}

// openCards are the messages of runs that wait for people, as far as the driver knows, newest first.
func (s *site) openCards() []slacktest.Message {
	var out []slacktest.Message
	for _, m := range s.slack.Messages(ops) {
		if id, _, _, _, ok := m.Run(); ok && (s.seen[id].Status == "planned" || s.seen[id].ID == 0) {
			out = append(out, m)
		}
	}
	slices.Reverse(out)
	return out
}

// talk is what people and others write in Slack.
func (s *site) talk(st turn) {
	open := s.openCards()
	if slices.Contains([]string{"approve", "approve and kill", "careless", "stranger", "edited", "twice"}, st.Do) {
		within(4*time.Second, func() bool { // people answer what they are asked
			s.observe()
			open = s.openCards()
			return len(open) > 0 || s.agent == nil
		})
	}
	if st.Do == "old thread" {
		open = nil
		for _, m := range s.slack.Messages(ops) {
			if _, _, _, _, ok := m.Run(); ok {
				open = append(open, m)
			}
		}
	}
	if len(open) == 0 {
		return
	}
	m := open[st.N%len(open)]
	yes := s.words(m)
	switch st.Do {
	case "approve":
		s.reply(jane, m, yes)
		s.reply(joe, m, yes)
		if st.N%2 == 0 {
			id, _, _, _, _ := m.Run()
			within(3*time.Second, func() bool { return s.agent == nil || s.starts(id) })
		}
	case "approve and kill": // somewhere between the vote and the middle of the apply
		s.reply(jane, m, yes)
		s.reply(joe, m, yes)
		<-time.After(time.Duration(st.N*st.N) * 12 * time.Millisecond)
		s.killAgent()
	case "careless":
		s.reply(joe, m, "approve")
	case "half approve", "old thread":
		s.reply(jane, m, yes)
	case "stranger":
		s.reply(eve, m, yes)
		s.reply(guest, m, yes)
	case "bot":
		s.vote(slacktest.Message{Channel: ops, ThreadTS: m.TS, User: joe, BotID: "B0OTHER", Text: yes})
	case "edited":
		b := s.reply(joe, m, "hello")
		b.edited, b.text = time.Now(), yes
		s.slack.Edit(ops, b.ts, yes)
	case "edit later":
		b := s.reply(jane, m, yes)
		<-time.After(time.Duration(st.N) * 60 * time.Millisecond)
		b.edited = time.Now()
		s.slack.Edit(ops, b.ts, "I am not sure")
	case "delete later":
		b := s.reply(jane, m, yes)
		<-time.After(time.Duration(st.N) * 60 * time.Millisecond)
		b.deleted = time.Now()
		s.slack.Delete(ops, b.ts)
	case "twice":
		s.reply(jane, m, yes)
		s.reply(jane, m, yes)
	case "deny":
		s.reply(joe, m, "deny not today")
	case "garbage":
		s.reply(jane, m, []string{"approve?", "aprove", "approve everything", "deny", "yes", "APPROVE destroy nothing.at_all"}[st.N%6])
	default:
		panic("no such step: " + st.Do)
	}
}

// starts reports whether the apply of a run was started.
func (s *site) starts(id int) bool {
	return slices.ContainsFunc(s.oracle.applies(), func(d deed) bool { return d.Run == id })
}

// words are what an approval of a run has to say.
func (s *site) words(m slacktest.Message) string {
	_, _, digest, _, _ := m.Run()
	if s.destroys(digest) {
		return "approve destroy"
	}
	return "approve"
}

func (s *site) reply(user string, card slacktest.Message, text string) *ballot {
	return s.vote(slacktest.Message{Channel: ops, ThreadTS: card.TS, User: user, Text: text})
}

func (s *site) vote(m slacktest.Message) *ballot {
	b := &ballot{at: time.Now(), thread: m.ThreadTS, user: m.User, text: m.Text, bot: m.BotID != ""}
	s.votes = append(s.votes, b) // before it is said: its effects can be seen at once
	b.ts = s.slack.Post(m)
	s.did("%s in thread %s: %q", m.User, m.ThreadTS, m.Text)
	return b
}

// decideByShell approves, denies or cancels one of the open runs.
func (s *site) decideByShell(verb string, n int) {
	var open []int
	for id, r := range s.seen {
		if r.Status == "planned" || r.Status == "approved" || verb == "cancel" && (r.Status == "applying" || r.Status == "planning") {
			open = append(open, id)
		}
	}
	if len(open) == 0 {
		return
	}
	slices.Sort(open)
	id := open[n%len(open)]
	args := []string{verb, strconv.Itoa(id)}
	if verb == "approve" && s.seen[id].Plan != nil && s.destroys(s.seen[id].Plan.Digest) {
		args = append(args, "destroy")
	}
	s.call(args...)
}

// destroys reports whether a plan destroys anything, as terraform itself showed it to the oracle.
func (s *site) destroys(digest string) bool {
	for _, d := range s.oracle.deeds() {
		if d.Verb == "plan" && d.Mark == "END" && d.Plan == digest {
			return slices.ContainsFunc(d.Actions, func(a string) bool { return len(a) > 6 && a[:6] == "delete" })
		}
	}
	return false
}
