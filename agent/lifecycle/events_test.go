package lifecycle_test

import (
	"time"

	"sallyport/agent/config"
	"sallyport/agent/config/calendar"
	"sallyport/agent/lifecycle"
	"sallyport/store"
)

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
			f.Config.Stack.ApplyWindows = []calendar.Window{{Schedule: "0 20 * * *", Duration: time.Hour}}
		}, [5]string{"plan", "plan", "hold outside the apply window until 2026-05-04 20:00 UTC; an approval counts and waits until then", "hold approved; outside the apply window until", "follow"}},
		{"in a freeze", "a freeze holds applies and nothing else", func(f *lifecycle.Facts) {
			f.Config.Stack.Freezes = []calendar.Freeze{{From: noon.Add(-time.Hour), To: noon.Add(time.Hour), Reason: "the fair"}}
		}, [5]string{"plan", "plan", "hold frozen until*: the fair; an approval counts", "hold approved; frozen until*: the fair", "follow"}},
		{"a recover of a person's in a freeze", "what brings back what is gone waits for no window", func(f *lifecycle.Facts) {
			f.Config.Stack.Freezes = []calendar.Freeze{{From: noon.Add(-time.Hour), To: noon.Add(time.Hour)}}
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
