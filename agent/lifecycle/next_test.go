package lifecycle_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sallyport/agent/clock"
	"sallyport/agent/config"
	"sallyport/agent/lifecycle"
	"sallyport/notify"
	"sallyport/store"
)

const (
	older = "1111111111111111111111111111111111111111" // is applied
	head  = "2222222222222222222222222222222222222222" // is planned
	newer = "3333333333333333333333333333333333333333"
)

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// usual are the facts of a run in a status with nothing in its way: of a commit, an hour old, of a stack that was applied before.
func usual(status store.Status) lifecycle.Facts {
	run := &store.Run{
		ID: 7, Stack: "net", Repository: "infra", Kind: store.KindCommit, Status: status, Commit: head, Head: head, CreatedAt: noon.Add(-time.Hour), UpdatedAt: noon.Add(-time.Hour),
	}
	if status != store.Pending {
		run.Inputs = "in"
	}
	if status != store.Pending && status != store.Planning {
		run.Plan = &store.Plan{Digest: "d", Add: 1, Changes: []store.Change{{Address: "a.b", Actions: []string{"create"}}}}
		run.PlannedAt, run.PlannedUp, run.ExpiresAt = noon.Add(-time.Hour), store.Uptime{Boot: "b", Since: time.Hour}, noon.Add(23*time.Hour)
	}
	if status == store.Approved || status == store.Applying {
		run.Decisions = []store.Decision{{Verdict: store.Approve, By: "slack:U1", Person: "slack:U1", Digest: "d"}}
	}
	if status == store.Applying {
		run.Apply = &store.Apply{StartedAt: noon.Add(-time.Minute), StartedUp: store.Uptime{Boot: "b", Since: 2*time.Hour - time.Minute}}
	}
	return lifecycle.Facts{
		Now: clock.Reading{Wall: noon, Up: store.Uptime{Boot: "b", Since: 2 * time.Hour}}, Run: run,
		Config: lifecycle.Config{
			Stack:      &config.Stack{Name: "net", Repository: "infra", Engine: config.EngineTerraform, Inputs: "in", Approvals: 1, AllowSelfApproval: true},
			Repository: &config.Repository{Name: "infra"}, Current: true,
		},
		Store: lifecycle.Records{
			Agent: &store.AgentState{}, Repositories: map[string]*store.RepositoryState{"infra": {Name: "infra", Branch: "main", Head: head}},
			Stacks: map[string]*store.StackState{"net": {Name: "net", Repository: "infra", AppliedCommit: older, AppliedRun: 3, LastApply: 3, NewestRun: 7, OpenRun: 7, LastCommitRun: 7}},
			Runs:   map[int]*store.Run{3: {ID: 3, Status: store.Applied, Plan: &store.Plan{}}, 7: run},
		},
		Process: lifecycle.Process{Compared: true, Slots: lifecycle.Slots{TerraformLimit: 2, BuildLimit: 1, UserFree: true, AloneFree: true}},
	}
}

// said is a step in one line: what is done, to which status, and why.
func said(s lifecycle.Step) string {
	parts := []string{string(s.Do)}
	if s.Do == lifecycle.Move {
		parts = append(parts, string(s.To))
	}
	if s.Reason.Why != "" {
		parts = append(parts, s.Reason.Why)
	}
	return strings.Join(parts, " ")
}

// An event is something that happens, or is so, and what becomes of a run then, by its status: pending, planning, planned,
// approved and applying. Each is the beginning of what the step says; a star stands for anything.
type event struct {
	name string
	row  string // the promise that it shows, in the project's own words
	is   func(f *lifecycle.Facts)
	want [5]string
}

var statuses = [5]store.Status{store.Pending, store.Planning, store.Planned, store.Approved, store.Applying}

// asUsual is what becomes of a run with nothing in its way.
var asUsual = [5]string{"plan", "plan", "hold", "apply", "follow"}

var pause = &store.Pause{By: "cli:jane", At: noon.Add(-time.Hour), Reason: "the disk is exchanged"}

func own(f *lifecycle.Facts) *store.StackState { return f.Store.Stacks["net"] }

func limit(n int) *int { return &n }

