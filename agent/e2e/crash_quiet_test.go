package e2e

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sallyport/agent/patience"
	"sallyport/store"
)

// quietLimit is how long a site may take to come to rest once nothing disturbs it: Slack and planning are tried again
// after pauses that double.
const quietLimit = 150 * time.Second

// settle ends all faults, waits until nothing moves by itself any more, and checks everything that holds then.
func (s *site) settle() {
	s.heal()
	s.did("settling")
	if !s.up() {
		s.wrong("no agent answers once the faults have stopped")
		return
	}
	s.clearLeftStates()
	s.checkPaused()
	restless, quiet := "", 0
	since := time.Now()
	if !within(s.quiet, func() bool {
		s.observe()
		restless = s.restless(since)
		quiet++
		if restless != "" {
			quiet = 0
		}
		return quiet >= 4 || len(s.broken) > 0 // not just between two steps
	}) {
		s.wrong("%s after the faults stopped there is still %s", s.quiet, restless)
	}
	s.checkSafety()
	s.checkActs()
	if len(s.broken) == 0 {
		s.checkTruthSoon()
	}
}

// checkTruthSoon gives the last messages a moment: what the store knows is told a little later.
func (s *site) checkTruthSoon() {
	within(s.quiet, func() bool {
		before := len(s.broken)
		s.checkTruth()
		if len(s.broken) == before {
			return true
		}
		found := strings.Join(s.broken[before:], "\n")
		if strings.Contains(found, "told as") || strings.Contains(found, "more than one") {
			return true // no message to come makes that right
		}
		s.broken = s.broken[:before]
		return false
	})
	s.checkTruth()
}

// restless names the first thing that still moves, or waits for something other than a person.
func (s *site) restless(since time.Time) string {
	st := s.status()
	r := st.Repositories[0]
	if r.PolledAt == nil {
		return "repository not polled since the start"
	}
	if polled, err := time.Parse(time.RFC3339, *r.PolledAt); err != nil || polled.Before(since.Add(-time.Second)) && s.schedule == everySecond {
		return fmt.Sprintf("repository not polled since %s", *r.PolledAt)
	}
	if r.Head != s.infra.Head() && !s.rewritten(time.Now()) && s.schedule == everySecond {
		return fmt.Sprintf("repository at %s (%s)", r.Head, r.Error)
	}
	for id, r := range s.seen {
		paused := strings.Contains(r.Held, "paused")
		switch {
		case r.Status == "planning" && !paused, r.Status == "applying", r.Status == "pending" && r.Held == "", r.Status == "approved" && !paused:
			return fmt.Sprintf("run %d %s (%s)", id, r.Status, r.Held)
		}
	}
	return ""
}

// clearLeftStates does what the hint says about a state that an apply could not save. The test's person just throws it
// away; the plan that follows shows what is missing.
func (s *site) clearLeftStates() {
	left, err := filepath.Glob(s.Data("runs", "*", "errored.tfstate"))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, file := range left {
		if err := os.Remove(file); err != nil {
			s.t.Fatal(err)
		}
		s.did("a person moved %s away", file)
	}
}

// checkPaused: the last pause or resume that was acknowledged is in force.
func (s *site) checkPaused() {
	want := map[string]bool{}
	sure := map[string]bool{}
	for _, a := range s.acts {
		if a.args[0] != "pause" && a.args[0] != "resume" {
			continue
		}
		stack := strings.Join(a.args[1:], "")
		want[stack], sure[stack] = a.args[0] == "pause", a.code == 0
	}
	st := s.status()
	have := map[string]bool{"": st.Agent.Paused}
	for _, x := range st.Stacks {
		have[x.Name] = x.Paused
	}
	for stack := range want {
		if sure[stack] && want[stack] != have[stack] {
			s.wrong("pause of %q: acknowledged %v, and it is %v", stack, want[stack], have[stack])
		}
	}
}

// finish settles for good, with everything going on, stops the agent and looks at what it left.
func (s *site) finish() {
	if len(s.broken) > 0 {
		return
	}
	s.heal()
	if s.up() {
		s.settle()
		for _, args := range [][]string{{"resume"}, {"resume", "one"}, {"resume", "two"}, {"resume", "three"}, {"accept", "infra", s.infra.Head()}} {
			s.call(args...)
		}
	}
	s.settle()
	s.lastRound()
	if len(s.broken) > 0 {
		return
	}
	s.look()
	s.stopAgent()
	for wait := time.Second; len(s.unsent()) > 0 && wait < s.quiet/2; wait *= 2 {
		s.up() // messages that failed before are sent after pauses that double
		<-time.After(wait)
		s.stopAgent()
	}
	var left []int
	if !within(patience.Limit(), func() bool { left = pidsBelow(s.Dir); return len(left) == 0 }) {
		s.wrong("processes are left behind: %v", describe(left))
	}
	s.checkStore()
	s.checkSecrets()
}

