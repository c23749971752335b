package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"sallyport/agent/control"
	"sallyport/notify/slack/slacktest"
)

// grace is how long after something happened outside the agent may not have known of it: the time from its last look at
// Slack or git to terraform's first note, on a machine with much to do. Scripts of one defence do without: they wait until
// the agent has looked.
const grace = 15 * time.Second

// checkSafety holds every apply that was started against what people said and what was planned.
func (s *site) checkSafety() {
	deeds := s.oracle.deeds()
	started := map[string]deed{}
	for _, d := range deeds {
		if d.Verb != "apply" || d.Mark != "START" {
			continue
		}
		if before, again := started[d.Plan]; again {
			s.wrong("plan %.8s of run %d was applied twice: at %v and at %v", d.Plan, d.Run, clock(before.At), clock(d.At))
			continue
		}
		started[d.Plan] = d
		s.checkBytes(d, deeds)
		s.checkApproved(d)
		s.checkAllowed(d)
		s.checkNewest(d)
	}
	s.counts.applies = len(started)
	s.checkOverlap(deeds)
}

// checkBytes: what is applied is what that run's plan wrote last.
func (s *site) checkBytes(d deed, deeds []deed) {
	planned := ""
	for _, p := range deeds {
		if p.Verb == "plan" && p.Mark == "END" && p.Run == d.Run && p.Plan != "" && p.At.Before(d.At) {
			planned = p.Plan
		}
	}
	if planned != d.Plan {
		s.wrong("run %d applied plan %.8s, and its plan wrote %.8s", d.Run, d.Plan, planned)
	}
}

// checkApproved: enough different people who may had approved exactly this plan, and nobody had denied it.
func (s *site) checkApproved(d deed) {
	known := d.At.Add(-s.grace)
	yes := "approve"
	if s.destroys(d.Plan) {
		yes = "approve destroy"
	}
	people := map[string]bool{}
	for _, thread := range s.threadsOf(d.Plan) {
		for _, b := range s.votes {
			if b.thread != thread || b.bot || b.user != jane && b.user != joe || !b.at.Before(d.At) {
				continue
			}
			changed := !b.edited.IsZero() && b.edited.Before(known) || !b.deleted.IsZero() && b.deleted.Before(known)
			said := strings.ToLower(b.text)
			switch {
			case said == yes || said == "approve destroy":
				if !changed {
					people[b.user] = true
				}
			case strings.HasPrefix(said, "deny") && b.edited.IsZero() && b.deleted.IsZero() && b.at.Before(known) && s.healthy("slack", b.at, d.At):
				s.wrong("run %d was applied at %v although %s had denied it at %v", d.Run, clock(d.At), b.user, clock(b.at))
			}
		}
	}
	for _, a := range s.acts {
		if len(a.args) < 2 || a.args[1] != strconv.Itoa(d.Run) || !a.at.Before(d.At) {
			continue
		}
		switch {
		case a.args[0] == "approve" && a.code == 0:
			people["cli"] = true
		case a.args[0] == "deny" && a.code == 0 && a.done.Before(d.At):
			s.wrong("run %d was applied at %v although `deny` had returned 0 at %v", d.Run, clock(d.At), clock(a.done))
		}
	}
	if len(people) > 1 {
		delete(people, "cli") // no person block says whose votes those are
	}
	if need := approvalsOf(d.Stack); len(people) < need {
		s.wrong("run %d of %s was applied with %d of %d approvals of plan %.8s", d.Run, d.Stack, len(people), need, d.Plan)
	}
}

func clock(t time.Time) string { return t.UTC().Format("15:04:05.000") }

func approvalsOf(stack string) int {
	for _, st := range siteStacks {
		if st.name == stack {
			return st.approvals
		}
	}
	return 1
}

// threadsOf are the threads of the messages that showed a plan.
func (s *site) threadsOf(digest string) []string {
	var out []string
	for _, m := range s.slack.Messages(ops) {
		if _, _, d, _, ok := m.Run(); ok && d == digest {
			out = append(out, m.TS)
		}
	}
	return out
}

// checkAllowed: nothing is started after a pause was acknowledged.
func (s *site) checkAllowed(d deed) {
	var paused, pausedStack time.Time
	for _, a := range s.acts {
		mine := len(a.args) == 1 || a.args[1] == d.Stack
		if a.args[0] != "pause" && a.args[0] != "resume" || !mine {
			continue
		}
		at := &paused
		if len(a.args) > 1 {
			at = &pausedStack
		}
		switch {
		case a.args[0] == "pause" && a.code == 0 && a.done.Before(d.At) && at.IsZero():
			*at = a.done
		case a.args[0] == "resume" && a.at.Before(d.At):
			*at = time.Time{} // whatever it returned: it may have been heard
		}
	}
	for _, at := range []time.Time{paused, pausedStack} {
		if !at.IsZero() && at.Before(d.At.Add(-s.grace)) {
			s.wrong("run %d was applied at %v although `pause` had returned 0 at %v", d.Run, clock(d.At), clock(at))
		}
	}
}