func events() []event {
	same := func(want string) [5]string { return [5]string{want, want, want, want, "follow"} }
	const stale = "replan its variables, environment, workspace or tool changed"
	return []event{
		{"nothing is in its way", "a run is planned, asks, and is applied when enough people approved", func(*lifecycle.Facts) {}, asUsual},
		{"the agent is paused", "a pause holds what is not applying; decisions count; an apply goes on", func(f *lifecycle.Facts) { f.Store.Agent.Paused = pause },
			[5]string{"hold the agent is paused by cli:jane", "hold the agent is paused", "hold the agent is paused*; decisions are counted and nothing is applied", "hold the agent is paused", "follow"}},
		{"the stack is paused", "a pause of a stack holds its runs alone; decisions count; an apply goes on", func(f *lifecycle.Facts) { own(f).Paused = pause },
			[5]string{"hold the stack is paused by cli:jane", "hold the stack is paused", "hold the stack is paused*; decisions are counted", "hold the stack is paused", "follow"}},
		{"another stack is paused", "a pause of a stack holds its runs alone", func(f *lifecycle.Facts) { f.Store.Stacks["dns"] = &store.StackState{Name: "dns", Paused: pause} }, asUsual},
		{"a paused run has enough approvals", "decisions count while it is paused", func(f *lifecycle.Facts) {
			own(f).Paused = pause
			f.Run.Decisions = usual(store.Approved).Run.Decisions
		}, [5]string{"hold the stack is paused", "hold the stack is paused", "move approved", "hold the stack is paused", "follow"}},
		{"somebody works on its state", "two who change one state at a time undo each other's work", func(f *lifecycle.Facts) { own(f).Occupied = pause },
			[5]string{"hold its state is being worked on", "hold its state is being worked on", "hold its state is being worked on", "hold its state is being worked on", "follow"}},
		{"somebody cancels it", "cancel ends every run that is not applying, and asks an apply once to stop", func(f *lifecycle.Facts) { f.Run.CancelBy = "slack:U1" }, same("move canceled canceled by slack:U1")},
		{"somebody cancels it while it is paused", "cancel ends a run that is held, too", func(f *lifecycle.Facts) { f.Run.CancelBy = "slack:U1"; own(f).Paused = pause }, same("move canceled")},
		{"its stack leaves the configuration", "a stack that leaves the configuration ends its runs; an apply goes on, then ends", func(f *lifecycle.Facts) { f.Config.Stack = nil }, same("move canceled the stack left the configuration")},
		{"its stack and repository leave the configuration", "a stack that leaves the configuration ends its runs", func(f *lifecycle.Facts) { f.Config.Stack, f.Config.Repository = nil, nil; f.Config.Unsearched = true }, same("move canceled")},
		{"its stack may be one of a glob that was not looked up", "a stack is not gone before its repository was looked at", func(f *lifecycle.Facts) { f.Config.Stack, f.Config.Unsearched = nil, true }, same("wait")},
		{"its stack may be one of a glob that cannot be looked up", "a stack is not gone because its repository cannot be read", func(f *lifecycle.Facts) {
			f.Config.Stack, f.Config.Unsearched, f.Config.WhyUnsearched = nil, true, lifecycle.Reason{Why: "the stacks were not looked up", Hint: "wait"}
		}, same("hold the stacks were not looked up")},
		{"its stack is of another repository now", "what the configuration says now is planned by itself", func(f *lifecycle.Facts) { f.Config.Stack.Repository = "other" }, same("move canceled the stack is of repository other now")},
		{"its stack is only observed now", "an observed stack plans and never asks", func(f *lifecycle.Facts) { f.Config.Stack.Mode = config.ModeObserve },
			[5]string{"plan", "plan", "move canceled the stack is only observed now", "move canceled the stack is only observed now", "follow"}},
		{"its inputs change in the configuration", "vars, env, var files, workspace or tool that change make a plan stale; one under way begins again; an apply goes on", func(f *lifecycle.Facts) { f.Config.Stack.Inputs = "other" },
			[5]string{"plan", stale, stale, stale, "follow"}},
		{"its inputs change while it is paused", "a stale plan is not kept for a pause's sake", func(f *lifecycle.Facts) { f.Config.Stack.Inputs = "other"; own(f).Paused = pause },
			[5]string{"hold the stack is paused", stale, stale, stale, "follow"}},
		{"max_destroy is lowered", "nobody can approve a plan that destroys more than is allowed in one go", func(f *lifecycle.Facts) {
			f.Config.Stack.MaxDestroy = limit(2)
			if f.Run.Plan != nil {
				f.Run.Plan.Destroy = 3
			}
		}, [5]string{"plan", "plan", "move errored the plan destroys or replaces 3 objects", "move errored the plan destroys or replaces 3 objects", "follow"}},
		{"it destroys just what is allowed", "a plan at the limit is asked about", func(f *lifecycle.Facts) {
			f.Config.Stack.MaxDestroy = limit(3)
			if f.Run.Plan != nil {
				f.Run.Plan.Destroy = 3
			}
		}, asUsual},
		{"plan_ttl is over", "a plan that nobody decided about in time expires, an approved one too", func(f *lifecycle.Facts) { f.Now.Wall = noon.Add(24 * time.Hour); f.Now.Up.Since += 24 * time.Hour },
			[5]string{"plan", "plan", "move expired nobody decided in time", "move expired it was approved and could not be applied in time", "follow"}},
		{"plan_ttl is over while it is paused", "a pause does not make a plan younger", func(f *lifecycle.Facts) {
			f.Now.Wall, own(f).Paused = noon.Add(24*time.Hour), pause
			f.Now.Up.Since += 24 * time.Hour
		}, [5]string{"hold the stack is paused", "hold the stack is paused", "move expired", "move expired", "follow"}},
		{"the clock was put back by a day", "a plan whose age nobody can tell is made again", func(f *lifecycle.Facts) { f.Now.Wall = noon.Add(-24 * time.Hour) },
			[5]string{"plan", "plan", "replan the clock of this machine was put back", "replan the clock of this machine was put back", "follow"}},
		{"the clock jumped ahead by a year", "a plan whose age nobody can tell is made again", func(f *lifecycle.Facts) { f.Now.Wall = noon.AddDate(1, 0, 0) },
			[5]string{"plan", "plan", "replan the clock of this machine jumped", "replan the clock of this machine jumped", "follow"}},
		{"the machine was started again within plan_ttl", "a restart does not age a plan", func(f *lifecycle.Facts) { f.Now.Up = store.Uptime{Boot: "c", Since: time.Minute} }, asUsual},
		{"a counted vote was withdrawn", "who deleted their vote, or is no approver any more, has not approved", func(f *lifecycle.Facts) {
			for i := range f.Run.Decisions {
				f.Run.Decisions[i].Withdrawn = "the message was deleted"
			}
		}, [5]string{"plan", "plan", "hold", "move planned not enough approvals any more", "follow"}},
		{"the stack asks for two approvals now", "votes are weighed as one set at the start of the apply", func(f *lifecycle.Facts) { f.Config.Stack.Approvals = 2 },
			[5]string{"plan", "plan", "hold", "move planned not enough approvals any more", "follow"}},
		{"one person approved twice", "one human is one vote", func(f *lifecycle.Facts) {
			f.Config.Stack.Approvals = 2
			f.Run.Decisions = append(f.Run.Decisions, f.Run.Decisions...)
		}, [5]string{"plan", "plan", "hold", "move planned not enough", "follow"}},
		{"its votes are about another plan", "an approval is bound to the plan that was shown", func(f *lifecycle.Facts) {
			for i := range f.Run.Decisions {
				f.Run.Decisions[i].Digest = "another"
			}
		}, [5]string{"plan", "plan", "hold", "move planned not enough", "follow"}},
		{"a vote has a verdict that this version does not know", "what is not understood approves nothing", func(f *lifecycle.Facts) {
			for i := range f.Run.Decisions {
				f.Run.Decisions[i].Verdict = "maybe"
			}
		}, [5]string{"plan", "plan", "hold", "move planned not enough", "follow"}},
		{"it asks for no approvals at all", "a count of nothing approves nothing", func(f *lifecycle.Facts) { f.Config.Stack.Approvals = 0; f.Run.Decisions = nil },
			[5]string{"plan", "plan", "hold", "move planned not enough", "follow"}},
		{"a person approves it", "enough approvals approve", func(f *lifecycle.Facts) { f.Run.Decisions = usual(store.Approved).Run.Decisions },
			[5]string{"plan", "plan", "move approved", "apply", "follow"}},
		{"one denies and one approves", "one deny outweighs them all", func(f *lifecycle.Facts) {
			f.Run.Decisions = append(usual(store.Approved).Run.Decisions, store.Decision{Verdict: store.Deny, By: "slack:U2", Person: "slack:U2", Digest: "d"})
		}, [5]string{"plan", "plan", "hold", "move planned not enough", "follow"}},
		{"an empty plan after an interrupted apply is approved", "people look at what is half-made, and their approve settles it", func(f *lifecycle.Facts) {
			f.Run.Decisions = usual(store.Approved).Run.Decisions
			if f.Run.Plan != nil {
				f.Run.Plan.Empty = true
			}
		}, [5]string{"plan", "plan", "move no_changes", "apply", "follow"}},
		{"outside the apply window", "an approval counts outside the window, and the apply waits for it", func(f *lifecycle.Facts) {
			f.Config.Stack.ApplyWindows = []config.Window{{Schedule: "0 20 * * *", Duration: time.Hour}}
		}, [5]string{"plan", "plan", "hold outside the apply window until 2026-05-04 20:00 UTC; an approval counts and waits until then", "hold approved; outside the apply window until", "follow"}},
		{"in a freeze", "a freeze holds applies and nothing else", func(f *lifecycle.Facts) {
			f.Config.Stack.Freezes = []config.Freeze{{From: noon.Add(-time.Hour), To: noon.Add(time.Hour), Reason: "the fair"}}
		}, [5]string{"plan", "plan", "hold frozen until*: the fair; an approval counts", "hold approved; frozen until*: the fair", "follow"}},
		{"a recover of a person's in a freeze", "what brings back what is gone waits for no window", func(f *lifecycle.Facts) {
			f.Config.Stack.Freezes = []config.Freeze{{From: noon.Add(-time.Hour), To: noon.Add(time.Hour)}}
			f.Run.Kind, f.Run.AtApplied, f.Run.RequestedBy = store.KindManual, true, "cli:jane"
		}, asUsual},
		{"its repository's commits are not known to be trusted", "a requirement that is new is about what waits already, too", func(f *lifecycle.Facts) { f.Config.Repository.RequireReview = true },
			[5]string{"hold waits until the commits of infra are known to be trusted", "plan", "hold", "hold approved; waits until the commits of infra are known to be trusted", "follow"}},
		{"its commit is the applied one, and the newest is not trusted", "bringing back what is applied adds nothing", func(f *lifecycle.Facts) {
			f.Config.Repository.RequireReview = true
			own(f).AppliedCommit = head
		}, asUsual},
		{"the stack is pinned", "a pin holds what follows the branch until a person resumes", func(f *lifecycle.Facts) {
			own(f).Pin = &store.Pin{Run: 3, Commit: older, Back: true, By: "cli:jane", At: noon}
		},
			[5]string{"hold the stack is pinned at commit 1111111111 (going back) by cli:jane", "plan", "hold", "apply", "follow"}},
		{"the stack is pinned and a person asked", "a person's run is planned on a pinned stack", func(f *lifecycle.Facts) {
			own(f).Pin = &store.Pin{Run: 3, Commit: older, By: "cli:jane", At: noon}
			f.Run.Kind = store.KindManual
		}, asUsual},
		{"a newer commit was not compared with the stack", "an unfinished check holds: nobody knows whether the newest commit changes the stack", func(f *lifecycle.Facts) {
			f.Store.Repositories["infra"].Head, f.Process.Compared = newer, false
		}, [5]string{"plan", "plan", "hold", "hold approved; 3333333333 is newer, and nobody knows yet whether it changes this stack", "follow"}},
		{"the stack cannot be read at the newest commit", "what is in the way of a comparison is said", func(f *lifecycle.Facts) {
			f.Store.Repositories["infra"].Head, f.Process.Compared, f.Process.Incomparable = newer, false, "no such directory"
		}, [5]string{"plan", "plan", "hold", "hold approved; 3333333333 is newer*: no such directory", "follow"}},
		{"a newer commit does not touch the stack", "a commit that does not touch a stack changes nothing for its run", func(f *lifecycle.Facts) { f.Store.Repositories["infra"].Head = newer }, asUsual},
		{"Slack was not looked at since the start", "until Slack was looked at nobody knows whether the data directory is an old copy", func(f *lifecycle.Facts) { f.Process.Deaf = true },
			[5]string{"plan", "plan", "hold", "hold approved; waits until Slack was looked at", "follow"}},
		{"something is at work for it", "one thing at a time is done for a run", func(f *lifecycle.Facts) { f.Process.Busy = true }, [5]string{"wait", "wait", "hold", "wait", "follow"}},
		{"its work rests after a failure", "what fails at once is not tried at full speed", func(f *lifecycle.Facts) { f.Process.Resting = true }, [5]string{"wait", "wait", "hold", "apply", "follow"}},
		{"a plan failed and is tried again later", "transient errors are tried again with backoff", func(f *lifecycle.Facts) { f.Run.NotBefore = noon.Add(5 * time.Second) }, [5]string{"plan", "wait", "hold", "wait", "follow"}},
		{"a wait was stored by a clock that was ahead", "nothing waits for a time that it may never reach", func(f *lifecycle.Facts) { f.Run.NotBefore = noon.AddDate(1, 0, 0) }, asUsual},
		{"its plan was started eight times and never seen to end", "a plan that ends the agent is given up", func(f *lifecycle.Facts) { f.Run.Attempts = 8 },
			[5]string{"plan", "move errored planning was started 8 times and its end was never seen", "hold", "apply", "follow"}},
		{"all slots are taken", "no more terraform processes run than terraform.parallel", func(f *lifecycle.Facts) { f.Process.Slots.Terraform = 2 },
			[5]string{"hold waits for one of 2 terraform processes to end", "hold waits for one of 2", "hold", "hold approved; waits for one of 2 terraform processes to end", "follow"}},
		{"all slots were taken a moment ago", "most get their turn before anybody wonders", func(f *lifecycle.Facts) { f.Process.Slots.Terraform = 2; f.Run.UpdatedAt = noon.Add(-time.Second) },
			[5]string{"wait", "wait", "hold", "hold approved; waits for one of 2", "follow"}},
		{"no user of terraform.user is free", "each run at work has a user of its own", func(f *lifecycle.Facts) { f.Process.Slots.Users, f.Process.Slots.UserFree = 3, false },
			[5]string{"hold waits for one of 3 users", "hold waits for one of 3 users", "hold", "hold approved; waits for one of 3 users", "follow"}},
		{"no user of terraform.user will be free by itself", "what does not pass by itself is said", func(f *lifecycle.Facts) {
			f.Process.Slots.Users, f.Process.Slots.UserFree, f.Process.Slots.UsersStuck = 3, false, "none of the 3 users can be used"
		}, [5]string{"hold none of the 3 users", "hold none of the 3 users", "hold", "hold approved; none of the 3 users", "follow"}},
		{"the disk is nearly full", "nothing new is planned or applied without room to write down its end", func(f *lifecycle.Facts) { f.Process.Full = "only 1 byte is free" },
			[5]string{"hold only 1 byte is free", "hold only 1 byte is free", "hold", "hold approved; waits for room on the disk: only 1 byte is free", "follow"}},
		{"a drift check of the stack is at work", "drift checks make way", func(f *lifecycle.Facts) { f.Process.Checking = true }, [5]string{"wait", "plan", "hold", "apply", "follow"}},
		{"something that the last apply started still runs", "nothing is planned over what may still be changing", func(f *lifecycle.Facts) { f.Left = lifecycle.Left{Alive: true, Processes: []string{"12 (sh)"}} },
			[5]string{"hold something that the apply of #3 started still runs: process 12 (sh)", "plan", "hold", "apply", "follow"}},
		{"the last apply's runner is about to end", "what passes within moments is no news", func(f *lifecycle.Facts) { f.Left = lifecycle.Left{Alive: true, Ending: true} }, [5]string{"wait", "plan", "hold", "apply", "follow"}},
		{"what the last apply left cannot be read", "an unfinished check holds", func(f *lifecycle.Facts) { f.Left.Unread = "permission denied" },
			[5]string{"hold nobody knows whether something that the apply of #3 started still runs: permission denied", "plan", "hold", "apply", "follow"}},
		{"the last apply could not save its state", "nothing is planned while a state waits to be pushed", func(f *lifecycle.Facts) { own(f).LeftState = "errored.tfstate" },
			[5]string{"hold an apply could not save its state", "plan", "hold", "apply", "follow"}},
		{"a person took the state away that was left", "what is gone holds nobody", func(f *lifecycle.Facts) { own(f).LeftState, f.Left.StateGone = "errored.tfstate", true }, asUsual},
		{"a state lock was left", "nothing is planned while a lock that was left is there", func(f *lifecycle.Facts) {
			own(f).LeftLock = &store.LeftLock{ID: "abc", Holder: store.HolderOther, Who: "joe", NotBefore: noon.Add(time.Minute)}
		}, [5]string{"hold the state lock abc is not of this agent: joe holds it", "plan", "hold", "apply", "follow"}},
		{"a state lock was left and it is time to look again", "a lock is looked for by planning", func(f *lifecycle.Facts) { own(f).LeftLock = &store.LeftLock{ID: "abc", NotBefore: noon} }, asUsual},
		{"a record of its stack is missing", "a missing fact holds", func(f *lifecycle.Facts) { delete(f.Store.Stacks, "net") }, same("hold not all that the store says of its stack could be read")},
		{"the record of its repository is missing", "a missing fact holds", func(f *lifecycle.Facts) { clear(f.Store.Repositories) }, same("hold not all that the store says")},
		{"the record of the agent is missing", "a missing fact holds", func(f *lifecycle.Facts) { f.Store.Agent = nil }, same("hold not all that the store says")},
	}
}