// lastRound lets people approve whatever waits for them: after all that happened, the ordinary thing must work.
func (s *site) lastRound() {
	for _, st := range siteStacks {
		m, ok := s.newestCard(st.name)
		id, _, _, _, _ := m.Run()
		if !ok || s.seen[id].Status != "planned" {
			continue
		}
		s.reply(jane, m, s.words(m))
		s.reply(joe, m, s.words(m))
		if !within(patience.Limit(), func() bool { s.observe(); return s.seen[id].Status != "planned" && s.seen[id].Status != "approved" }) {
			s.wrong("run %d is still %s although everybody approved it: %s", id, s.seen[id].Status, s.seen[id].Held)
		}
	}
	s.settle()
}

// look asks for everything that can be shown: secrets hide in odd corners.
func (s *site) look() {
	s.try("status")
	s.try("runs")
	for id := range s.seen {
		for _, more := range [][]string{nil, {"--plan"}, {"--log"}, {"--json"}} {
			s.try(append([]string{"show", fmt.Sprint(id)}, more...)...)
		}
	}
}

func describe(pids []int) []string {
	var out []string
	for _, pid := range pids {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		out = append(out, fmt.Sprintf("%d %s", pid, strings.ReplaceAll(string(line), "\x00", " ")))
	}
	return out
}

// unsent are the messages in the outbox of a stopped agent.
func (s *site) unsent() []string {
	db, err := store.Open(store.Options{Path: s.Data("sallyport.db"), ReadOnly: true})
	if err != nil {
		s.wrong("the store cannot be opened: %v", err)
		return nil
	}
	defer db.Close()
	var out []string
	err = db.View(func(tx *store.Tx) error {
		outbox, err := tx.Outbox()
		for _, m := range outbox {
			out = append(out, fmt.Sprintf("%s %s: %s", m.Kind, m.Key, m.Error))
		}
		return err
	})
	if err != nil {
		s.wrong("the outbox cannot be read: %v", err)
	}
	return out
}

// checkStore: the history is whole, and everything that had to be said was sent.
func (s *site) checkStore() {
	for _, m := range s.unsent() {
		s.wrong("a message was never sent: %s", m)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience.Limit())
	defer cancel()
	cmd := exec.CommandContext(ctx, s.binary, "runs", "--verify")
	cmd.Env = s.command("runs").Env
	if out, err := cmd.CombinedOutput(); err != nil && !strings.Contains(string(out), "unknown flag") {
		s.wrong("the history does not verify: %v\n%s", err, out)
	}
}

// checkSecrets: no secret was ever shown, in any form.
func (s *site) checkSecrets() {
	db, err := os.ReadFile(s.Data("sallyport.db"))
	if err != nil {
		s.t.Fatal(err)
	}
	places := map[string]string{
		"the agent's log": s.Logged(), "the command line": s.spoken.String(), "Slack": s.slack.Transcript(), "the store": string(db),
	}
	for _, f := range s.slack.Files() {
		places["Slack's file "+f.Name] = f.Content
	}
	for _, c := range s.slack.Requests("") {
		places["what Slack was sent"] += c.Params.Encode() + "\n"
	}
	for _, secret := range []string{cloudToken, gitToken, slackToken} {
		forms := []string{secret, base64.StdEncoding.EncodeToString([]byte(secret)), url.QueryEscape(secret), url.PathEscape(secret)}
		for where, text := range places {
			if slices.ContainsFunc(forms, func(form string) bool { return strings.Contains(text, form) }) {
				s.wrong("a secret is in %s", where)
			}
		}
	}
}

// report is everything that a person needs to understand what went wrong.
func (s *site) report(seed string, script []turn) string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %s\nscript %v\n\nwrong:\n  %s\n\nwhat was done:\n", seed, script, strings.Join(s.broken, "\n  "))
	for _, line := range s.script {
		fmt.Fprintln(&b, " ", line)
	}
	fmt.Fprintln(&b, "\nwhat terraform did:")
	for _, d := range s.oracle.deeds() {
		fmt.Fprintf(&b, "  %s %s %s run %d %s version %s plan %.8s pid %d code %d %s %v\n", d.At.Format("15:04:05.000"), d.Verb, d.Mark, d.Run, d.Stack, d.Version, d.Plan, d.PID, d.Code, d.Signal, d.Actions)
	}
	fmt.Fprintf(&b, "\nruns: %+v\n\nSlack:\n%s\nthe agent's log:\n%s", s.seen, s.slack.Transcript(), s.Logged())
	return b.String()
}