// checkNewest: no apply of a version to which a newer one had been pushed. `recover` asks for an old one, and what comes
// after thrown away history waits for a person.
func (s *site) checkNewest(d deed) {
	for _, a := range s.acts {
		if a.args[0] == "recover" && (a.run() == d.Run || a.code != 0 && a.at.Before(d.At)) {
			return
		}
	}
	if s.seen[d.Run].Kind == "recovery" { // at the applied commit, or at the head: the run's own business
		return
	}
	newest := 0
	for _, p := range s.pushes {
		if s.rewritten(p.at) {
			newest = 0 // neither this nor what it threw away is known to be wanted
			continue
		}
		if v := p.versions[d.Stack]; v > 0 && p.at.Before(d.At.Add(-s.grace)) && s.healthy("git", p.at, d.At) {
			newest = v
		}
	}
	if have, _ := strconv.Atoi(d.Version); have < newest {
		s.wrong("run %d applied version %d of %s at %v, and version %d had been pushed", d.Run, have, d.Stack, clock(d.At), newest)
	}
}

// rewritten reports whether at a moment history had been thrown away and nobody had accepted that.
func (s *site) rewritten(at time.Time) bool {
	is := false
	for _, p := range s.pushes {
		if p.rewrites && !p.at.After(at) {
			is = !slices.ContainsFunc(s.acts, func(a act) bool {
				return a.args[0] == "accept" && a.code == 0 && a.at.After(p.at) && a.done.Before(at)
			})
		}
	}
	return is
}

// checkOverlap: of one stack only one apply runs at a time, its provisioners included.
func (s *site) checkOverlap(deeds []deed) {
	running := map[string][]deed{} // by stack
	for _, d := range deeds {
		if d.Verb != "apply" && d.Verb != "provision" {
			continue
		}
		list := running[d.Stack]
		if d.Mark == "END" {
			running[d.Stack] = slices.DeleteFunc(list, func(o deed) bool { return o.PID == d.PID && o.Verb == d.Verb })
			continue
		}
		if d.Verb == "apply" {
			for _, o := range list {
				// A killed terraform leaves no note of its end; a provisioner that lives on will.
				if o.Verb == "provision" && endsLater(deeds, o, d.At) || o.Verb == "apply" && !s.killed[o.Run] {
					s.wrong("run %d was applied at %v while %s of run or version %d %s went on", d.Run, clock(d.At), o.Verb, o.Run, o.Version)
				}
			}
		}
		running[d.Stack] = append(list, d)
	}
}

// endsLater reports whether something that had started noted its end later than a moment.
func endsLater(deeds []deed, start deed, after time.Time) bool {
	for _, d := range deeds {
		if d.Mark == "END" && d.PID == start.PID && d.Verb == start.Verb && d.At.After(after) {
			return true
		}
	}
	return false
}

// observe looks at all runs and compares them with what was heard of them before: what was told stays true.
func (s *site) observe() {
	if s.agent == nil || !s.alive() {
		return
	}
	text, ok := s.allRuns()
	if !ok {
		return
	}
	now := map[int]run{}
	for _, x := range decode[[]run](s.t, text) {
		now[x.ID] = x
	}
	for id, was := range s.seen {
		is, there := now[id]
		switch {
		case !there:
			s.wrong("run %d was %s and is gone", id, was.Status)
		case over(was.Status) && is.Status != was.Status:
			s.wrong("run %d had ended %s and is %s now", id, was.Status, is.Status)
		case was.Plan != nil && (is.Plan == nil || is.Plan.Digest != was.Plan.Digest):
			s.wrong("run %d has another plan than the one that was shown", id)
		case shellVotes(is) < shellVotes(was):
			s.wrong("run %d had %d decisions from a shell and has %d now", id, shellVotes(was), shellVotes(is))
		}
	}
	s.seen = now
}