// matches compares what was said with how it should begin; a star stands for anything.
func matches(got, want string) bool {
	for i, part := range strings.Split(want, "*") {
		at := strings.Index(got, part)
		if at < 0 || i == 0 && at > 0 {
			return false
		}
		got = got[at+len(part):]
	}
	return true
}

// Every event in every status: what becomes of a run. A step that applies is one to which nothing is an objection, and a run that
// stays where it is says why, or waits for people.
func TestEveryEventInEveryStatus(t *testing.T) {
	t.Parallel()
	for _, e := range events() {
		for i, status := range statuses {
			t.Run(fmt.Sprintf("%s/%s", e.name, status), func(t *testing.T) {
				t.Parallel()
				f := usual(status)
				e.is(&f)
				step := lifecycle.Next(f)
				if got := said(step); !matches(got, e.want[i]) || e.want[i] == "hold" && got != "hold" {
					t.Errorf("%s\nbut it is %q (rule %q), want %q", e.row, got, step.Rule, e.want[i])
				}
				sound(t, f, step)
			})
		}
	}
}

// sound checks what holds for every step whatever the facts are.
func sound(t interface {
	Helper()
	Errorf(string, ...any)
}, f lifecycle.Facts, step lifecycle.Step) {
	t.Helper()
	why := lifecycle.MayApply(f)
	if step.Do == lifecycle.Apply && why.Any() {
		t.Errorf("it is applied, although %s", why.Why)
	}
	if step.Rule == "" || step.Rule == "none" {
		t.Errorf("no rule says what becomes of it: %s", said(step))
	}
	if step.Do == lifecycle.Hold && !step.Reason.Any() && f.Run.Status != store.Planned {
		t.Errorf("it is held and nobody says why: rule %q", step.Rule)
	}
	if step.Do == lifecycle.Hold && step.Reason.Any() && step.Reason.Hint == "" && step.Rule != "its window is closed" && step.Reason.Recheck == 0 {
		t.Errorf("it is held, and neither is there anything to do nor is it looked at again: %s", said(step))
	}
	if step.Do == lifecycle.Move && !store.Allowed(f.Run.Status, step.To) {
		t.Errorf("a run that is %s cannot become %s", f.Run.Status, step.To)
	}
	if step.Do == lifecycle.Move && step.To.Terminal() && step.To != store.NoChanges && step.Reason.Why == "" {
		t.Errorf("it ends as %s and nobody says why", step.To)
	}
}

// What has ended stays as it is, whatever happens.
func TestWhatHasEnded(t *testing.T) {
	t.Parallel()
	for _, status := range []store.Status{
		store.Applied, store.Errored, store.Interrupted, store.Stale, store.Discarded, store.Superseded, store.Expired, store.NoChanges, store.Previewed, store.Canceled,
	} {
		for _, kind := range []store.Kind{store.KindCommit, store.KindPullRequest} {
			t.Run(fmt.Sprintf("%s/%s", status, kind), func(t *testing.T) {
				t.Parallel()
				f := usual(store.Approved)
				f.Run.Status, f.Run.Kind, f.Run.CancelBy = status, kind, "slack:U1"
				if got := said(lifecycle.Next(f)); got != "wait" {
					t.Errorf("a run that is %s: %q", status, got)
				}
				if why := lifecycle.MayApply(f); !why.Any() {
					t.Errorf("a run that is %s may be applied", status)
				}
				if lifecycle.MayBeSuperseded(f.Run) {
					t.Error("it may be superseded")
				}
			})
		}
	}
}

// A status that this version does not know is shown and not guessed at.
func TestUnknownStatus(t *testing.T) {
	t.Parallel()
	for _, status := range []store.Status{"", "rolled_back"} {
		f := usual(store.Approved)
		f.Run.Status = status
		if step := lifecycle.Next(f); step.Do != lifecycle.Hold || step.Reason.Why == "" || step.Reason.Hint == "" {
			t.Errorf("status %q: %+v", status, step)
		}
		if !lifecycle.MayApply(f).Any() {
			t.Errorf("a run that is %q may be applied", status)
		}
	}
	if step := lifecycle.Next(lifecycle.Facts{}); step.Do != lifecycle.Hold || !lifecycle.MayApply(lifecycle.Facts{}).Any() {
		t.Errorf("of nothing: %+v", step)
	}
}