// allRuns is what `runs --json` prints: it is asked of the agent itself, and of the command line only if that does not answer.
func (s *site) allRuns() (text string, ok bool) {
	ctx, cancel := context.WithTimeout(context.Background(), lookAnyway)
	defer cancel()
	if runs, err := s.Client.Runs(ctx, control.RunsQuery{Limit: 1000}); err == nil {
		text, err := json.Marshal(runs)
		return string(text), err == nil
	}
	r := s.try("runs", "--limit", "1000", "--json")
	return r.stdout, r.code == 0
}

// shellVotes counts the decisions that nothing can withdraw.
func shellVotes(r run) int {
	n := 0
	for _, d := range r.Decisions {
		n += count(strings.HasPrefix(d.By, "cli:"))
	}
	return n
}

func over(status string) bool {
	return !slices.Contains([]string{"pending", "planning", "planned", "approved", "applying", ""}, status)
}

// checkActs: what the command line acknowledged is still true.
func (s *site) checkActs() {
	for _, a := range s.acts {
		if a.code != 0 {
			continue
		}
		r, there := s.seen[a.run()]
		switch a.args[0] {
		case "plan", "recover":
			if !there {
				s.wrong("`%s` returned 0 for run %d, which is not there", strings.Join(a.args, " "), a.run())
			}
		case "approve", "deny":
			if !slices.ContainsFunc(r.Decisions, func(d decision) bool {
				return d.Verdict == a.args[0] && strings.HasPrefix(d.By, "cli:")
			}) {
				s.wrong("`%s` returned 0, and the decision is not there: %+v", strings.Join(a.args, " "), r.Decisions)
			}
		case "cancel":
			if !over(r.Status) {
				s.wrong("`cancel` of run %d returned 0, and it is %s", r.ID, r.Status)
			}
		}
	}
}

// checkTruth holds the status of every run against what the oracle saw, once all is quiet.
func (s *site) checkTruth() {
	deeds := s.oracle.deeds()
	started := map[int]bool{}
	for _, d := range deeds {
		if d.Verb != "apply" || d.Mark != "START" {
			continue
		}
		started[d.Run] = true
		var end *deed
		for _, e := range deeds {
			if e.Verb == "apply" && e.Mark == "END" && e.PID == d.PID && e.Run == d.Run && !e.At.Before(d.At) {
				end = &e
				break
			}
		}
		if told := s.seen[d.Run].Status; !slices.Contains(s.honest(d, end), told) {
			s.wrong("run %d is told as %s; terraform's end: %+v", d.Run, told, end)
		}
		s.checkReported(d.Run)
	}
	for id, r := range s.seen {
		if r.Status == "applied" && !started[id] {
			s.wrong("run %d is told as applied, and terraform was never started", id)
		}
	}
}

// honest are the statuses that tell the truth about an apply.
func (s *site) honest(start deed, end *deed) []string {
	switch {
	case end == nil || end.Signal != "":
		return []string{"interrupted"}
	case s.killed[start.Run] && end.Code == 0:
		return []string{"applied", "interrupted"} // whoever would have seen the end was killed
	case s.killed[start.Run]:
		return []string{"errored", "canceled", "stale", "interrupted"}
	case end.Code == 0:
		return []string{"applied"}
	}
	return []string{"errored", "canceled", "stale"}
}

// checkReported: a run has one message, which shows how it ended, and one reply that tells it.
func (s *site) checkReported(id int) {
	r := s.seen[id]
	var cards []slacktest.Message
	for _, m := range s.slack.Messages(ops) {
		if run, _, _, _, ok := m.Run(); ok && run == id && (m.ThreadTS == "" || m.ThreadTS == m.TS) {
			cards = append(cards, m)
		}
	}
	switch len(cards) {
	case 0:
		s.wrong("run %d, %s, has no message", id, r.Status)
		return
	case 1:
	default:
		s.wrong("run %d, %s, has more than one message: %d", id, r.Status, len(cards))
		return
	}
	if !strings.Contains(cards[0].Text+cards[0].Visible(), r.Status) {
		s.wrong("the message of run %d does not say that it is %s: %q", id, r.Status, cards[0].Text)
	}
	told := 0
	for _, m := range s.slack.Thread(ops, cards[0].TS) {
		if start := fmt.Sprintf("#%d %s ", id, r.Stack); strings.Contains(m.Text, start) && endWords[r.Status] != "" && strings.Contains(m.Text, start+endWords[r.Status]) {
			told++
		}
	}
	if told != 1 {
		s.wrong("the end of run %d, %s, was told %d times", id, r.Status, told)
	}
}

// endWords are the words with which a thread tells how an apply ended.
var endWords = map[string]string{
	"applied": "is applied", "errored": "failed", "interrupted": "was interrupted", "canceled": "was canceled", "stale": "is stale",
}