// What people say, by the status of the run that they say it of.
func TestEveryDecisionInEveryStatus(t *testing.T) {
	t.Parallel()
	all := append(statuses[:], store.Applied, store.Discarded, store.Superseded, store.Expired, store.Stale, store.NoChanges)
	for _, test := range []struct {
		name string
		row  string
		v    lifecycle.Vote
		is   func(*lifecycle.Facts)
		want func(store.Status) string // the refusal; empty: it counts
	}{
		{"approve", "approve counts once there is a plan, and is noted of an approved run", lifecycle.Vote{Words: notify.Words{Verdict: store.Approve}}, nil, func(s store.Status) string {
			return map[store.Status]string{store.Pending: "is not planned yet", store.Planning: "is not planned yet", store.Planned: "", store.Approved: "", store.Applying: "is already applying"}[s]
		}},
		{"deny", "deny ends what waits; cancel is the word for what is applying", lifecycle.Vote{Words: notify.Words{Verdict: store.Deny}}, nil, func(s store.Status) string {
			return map[store.Status]string{store.Pending: "is not planned yet", store.Planning: "is not planned yet", store.Planned: "", store.Approved: "", store.Applying: "`cancel` is the word"}[s]
		}},
		{"approve with another plan's digest", "a digest binds an approval to the plan that was read", lifecycle.Vote{Words: notify.Words{Verdict: store.Approve}, Digest: "eeeeeeeeeeee"}, nil, func(s store.Status) string {
			return map[store.Status]string{store.Pending: "is not planned yet", store.Planning: "is not planned yet", store.Planned: "you decided about another one", store.Approved: "you decided about another one", store.Applying: "is already applying"}[s]
		}},
		{"approve, typed before the plan was shown", "what was typed of the plan before is about that plan", lifecycle.Vote{Words: notify.Words{Verdict: store.Approve}, Early: true}, nil, func(s store.Status) string {
			return map[store.Status]string{store.Pending: "is not planned yet", store.Planning: "is not planned yet", store.Planned: "has taken its place", store.Approved: "has taken its place", store.Applying: "is already applying"}[s]
		}},
		{"approve of an observed stack", "an observed stack is never applied", lifecycle.Vote{Words: notify.Words{Verdict: store.Approve}}, func(f *lifecycle.Facts) { f.Config.Stack.Mode = config.ModeObserve }, func(s store.Status) string {
			return map[store.Status]string{store.Pending: "is not planned yet", store.Planning: "is not planned yet", store.Planned: "is only observed", store.Approved: "is only observed", store.Applying: "is already applying"}[s]
		}},
		{"approve after plan_ttl", "an expired plan takes no votes", lifecycle.Vote{Words: notify.Words{Verdict: store.Approve}}, func(f *lifecycle.Facts) { f.Now.Wall = noon.Add(24 * time.Hour); f.Now.Up.Since += 24 * time.Hour }, func(s store.Status) string {
			return map[store.Status]string{store.Pending: "is not planned yet", store.Planning: "is not planned yet", store.Planned: "expired at", store.Approved: "expired at", store.Applying: "is already applying"}[s]
		}},
		{"approve of a stack that left", "a stack that left the configuration takes no votes", lifecycle.Vote{Words: notify.Words{Verdict: store.Approve}}, func(f *lifecycle.Facts) { f.Config.Stack = nil }, func(s store.Status) string {
			return map[store.Status]string{store.Pending: "is not planned yet", store.Planning: "is not planned yet", store.Planned: "is not in the configuration any more", store.Approved: "is not in the configuration any more", store.Applying: "is already applying"}[s]
		}},
		{"a word that is neither", "nothing is decided by a word that is neither", lifecycle.Vote{}, nil, func(s store.Status) string {
			return map[store.Status]string{store.Pending: "is not planned yet", store.Planning: "is not planned yet", store.Planned: "nothing was decided", store.Approved: "nothing was decided", store.Applying: "is already applying"}[s]
		}},
	} {
		for _, status := range all {
			t.Run(fmt.Sprintf("%s/%s", test.name, status), func(t *testing.T) {
				t.Parallel()
				f := usual(status)
				if test.is != nil {
					test.is(&f)
				}
				want := test.want(status)
				if status.Terminal() {
					want = "has ended: " + string(status)
				}
				err := lifecycle.Decidable(f.Run, f.Config.Stack, test.v, f.Now)
				if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
					t.Errorf("%s\nbut it is answered %v, want %q", test.row, err, want)
				}
			})
		}
	}
}

// A newer commit, and a person's plan or recover, take the place of every run that is not applying.
func TestWhatTakesTheirPlace(t *testing.T) {
	t.Parallel()
	for _, status := range statuses {
		if got := lifecycle.MayBeSuperseded(usual(status).Run); got != (status != store.Applying) {
			t.Errorf("a run that is %s may be superseded: %t", status, got)
		}
	}
}

// Every condition of an apply, alone, stops it: when the run is looked at and in the transaction that decides.
func TestEveryConditionOfAnApply(t *testing.T) {
	t.Parallel()
	uses := func(f *lifecycle.Facts, changed, seen int) {
		f.Config.Stack.DependsOn = []string{"vpc"}
		own(f).Upstreams = map[string]int{"vpc": seen}
		f.Store.Stacks["vpc"] = &store.StackState{Name: "vpc", Changed: changed}
	}
	policy := func(f *lifecycle.Facts) {
		f.Config.Stack.AutoApply, f.Config.Stack.AutoApplyLimit = config.PolicyAlways, 3
		f.Run.Decisions = []store.Decision{{Verdict: store.Approve, By: "policy:always", Person: "policy:always", Digest: "d"}}
	}
	for _, test := range []struct {
		name string
		is   func(f *lifecycle.Facts)
		want string // empty: it may be applied
	}{
		{"all of them are met", func(*lifecycle.Facts) {}, ""},
		{"there is no run", func(f *lifecycle.Facts) { f.Run = nil }, "is not known"},
		{"there is no plan", func(f *lifecycle.Facts) { f.Run.Plan = nil }, "is not known"},
		{"there is no stack", func(f *lifecycle.Facts) { f.Config.Stack = nil }, "is not known"},
		{"its stack's record was not read", func(f *lifecycle.Facts) { f.Store.Stacks = nil }, "could be read"},
		{"its repository's record was not read", func(f *lifecycle.Facts) { f.Store.Repositories = nil }, "could be read"},
		{"the agent's record was not read", func(f *lifecycle.Facts) { f.Store.Agent = nil }, "could be read"},
		{"it is planned", func(f *lifecycle.Facts) { f.Run.Status = store.Planned }, "it is planned, and only what is approved is applied"},
		{"it is applying already", func(f *lifecycle.Facts) { f.Run.Status = store.Applying }, "it is applying"},
		{"it is a preview", func(f *lifecycle.Facts) { f.Run.Kind = store.KindPullRequest }, `runs of the kind "pull_request" are never applied`},
		{"it is of a kind that this version does not know", func(f *lifecycle.Facts) { f.Run.Kind = "night" }, `runs of the kind "night" are never applied`},
		{"the configuration was read again meanwhile", func(f *lifecycle.Facts) { f.Config.Current = false }, "was read again"},
		{"the stack is of another repository", func(f *lifecycle.Facts) { f.Config.Stack.Repository = "other" }, "is of repository other"},
		{"the stack is observed", func(f *lifecycle.Facts) { f.Config.Stack.Mode = config.ModeObserve }, "only observed"},
		{"it was planned with other inputs", func(f *lifecycle.Facts) { f.Config.Stack.Inputs = "other" }, "not those that it was planned with"},
		{"nobody knows what it was planned with", func(f *lifecycle.Facts) { f.Run.Inputs = "" }, "not those that it was planned with"},
		{"it is canceled", func(f *lifecycle.Facts) { f.Run.CancelBy = "cli:jane" }, "canceled by cli:jane"},
		{"it destroys too much", func(f *lifecycle.Facts) { f.Run.Plan.Destroy, f.Config.Stack.MaxDestroy = 1, limit(0) }, "max_destroy"},
		{"its time is over", func(f *lifecycle.Facts) { f.Now.Wall, f.Now.Up.Since = noon.Add(24*time.Hour), 26*time.Hour }, "could not be applied in time"},
		{"the clock jumped", func(f *lifecycle.Facts) { f.Now.Wall = noon.AddDate(1, 0, 0) }, "jumped"},
		{"nobody approves", func(f *lifecycle.Facts) { f.Run.Decisions = nil }, "0 of 1 approvals"},
		{"one of two approves", func(f *lifecycle.Facts) { f.Config.Stack.Approvals = 2 }, "1 of 2 approvals"},
		{"an approval is of another plan", func(f *lifecycle.Facts) { f.Run.Decisions[0].Digest = "other" }, "0 of 1 approvals"},
		{"the plan is another one", func(f *lifecycle.Facts) { f.Run.Plan.Digest = "other" }, "0 of 1 approvals"},
		{"the plan was made again with the same changes", func(f *lifecycle.Facts) { f.Run.Plan.Digest, f.Run.Plan.ApprovedDigest = "e", "d" }, ""},
		{"a policy approved it", policy, ""},
		{"a policy approved it that is another one now", func(f *lifecycle.Facts) { policy(f); f.Config.Stack.AutoApply = config.PolicyRecreate }, "auto_apply is another one now"},
		{"a policy approved it and its limit is used up", func(f *lifecycle.Facts) { policy(f); f.Config.Stack.AutoApplyLimit = 0 }, "auto_apply_limit"},
		{"a policy approved it and the last apply was interrupted", func(f *lifecycle.Facts) {
			policy(f)
			own(f).LastApply, own(f).AppliedRun = 5, 3
			f.Store.Runs[5] = &store.Run{ID: 5, Status: store.Interrupted}
		}, "#5 was interrupted"},
		{"a policy approved it and the last apply was not read", func(f *lifecycle.Facts) { policy(f); own(f).LastApply = 5 }, "not all that it decides on is known"},
		{"the agent is paused", func(f *lifecycle.Facts) { f.Store.Agent.Paused = pause }, "the agent is paused"},
		{"the stack is paused", func(f *lifecycle.Facts) { own(f).Paused = pause }, "the stack is paused"},
		{"its state is worked on", func(f *lifecycle.Facts) { own(f).Occupied = pause }, "is being worked on"},
		{"a freeze began", func(f *lifecycle.Facts) {
			f.Config.Stack.Freezes = []config.Freeze{{From: noon, To: noon.Add(time.Hour)}}
		}, "frozen until"},
		{"the window closed", func(f *lifecycle.Facts) {
			f.Config.Stack.ApplyWindows = []config.Window{{Schedule: "0 10 * * *", Duration: 2 * time.Hour}}
		}, "outside the apply window"},
		{"the window closes in a minute", func(f *lifecycle.Facts) {
			f.Config.Stack.ApplyWindows = []config.Window{{Schedule: "0 10 * * *", Duration: 121 * time.Minute}}
		}, ""},
		{"the newest commits are not trusted", func(f *lifecycle.Facts) { f.Config.Repository.RequireReview = true }, "known to be trusted"},
		{"what it depends on changed since", func(f *lifecycle.Facts) { uses(f, 9, 3) }, "vpc was changed by #9 since it was planned"},
		{"what it depends on did not change since", func(f *lifecycle.Facts) { uses(f, 3, 3) }, ""},
		{"what it depends on changed since, and a person asked for it", func(f *lifecycle.Facts) { uses(f, 9, 3); f.Run.Kind = store.KindManual }, ""},
		{"what it depends on was not read", func(f *lifecycle.Facts) { uses(f, 9, 3); delete(f.Store.Stacks, "vpc") }, "nobody knows whether what it depends on has changed"},
		{"the newest commit was not compared", func(f *lifecycle.Facts) { f.Process.Compared, f.Store.Repositories["infra"].Head = false, newer }, "is newer"},
		{"the newest commit is its own", func(f *lifecycle.Facts) { f.Process.Compared = false }, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := usual(store.Approved)
			test.is(&f)
			why := lifecycle.MayApply(f)
			if why.Any() != (test.want != "") || !strings.Contains(why.Why, test.want) {
				t.Errorf("it says %q, want %q", why.Why, test.want)
			}
			if step := lifecycle.Next(f); (step.Do == lifecycle.Apply) == why.Any() {
				t.Errorf("the next step is %q although MayApply says %q", said(step), why.Why)
			}
		})
	}
}
